// Package gallery shows every component in every state, filled by hand and without a database. Designers look at it in
// dev mode under /gallery; tests render all of it.
package gallery

import (
	"strings"

	"github.com/a-h/templ"

	"parley/views"
)

// Component is one component, or one page, with its states.
type Component struct {
	Name  string // as in the address: small letters and dashes
	Group string
	Stage string // what it stands on: "", "pad" or "row"
	// Alone says that the states hold the same ids, so that no two of them may stand on one page.
	Alone  bool
	States []State
}

// State is a component filled by hand. A whole page needs the layout's props and has Page instead of View.
type State struct {
	Name string // as in the address
	View templ.Component
	Page func(views.Page) templ.Component
}

// whole says whether the component is a whole page, to be shown as it is.
func (c *Component) whole() bool { return len(c.States) == 1 && c.States[0].Page != nil }

// oneByOne says that the states are shown on pages of their own only.
func (c *Component) oneByOne() bool {
	return len(c.States) > 1 && (c.Alone || c.States[0].Page != nil)
}

// Components lists everything there is to see, group by group.
func Components() []Component {
	var all []Component
	for _, group := range [][]Component{signs(), people(), presences(), messages(), lists(), forms(), panes(), groupPages(), pages(), joining(), administration(), letters(), failures()} {
		all = append(all, group...)
	}
	return all
}

// stateMark parts a component's name from a state's in an address.
const stateMark = "--"

// Find returns a component by its name, or one state of it by "component--state".
func Find(name string) (Component, bool) {
	name, state, one := strings.Cut(name, stateMark)
	for _, c := range Components() {
		if c.Name != name {
			continue
		}
		if !one {
			return c, true
		}
		for _, s := range c.States {
			if s.Name == state {
				c.States = []State{s}
				return c, true
			}
		}
	}
	return Component{}, false
}

// group is the components of one group.
type group struct {
	Name       string
	Components []Component
}

func groups() []group {
	var all []group
	for _, c := range Components() {
		if n := len(all); n == 0 || all[n-1].Name != c.Group {
			all = append(all, group{Name: c.Group})
		}
		last := &all[len(all)-1]
		last.Components = append(last.Components, c)
	}
	return all
}
