package main

import (
	"slices"
	"testing"
	"testing/fstest"
	"time"
)

func TestEffect(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{
		"main.go":                   rebuild,
		"go.mod":                    rebuild,
		"handlers/message.go":       rebuild,
		"views/message_templ.go":    rebuild,
		"views/locales/en.toml":     rebuild,
		"migrations/00001_base.sql": rebuild,
		"static/css/base.css":       reload,
		"static/js/composer.js":     reload,
		"views/message.templ":       ignore,
		"chat/message_test.go":      ignore,
		"scripts/dev/main.go":       ignore,
		"e2e/story.go":              ignore,
		"chaos/faults.go":           ignore,
		"docs/development.md":       ignore,
		"README.md":                 ignore,
	} {
		if got := effect(name); got != want {
			t.Errorf("effect(%s) = %d, want %d", name, got, want)
		}
	}
}

func TestLook(t *testing.T) {
	t.Parallel()
	const code = "var _ = GeneratedTemplate\npackage views\nfunc f() {\n\tWriteString(buffer, 1, \"%s\")\n\treturn templ.Error{Line: 3, Col: 4}\n}\n"
	files := func() fstest.MapFS {
		return fstest.MapFS{
			"a.go":               {Data: []byte("package a")},
			"b.css":              {},
			"views/c_templ.go":   {Data: []byte(code)},
			"static/css/d.css":   {Data: []byte("a{}")},
			".data/e.go":         {},
			"bin/f.go":           {},
			"views/bin/g.go":     {},
			"static/.hidden.css": {},
		}
	}
	before, err := newLooker(files()).look()
	if err != nil {
		t.Fatal(err)
	}
	if names := compare(nil, before); !slices.Equal(names, []string{"a.go", "static/.hidden.css", "static/css/d.css", "views/bin/g.go", "views/c_templ.go"}) {
		t.Errorf("it looks at %v", names)
	}
	tests := []struct {
		name   string
		change func(fstest.MapFS)
		want   []string
	}{
		{"nothing", func(fstest.MapFS) {}, nil},
		{"another size", func(f fstest.MapFS) { f["static/css/d.css"].Data = []byte("a{b}") }, []string{"static/css/d.css"}},
		{"another time", func(f fstest.MapFS) { f["a.go"].ModTime = time.Unix(1, 0) }, []string{"a.go"}},
		{"a new file and one that is gone", func(f fstest.MapFS) { f["z.go"] = f["a.go"]; delete(f, "a.go") }, []string{"a.go", "z.go"}},
		{"new text in generated code is no change", func(f fstest.MapFS) {
			f["views/c_templ.go"] = &fstest.MapFile{ModTime: time.Unix(1, 0), Data: []byte("var _ = GeneratedTemplate\npackage views\nfunc f() {\n\tWriteString(buffer, 1, \"other, \\\"longer\\\" text\")\n\treturn templ.Error{Line: 30, Col: 14}\n}\n")}
		}, nil},
		{"new code in generated code is one", func(f fstest.MapFS) {
			f["views/c_templ.go"].Data = []byte(code + "var x = 1\n")
		}, []string{"views/c_templ.go"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			changed := files()
			test.change(changed)
			after, err := newLooker(changed).look()
			if err != nil {
				t.Fatal(err)
			}
			if got := compare(before, after); !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestLookAgain(t *testing.T) {
	t.Parallel()
	file := func(second int64, content string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(content), ModTime: time.Unix(second, 0)}
	}
	files := fstest.MapFS{"views/a_templ.go": file(1, "var x = 1\nvar _ = GeneratedTemplate"), "static/b.css": file(1, "b{}")}
	looker := newLooker(files)
	before, err := looker.look()
	if err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		name string
		file string
		now  *fstest.MapFile
		want []string
	}{
		{"generated code that is being written is no change yet", "views/a_templ.go", file(2, "var x ="), nil},
		{"generated code that is written as it was is none", "views/a_templ.go", file(3, "var x = 1\nvar _ = GeneratedTemplate"), nil},
		{"new generated code is one", "views/a_templ.go", file(4, "var x = 2\nvar _ = GeneratedTemplate"), []string{"views/a_templ.go"}},
		{"an emptied file is being written", "static/b.css", file(5, ""), nil},
		{"a written file is a change", "static/b.css", file(6, "b{}"), []string{"static/b.css"}},
	}
	for _, step := range steps {
		files[step.file] = step.now
		after, err := looker.look()
		if got := compare(before, after); err != nil || !slices.Equal(got, step.want) {
			t.Errorf("%s: got %v, want %v (%v)", step.name, got, step.want, err)
		}
		before = after
	}
}
