package views

import "parley/chat"

// PeopleProps is the search for people.
type PeopleProps struct {
	Results PeopleResultsProps
}

// PeopleResultsProps is what a search found. Continued says that these are put behind others already shown: then only the
// people and the next link are drawn.
type PeopleResultsProps struct {
	Query     string
	People    []PersonProps
	Next      string // the cursor of the next page; empty at the end
	Viewer    chat.ID
	Continued bool
	Err       *chat.Error
}

// NewPeopleResults makes props of a page of results.
func NewPeopleResults(query string, page chat.PeoplePage, viewer chat.ID) PeopleResultsProps {
	p := PeopleResultsProps{Query: query, Next: page.Next, Viewer: viewer}
	for _, card := range page.People {
		p.People = append(p.People, NewPerson(card))
	}
	return p
}

// ProfileProps is somebody's profile.
type ProfileProps struct {
	Person PersonProps
	Self   bool
	// Blocked by the viewer: then there is the name, and the way back.
	Blocked bool
	Err     *chat.Error // why a conversation could not be started
	// Presence is of anybody but the viewer.
	Presence PresenceProps
}

// NewProfile makes props of what the viewer may see.
func NewProfile(profile chat.Profile, viewer chat.ID) ProfileProps {
	p := ProfileProps{Person: NewPerson(profile.Card), Self: profile.ID == viewer, Blocked: profile.Blocked}
	if !p.Self {
		p.Presence = unseen(profile.ID)
	}
	return p
}
