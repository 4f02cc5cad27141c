package chat

import (
	"context"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Token is what a request shows of whom it comes from.
type Token struct {
	Hash    string // of the cookie's token, as [Store] keeps it
	Address string // the client's, noted with the last use of the session
	// Fresh asks the rows in any case: for what lasts longer than a request, and for whatever looks at the password or at
	// addresses, which are not remembered.
	Fresh bool
}

// ViewerCache remembers for a moment who stands behind a token, for the requests of one page that come together. What it
// says is never older than [ViewerLife], counted from before it was read.
type ViewerCache interface {
	// Viewer returns what is remembered of a person under a key, and what read says where nothing is. No error is
	// remembered.
	Viewer(ctx context.Context, person ID, key string, read ReadViewer) (Viewer, error)
	// Forget forgets all that is remembered of these people. What was being read meanwhile is not remembered either: it may
	// be from before what has just been committed. When it returns, nobody at this node is told anything older, and nobody
	// at another one that the cache reaches.
	Forget(ctx context.Context, people ...ID)
}

// ReadViewer reads a viewer from rows; keep says whether it may be remembered.
type ReadViewer func(ctx context.Context) (viewer Viewer, keep bool, err error)

// ViewerByToken returns who stands behind a token. session finds out whose session that is; it is asked only where this
// node does not know yet, or where that session is no longer to be had by the token. It comes without addresses and
// without the password's hash, unless it is to be fresh. Errors: unauthenticated, and those of session.
func (c *Chat) ViewerByToken(ctx context.Context, token Token, session func(context.Context) (ID, error)) (Viewer, error) {
	known, ok := c.passes.find(token.Hash)
	asked := !token.Fresh && c.viewers != nil
	if ok && asked {
		remembered := true
		viewer, err := c.viewers.Viewer(ctx, known.person, token.Hash, func(ctx context.Context) (Viewer, bool, error) {
			remembered = false
			viewer, idle, err := c.store.ViewerByToken(ctx, known.session, token.Hash, SessionIdle)
			viewer, err = c.seen(ctx, viewer.bare(), idle, token.Address, err)
			// Who is to get another token must not go on with this one.
			return viewer, !viewer.Renew, err
		})
		c.meter.ViewerAsked(remembered)
		if KindOf(err) != KindUnauthenticated {
			return viewer, err
		}
	} else if asked {
		c.meter.ViewerAsked(false)
	}
	id, err := session(ctx)
	if err != nil {
		return Viewer{}, err
	}
	viewer, err := c.ViewerAt(ctx, id, token.Address)
	if err != nil {
		return Viewer{}, err
	}
	c.passes.note(token.Hash, pass{session: id, person: viewer.ID})
	if !token.Fresh {
		viewer = viewer.bare()
	}
	return viewer, nil
}

// bare is a viewer as it is remembered.
func (v Viewer) bare() Viewer {
	v.Email, v.EmailConfirmedAt, v.EmailWanted, v.PasswordHash = "", nil, "", ""
	return v
}

// forget lets the cache forget the people whom these events concern.
func (c *Chat) forget(ctx context.Context, events ...Event) {
	if c.viewers == nil {
		return
	}
	var people []ID
	for _, event := range events {
		var person ID
		switch e := event.(type) {
		case PersonChanged:
			person = e.PersonID
		case SessionsEnded:
			person = e.PersonID
		}
		if person != (ID{}) {
			people = append(people, person)
		}
	}
	if len(people) > 0 {
		c.viewers.Forget(ctx, people...)
	}
}

// passesKnown bounds the memory of passes, at some 250 bytes each.
const passesKnown = 65_536

// pass says to which session a token belongs, and to whom that. Neither ever changes, so it may be known for as long as one
// likes; whether they still hold is asked each time.
type pass struct{ session, person ID }

// passes are those that this node knows.
type passes struct {
	mu    sync.Mutex
	known *simplelru.LRU[string, pass]
}

func newPasses() *passes {
	known, err := simplelru.NewLRU[string, pass](passesKnown, nil)
	if err != nil {
		panic(err) // only a size below one is an error
	}
	return &passes{known: known}
}

func (p *passes) find(hash string) (pass, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known.Get(hash)
}

func (p *passes) note(hash string, known pass) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known.Add(hash, known)
}
