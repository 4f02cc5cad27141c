package chat_test

import (
	"maps"
	"sync"
	"testing"

	"parley/chat"
	"parley/chat/chattest"
)

// tally counts what the domain reports.
type tally struct {
	mu    sync.Mutex
	times map[string]int
}

func (c *tally) note(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.times == nil {
		c.times = map[string]int{}
	}
	c.times[what]++
}

func (c *tally) MessageStored(kind chat.MessageKind) { c.note("message " + string(kind)) }
func (c *tally) SendRepeated()                       { c.note("repeated") }
func (c *tally) LoginFailed()                        { c.note("login") }
func (c *tally) LimitReached(limit chat.Limit)       { c.note("limit " + limit.Name) }
func (c *tally) ViewerAsked(remembered bool) {
	c.note(map[bool]string{true: "viewer remembered", false: "viewer read"}[remembered])
}

// is fails unless exactly this was reported since it was asked last.
func (c *tally) is(t *testing.T, want map[string]int) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !maps.Equal(c.times, want) {
		t.Errorf("reported are %v, want %v", c.times, want)
	}
	c.times = nil
}

func TestMeter(t *testing.T) {
	t.Parallel()

	t.Run("a message counts once it is stored, and a repeated send apart", func(t *testing.T) {
		t.Parallel()
		var count tally
		w := chattest.New(t, chattest.With(chat.WithMeter(&count)))
		anna, ben, eve := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Eve")
		id := w.Direct(t, anna, ben)
		count.is(t, nil)
		draft := chat.Draft{Body: "hello", ClientID: chat.NewID()}
		value[chat.Message](t)(w.Chat.SendMessage(t.Context(), anna, id, draft))
		count.is(t, map[string]int{"message text": 1})
		value[chat.Message](t)(w.Chat.SendMessage(t.Context(), anna, id, draft))
		count.is(t, map[string]int{"repeated": 1})
		draft.Body = "something else"
		if _, err := w.Chat.SendMessage(t.Context(), anna, id, draft); chat.KindOf(err) != chat.KindConflict {
			t.Errorf("got %v", err)
		}
		if _, err := w.Chat.SendMessage(t.Context(), eve, id, chat.Draft{Body: "x", ClientID: chat.NewID()}); chat.KindOf(err) != chat.KindNotFound {
			t.Errorf("got %v", err)
		}
		count.is(t, nil)
	})

	t.Run("what the system says in a group counts once it is stored", func(t *testing.T) {
		t.Parallel()
		var count tally
		w := chattest.New(t, chattest.With(chat.WithMeter(&count)))
		anna, ben, carla := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Carla")
		ctx := t.Context()
		group := value[chat.ID](t)(w.Chat.CreateGroup(ctx, anna, chat.GroupSettings{Name: "Choir"}, []chat.ID{ben.ID}))
		count.is(t, map[string]int{"message system": 1})
		if _, err := w.Chat.CreateGroup(ctx, anna, chat.GroupSettings{Name: "Choir"}, []chat.ID{chat.NewID()}); chat.KindOf(err) != chat.KindNotFound {
			t.Errorf("got %v", err)
		}
		count.is(t, nil)
		must(t, w.Chat.AddMembers(ctx, anna, group, []chat.ID{carla.ID}))
		count.is(t, map[string]int{"message system": 1})
		must(t, w.Chat.AddMembers(ctx, anna, group, []chat.ID{carla.ID})) // who is in it
		count.is(t, nil)
		must(t, w.Chat.UpdateGroup(ctx, anna, group, chat.GroupSettings{Name: "Chorus", Description: "We sing"}))
		count.is(t, map[string]int{"message system": 2})
		if err := w.Chat.UpdateGroup(ctx, carla, group, chat.GroupSettings{Name: "Mine"}); chat.KindOf(err) != chat.KindForbidden {
			t.Errorf("got %v", err)
		}
		count.is(t, nil)
		must(t, w.Chat.LeaveGroup(ctx, carla, group))
		count.is(t, map[string]int{"message system": 1})
	})

	t.Run("a wrong password, an unknown name and too many of them", func(t *testing.T) {
		t.Parallel()
		var count tally
		w := chattest.New(t, chattest.Limits(), chattest.With(chat.WithMeter(&count)))
		anna := w.Person(t, "Anna")
		value[chat.Viewer](t)(w.Chat.LogIn(t.Context(), chat.Origin{}, anna.Username, chattest.Password))
		count.is(t, nil)
		for _, name := range []string{anna.Username, "nobody"} {
			if _, err := w.Chat.LogIn(t.Context(), chat.Origin{}, name, "wrong"); chat.CodeOf(err) != chat.CodeLogin {
				t.Errorf("got %v", err)
			}
		}
		count.is(t, map[string]int{"login": 2})
		for range chat.LimitLoginByAccount.Burst {
			_, _ = w.Chat.LogIn(t.Context(), chat.Origin{}, "nobody", "wrong")
		}
		count.is(t, map[string]int{"login": chat.LimitLoginByAccount.Burst - 1, "limit login_account": 1})
	})

	t.Run("who asks is read once, and remembered", func(t *testing.T) {
		t.Parallel()
		var count tally
		d := newDoor(t, chattest.With(chat.WithMeter(&count)))
		token := chat.Token{Hash: d.token(t, d.Person(t, "Anna"))}
		ask := func() {
			t.Helper()
			value[chat.Viewer](t)(d.enter(t.Context(), token))
		}
		ask()
		count.is(t, map[string]int{"viewer read": 1}) // whose token it is was not known
		ask()
		count.is(t, map[string]int{"viewer read": 1})
		ask()
		count.is(t, map[string]int{"viewer remembered": 1})
		d.clock.Advance(chat.ViewerLife)
		ask()
		count.is(t, map[string]int{"viewer read": 1})
		token.Fresh = true
		ask()
		count.is(t, nil)
	})
}
