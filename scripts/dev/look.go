package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// What a changed file asks for, the greater the more.
const (
	ignore = iota
	reload
	rebuild
)

// effect says what a change of the named file asks for. A .templ file asks for nothing: templ watches it, reloads the
// page, and writes Go code where that is needed.
func effect(name string) int {
	inside := func(folder string) bool { return strings.HasPrefix(name, folder+"/") }
	switch {
	case strings.HasSuffix(name, "_test.go"), inside("scripts"), inside("e2e"), inside("load"), inside("chaos"),
		strings.HasSuffix(name, ".templ"):
		return ignore
	case path.Ext(name) == ".go", path.Base(name) == "go.mod", inside("migrations"), inside("views/locales"):
		return rebuild
	case inside("static"):
		return reload
	}
	return ignore
}

// looker looks at the files, again and again.
type looker struct {
	root   fs.FS
	states map[string]string // as they were found last
	stamps map[string]string // of generated files, when their state was found
}

func newLooker(root fs.FS) *looker {
	return &looker{root, map[string]string{}, map[string]string{}}
}

// look returns the state of every file that matters; two states differ where the file does. A file that is being written
// (empty, or not whole) keeps the state it had.
func (l *looker) look() (map[string]string, error) {
	states := map[string]string{}
	err := fs.WalkDir(l.root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if base := path.Base(name); name != "." && (strings.HasPrefix(base, ".") || slices.Contains([]string{"bin", "node_modules", "shots"}, name)) {
				return fs.SkipDir
			}
			return nil
		}
		if effect(name) == ignore {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		states[name], err = l.state(name, info)
		return err
	})
	if err == nil {
		l.states = states
	}
	return states, err
}

func (l *looker) state(name string, info fs.FileInfo) (string, error) {
	stamp := fmt.Sprint(info.Size(), info.ModTime().UnixNano())
	old, known := l.states[name]
	switch {
	case known && info.Size() == 0:
		return old, nil
	case !strings.HasSuffix(name, "_templ.go"):
		return stamp, nil
	case known && l.stamps[name] == stamp:
		return old, nil
	}
	content, err := fs.ReadFile(l.root, name)
	if err != nil {
		return "", err
	}
	if known && !bytes.Contains(content, []byte(lastLine)) {
		return old, nil
	}
	l.stamps[name] = stamp
	return codeOnly(content), nil
}

// In templ's Go code: the fixed text, which a running server in development reads from elsewhere, and the positions.
var (
	fixedText = regexp.MustCompile(`WriteString\([^"\n]*, (\d+), ".*"\)`)
	position  = regexp.MustCompile(`Line: \d+, Col: \d+`)
)

// lastLine stands at the end of what templ generates.
const lastLine = "GeneratedTemplate"

// codeOnly returns the state of a generated file: it differs only where the code does, so that new text alone does not
// restart the server.
func codeOnly(content []byte) string {
	content = fixedText.ReplaceAll(content, []byte("WriteString($1)"))
	content = position.ReplaceAll(content, nil)
	return fmt.Sprintf("%x", sha256.Sum256(content))
}

// compare names the files that are new, gone or different, in order.
func compare(before, after map[string]string) []string {
	var changed []string
	for name, state := range after {
		if old, ok := before[name]; !ok || old != state {
			changed = append(changed, name)
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			changed = append(changed, name)
		}
	}
	slices.Sort(changed)
	return changed
}
