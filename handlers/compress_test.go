package handlers

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

func TestWriteBody(t *testing.T) {
	t.Parallel()
	page := []byte(strings.Repeat("<p>Is this the new one?</p>\n", 200))
	for name, c := range map[string]struct {
		accept  string
		content []byte
		gzipped bool
	}{
		"a browser takes gzip":                  {"gzip, deflate, br, zstd", page, true},
		"what fits into a packet goes as it is": {"gzip", page[:200], false},
		"a client that asks for nothing":        {"", page, false},
		"a client that refuses it":              {"br, gzip;q=0", page, false},
		"a client that knows brotli alone":      {"br", page, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.Header.Set("Accept-Encoding", c.accept)
			w := httptest.NewRecorder()
			writeBody(w, r, http.StatusTeapot, c.content)
			if w.Code != http.StatusTeapot || w.Header().Get("Vary") != "Accept-Encoding" {
				t.Errorf("status %d, Vary %q", w.Code, w.Header().Get("Vary"))
			}
			if gzipped := w.Header().Get("Content-Encoding") == "gzip"; gzipped != c.gzipped {
				t.Fatalf("gzip: %v", gzipped)
			}
			got := w.Body.Bytes()
			if c.gzipped {
				if len(got) >= len(c.content) {
					t.Errorf("%d bytes of %d", len(got), len(c.content))
				}
				reader, err := gzip.NewReader(bytes.NewReader(got))
				if err != nil {
					t.Fatal(err)
				}
				if got, err = io.ReadAll(reader); err != nil {
					t.Fatal(err)
				}
			} else if w.Header().Get("Content-Length") != strconv.Itoa(len(c.content)) {
				t.Errorf("Content-Length %q", w.Header().Get("Content-Length"))
			}
			if !bytes.Equal(got, c.content) {
				t.Error("the content is another one")
			}
		})
	}
}
