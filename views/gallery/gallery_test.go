package gallery

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"testing"

	"parley/views"
)

func TestFind(t *testing.T) {
	t.Parallel()
	t.Run("a component is found by its name, a state by both names", func(t *testing.T) {
		t.Parallel()
		all, found := Find("message")
		if !found || len(all.States) < 10 {
			t.Errorf("%d states", len(all.States))
		}
		one, found := Find("message--pending")
		if !found || len(one.States) != 1 || one.States[0].Name != "pending" {
			t.Errorf("%+v", one)
		}
	})
	t.Run("what is not there is not found", func(t *testing.T) {
		t.Parallel()
		for _, name := range []string{"", "nothing", "message--", "message--nothing", "--pending", "nothing--pending"} {
			if c, found := Find(name); found {
				t.Errorf("%q is %s", name, c.Name)
			}
		}
	})
}

func TestComponents(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	components, seen := 0, map[string]bool{}
	for _, g := range groups() {
		if seen["group "+g.Name] {
			t.Errorf("the group %s is there twice", g.Name)
		}
		seen["group "+g.Name] = true
		for _, c := range g.Components {
			components++
			if !name.MatchString(c.Name) || seen[c.Name] || len(c.States) == 0 {
				t.Errorf("component %q, %d states", c.Name, len(c.States))
			}
			seen[c.Name] = true
			for _, s := range c.States {
				if !name.MatchString(s.Name) || seen[c.Name+stateMark+s.Name] || (s.View == nil) == (s.Page == nil) {
					t.Errorf("state %s of %s", s.Name, c.Name)
				}
				seen[c.Name+stateMark+s.Name] = true
			}
		}
	}
	if components != len(Components()) {
		t.Errorf("%d of %d components are in a group", components, len(Components()))
	}
}

func TestShow(t *testing.T) {
	t.Parallel()
	show := func(t *testing.T, name string) string {
		t.Helper()
		c, found := Find(name)
		if !found {
			t.Fatalf("no %s", name)
		}
		var b bytes.Buffer
		if err := Show(views.Page{Theme: "dark"}, c).Render(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	t.Run("states stand below each other", func(t *testing.T) {
		t.Parallel()
		got := show(t, "message")
		if strings.Count(got, `class="gallery__state"`) < 10 || !strings.Contains(got, `data-theme="dark"`) {
			t.Error(got[:200])
		}
	})
	t.Run("states with the same ids are linked to instead", func(t *testing.T) {
		t.Parallel()
		if got := show(t, "composer"); !strings.Contains(got, `href="/gallery/composer--closed"`) || strings.Contains(got, "<textarea") {
			t.Error("they stand on one page")
		}
		if got := show(t, "composer--empty"); strings.Count(got, "<textarea") != 1 {
			t.Error("the state alone is not shown")
		}
	})
	t.Run("a whole page is shown as it is", func(t *testing.T) {
		t.Parallel()
		if got := show(t, "login-page--empty"); strings.Contains(got, `class="gallery"`) || !strings.Contains(got, `action="/login"`) {
			t.Error("the gallery stands around it")
		}
		if got := show(t, "login-page"); !strings.Contains(got, `href="/gallery/login-page--wrong"`) {
			t.Error("its states are not linked to")
		}
	})
}
