package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
)

// file is one file in the forms a browser may ask for. The compressed ones are made when first asked for.
type file struct {
	contentType string
	tag         string
	plain       []byte
	brotli      func() []byte
	gzip        func() []byte
}

func newFile(name string, content []byte) *file {
	sum := sha256.Sum256(content)
	f := &file{contentType: types[path.Ext(name)], tag: hex.EncodeToString(sum[:8]), plain: content}
	if strings.HasPrefix(f.contentType, "text/") || strings.HasSuffix(f.contentType, "+xml") {
		f.brotli = sync.OnceValue(func() []byte { return brotlied(content) })
		f.gzip = sync.OnceValue(func() []byte { return gzipped(content) })
	}
	return f
}

func brotlied(content []byte) []byte {
	var b bytes.Buffer
	w := brotli.NewWriterLevel(&b, brotli.BestCompression)
	_, _ = w.Write(content) // into memory
	_ = w.Close()
	return b.Bytes()
}

func gzipped(content []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is one there is
	_, _ = w.Write(content)
	_ = w.Close()
	return b.Bytes()
}

func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	content, tag := f.plain, f.tag
	header := w.Header()
	if f.brotli != nil {
		header.Set("Vary", "Accept-Encoding")
		switch encoding := acceptedEncoding(r.Header.Get("Accept-Encoding")); encoding {
		case "br":
			content, tag = f.brotli(), tag+"-br"
			header.Set("Content-Encoding", encoding)
		case "gzip":
			content, tag = f.gzip(), tag+"-gz"
			header.Set("Content-Encoding", encoding)
		}
	}
	tag = `"` + tag + `"`
	header.Set("ETag", tag)
	if strings.Contains(r.Header.Get("If-None-Match"), tag) {
		header.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	header.Set("Content-Length", strconv.Itoa(len(content)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(content) // whoever asked may have gone
	}
}

// AcceptsGzip says whether a client that sent this Accept-Encoding can take gzip.
func AcceptsGzip(accept string) bool {
	for _, part := range strings.Split(accept, ",") {
		if name, _, _ := strings.Cut(part, ";"); strings.EqualFold(strings.TrimSpace(name), "gzip") {
			return acceptedEncoding(part) == "gzip"
		}
	}
	return false
}

// acceptedEncoding chooses among br, gzip and none by RFC 9110, 12.5.3: what has the higher weight, br when equal.
func acceptedEncoding(accept string) string {
	best, bestWeight := "", 0.0
	for _, part := range strings.Split(accept, ",") {
		name, parameter, _ := strings.Cut(part, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		if name != "br" && name != "gzip" {
			continue
		}
		weight := 1.0
		if q, found := strings.CutPrefix(strings.TrimSpace(parameter), "q="); found {
			var err error
			if weight, err = strconv.ParseFloat(q, 64); err != nil {
				weight = 0
			}
		}
		if weight > bestWeight || weight == bestWeight && weight > 0 && name == "br" {
			best, bestWeight = name, weight
		}
	}
	return best
}
