package handlers

import (
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
	"sync"

	"parley/static"
)

// compressFrom is the size in bytes from which a page is compressed: below, it fits into one packet as it is.
const compressFrom = 1400

// A page holds no secret that a guess reflected in it could be compressed against (the session's token is in a cookie,
// and forms carry no token), so compressing it gives nothing away.
var compressors = sync.Pool{New: func() any {
	writer, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	if err != nil {
		panic(err) // only a level that does not exist is an error
	}
	return writer
}}

// writeBody ends an answer whose other headers are set, with content as the client can take it. A client that left needs
// no error page, so nothing is said of a write that failed.
func writeBody(w http.ResponseWriter, r *http.Request, status int, content []byte) {
	header := w.Header()
	header.Add("Vary", "Accept-Encoding")
	if len(content) < compressFrom || !static.AcceptsGzip(r.Header.Get("Accept-Encoding")) {
		header.Set("Content-Length", strconv.Itoa(len(content)))
		w.WriteHeader(status)
		_, _ = w.Write(content)
		return
	}
	header.Set("Content-Encoding", "gzip")
	w.WriteHeader(status)
	writer := compressors.Get().(*gzip.Writer)
	defer compressors.Put(writer)
	writer.Reset(w)
	_, _ = writer.Write(content)
	_ = writer.Close()
}
