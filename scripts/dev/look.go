package main

import (
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
	case strings.HasSuffix(name, "_test.go"), inside("scripts"), inside("e2e"), inside("load"), strings.HasSuffix(name, ".templ"):
		return ignore
	case path.Ext(name) == ".go", path.Base(name) == "go.mod", inside("migrations"), inside("views/locales"):
		return rebuild
	case inside("static"):
		return reload
	}
	return ignore
}

// look returns the state of every file that matters; two states differ where the file does.
func look(root fs.FS) (map[string]string, error) {
	states := map[string]string{}
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
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
		states[name] = fmt.Sprint(info.Size(), info.ModTime())
		if strings.HasSuffix(name, "_templ.go") {
			states[name], err = generated(root, name)
		}
		return err
	})
	return states, err
}

// In templ's Go code: the fixed text, which a running server in development reads from elsewhere, and the positions.
var (
	fixedText = regexp.MustCompile(`WriteString\([^"\n]*, (\d+), ".*"\)`)
	position  = regexp.MustCompile(`Line: \d+, Col: \d+`)
)

// generated returns the state of a file that templ made: it differs only where the code does, so that new text alone
// does not restart the server.
func generated(root fs.FS, name string) (string, error) {
	content, err := fs.ReadFile(root, name)
	if err != nil {
		return "", err
	}
	content = fixedText.ReplaceAll(content, []byte("WriteString($1)"))
	content = position.ReplaceAll(content, nil)
	return fmt.Sprintf("%x", sha256.Sum256(content)), nil
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
