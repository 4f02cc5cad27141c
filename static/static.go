// Package static holds the files that browsers load: styles, scripts, icons, the font, and what is vendored. They are
// part of the binary and served under a path with their checksum, so a browser never has to ask twice, and never mixes
// two versions.
package static

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
)

//go:embed css/*.css js/*.js icons icons.svg fonts/*.woff2 vendor/*.js
var embedded embed.FS

// Prefix is where the files are served.
const Prefix = "/static/"

// The files that are joined from others, in their order. The first line of the styles names the layers.
const (
	stylesheet = "css/app.css"
	htmxBundle = "js/htmx-bundle.js"
)

var joined = map[string][]string{
	stylesheet: {
		"css/layers.css", "css/fonts.css", "css/reset.css", "css/tokens.css", "css/base.css", "css/icon.css",
		"css/button.css", "css/avatar.css", "css/search.css", "css/field.css", "css/shell.css", "css/list.css",
		"css/pane.css", "css/tabs.css", "css/log.css", "css/message.css", "css/menu.css", "css/composer.css", "css/unsent.css",
		"css/people.css", "css/presence.css", "css/settings.css",
		"css/group.css", "css/administration.css", "css/gate.css", "css/failure.css", "css/gallery.css", "css/utilities.css",
	},
	htmxBundle: {"vendor/htmx.min.js"},
}

// Assets are the files of one build.
type Assets struct {
	dev   bool
	files fs.FS
	sum   string
	mu    sync.RWMutex
	cache map[string]*file
}

// New reads the embedded files. In dev it reads them from the folder static below the working folder instead, at each
// request, and browsers keep nothing, so that a designer sees each change at once.
func New(dev bool) *Assets {
	a := &Assets{dev: dev, files: embedded, cache: map[string]*file{}}
	if dev {
		if _, err := fs.Stat(os.DirFS("static"), "css"); err == nil {
			a.files = os.DirFS("static")
		}
		a.sum = "dev"
		return a
	}
	hash := sha256.New()
	for _, name := range a.names() {
		content, _ := a.read(name) // embedded, and just listed
		fmt.Fprintf(hash, "%s %d\n", name, len(content))
		hash.Write(content)
	}
	a.sum = hex.EncodeToString(hash.Sum(nil))[:16]
	return a
}

// names lists the served files in the order of the alphabet.
func (a *Assets) names() []string {
	names := []string{stylesheet, htmxBundle}
	_ = fs.WalkDir(a.files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && served(name) {
			names = append(names, name)
		}
		return err
	})
	slices.Sort(names)
	return names
}

// served says whether a file is asked for under its own name: what is joined is not.
func served(name string) bool {
	if types[path.Ext(name)] == "" {
		return false
	}
	for _, parts := range joined {
		if slices.Contains(parts, name) {
			return false
		}
	}
	return true
}

// types are the kinds of files there are; nothing else is served.
var types = map[string]string{
	".css":   "text/css; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".svg":   "image/svg+xml",
	".png":   "image/png",
	".ico":   "image/x-icon",
	".woff2": "font/woff2",
}

// read returns a file's content.
func (a *Assets) read(name string) ([]byte, error) {
	parts, isJoined := joined[name]
	if !isJoined {
		if !served(name) {
			return nil, fs.ErrNotExist
		}
		return fs.ReadFile(a.files, name)
	}
	var content bytes.Buffer
	for _, part := range parts {
		one, err := fs.ReadFile(a.files, part)
		if err != nil {
			return nil, err
		}
		content.Write(one)
		content.WriteByte('\n')
	}
	return content.Bytes(), nil
}

// Path returns the address of a file, such as "css/app.css". Under it the file never changes.
func (a *Assets) Path(name string) string { return Prefix + a.sum + "/" + name }

// Has says whether there is something under an address.
func (a *Assets) Has(urlPath string) bool {
	name, _ := splitPath(urlPath)
	_, err := a.read(name)
	return strings.HasPrefix(urlPath, Prefix) && err == nil
}

// ServeHTTP answers requests below [Prefix]. Under the checksum of this build a file is kept by browsers for good;
// under another one, or under none, it is what this build has, to be checked again: during a rolling restart pages of
// the other version may ask here.
func (a *Assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	name, sum := splitPath(r.URL.Path)
	f, err := a.file(name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	header := w.Header()
	header.Set("Content-Type", f.contentType)
	header.Set("X-Content-Type-Options", "nosniff")
	switch {
	case a.dev:
		header.Set("Cache-Control", "no-store")
	case sum == a.sum:
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	default:
		header.Set("Cache-Control", "no-cache")
	}
	f.serve(w, r)
}

// splitPath parts the checksum, if there is one, from the file's name.
func splitPath(urlPath string) (name, sum string) {
	name = strings.TrimPrefix(urlPath, Prefix)
	if first, rest, found := strings.Cut(name, "/"); found && isSum(first) {
		return rest, first
	}
	return name, ""
}

func isSum(s string) bool {
	if s == "dev" {
		return true
	}
	_, err := hex.DecodeString(s)
	return err == nil && len(s) == 16
}

// file returns a file with its compressed forms, kept from the second time on; in dev the file alone, read each time.
func (a *Assets) file(name string) (*file, error) {
	a.mu.RLock()
	f := a.cache[name]
	a.mu.RUnlock()
	if f != nil {
		return f, nil
	}
	content, err := a.read(name)
	if err != nil {
		return nil, err
	}
	if a.dev {
		// As it is: compressing everything anew for each page takes a second, and nothing travels far here.
		f := newFile(name, content)
		f.brotli, f.gzip = nil, nil
		return f, nil
	}
	if name == entry {
		// Without its bundle the module still works: it imports the others from beside it.
		if bundled, err := bundle(a.files, name); err == nil {
			content = bundled
		}
	}
	f = newFile(name, content)
	a.mu.Lock()
	defer a.mu.Unlock()
	if earlier := a.cache[name]; earlier != nil {
		return earlier, nil
	}
	a.cache[name] = f
	return f, nil
}
