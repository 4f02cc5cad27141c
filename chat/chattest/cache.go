package chattest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/chat"
)

// TestViewerCache holds a cache to what [chat.ViewerCache] says. begin makes one, and what lets so much time pass for it;
// time passes by itself as well.
func TestViewerCache(t *testing.T, begin func(t *testing.T) (cache chat.ViewerCache, pass func(time.Duration))) {
	t.Run("what was read is remembered whole, for each person and each key apart", func(t *testing.T) {
		t.Parallel()
		cache, _ := begin(t)
		// A machine that stands still for a second forgets all this: then again.
		Patiently(t, "both are remembered", func() bool {
			anna, ben := somebody("Anna"), somebody("Bén 👋 {\"\\")
			for _, one := range []struct {
				viewer chat.Viewer
				key    string
			}{{anna, "one"}, {anna, "two"}, {ben, "one"}, {ben, "\x00\xff{two}\r\n"}} {
				one.viewer.SessionID = chat.NewID()
				Seen(t, cache, one.viewer.ID, one.key, one.viewer)
				got, read := Seen(t, cache, one.viewer.ID, one.key, somebody("Somebody else"))
				if read {
					return false
				}
				if !reflect.DeepEqual(got, one.viewer) {
					t.Errorf("got %+v instead of %+v", got, one.viewer)
				}
			}
			return true
		})
	})

	t.Run("it is remembered for less than a second, however often it is asked for", func(t *testing.T) {
		t.Parallel()
		cache, pass := begin(t)
		anna := somebody("Anna")
		Seen(t, cache, anna.ID, "key", anna)
		pass(chat.ViewerLife / 2)
		_, late := Seen(t, cache, anna.ID, "key", anna) // where a machine stands still for so long
		Seen(t, cache, anna.ID, "another", anna)
		pass(chat.ViewerLife/2 + time.Millisecond)
		if _, read := Seen(t, cache, anna.ID, "key", anna); !read && !late {
			t.Error("it is still remembered")
		}
	})

	t.Run("what took longer than that to read is not remembered", func(t *testing.T) {
		t.Parallel()
		cache, pass := begin(t)
		anna := somebody("Anna")
		value(t)(cache.Viewer(t.Context(), anna.ID, "key", func(context.Context) (chat.Viewer, bool, error) {
			pass(chat.ViewerLife)
			return anna, true, nil
		}))
		if _, read := Seen(t, cache, anna.ID, "key", anna); !read {
			t.Error("it is remembered from when it came")
		}
	})

	t.Run("who was forgotten is read anew, and nobody else", func(t *testing.T) {
		t.Parallel()
		cache, _ := begin(t)
		anna, ben, cleo := somebody("Anna"), somebody("Ben"), somebody("Cleo")
		all := []chat.Viewer{anna, ben, cleo}
		Patiently(t, "the third is remembered", func() bool {
			for _, one := range all {
				Seen(t, cache, one.ID, "one", one)
				Seen(t, cache, one.ID, "two", one)
			}
			cache.Forget(t.Context(), anna.ID, chat.NewID(), ben.ID, ben.ID)
			for _, one := range all[:2] {
				for _, key := range []string{"one", "two"} {
					renamed := one
					renamed.DisplayName += "!"
					if got, read := Seen(t, cache, one.ID, key, renamed); !read || got.DisplayName != renamed.DisplayName {
						t.Errorf("%s is still known by %s", one.DisplayName, key)
					}
				}
			}
			_, read := Seen(t, cache, cleo.ID, "two", cleo)
			return !read
		})
	})

	t.Run("what was being read while it was forgotten is not remembered", func(t *testing.T) {
		t.Parallel()
		cache, _ := begin(t)
		for _, known := range []bool{false, true} {
			anna := somebody("Anna")
			if known {
				Seen(t, cache, anna.ID, "another", anna)
			}
			got, err := cache.Viewer(t.Context(), anna.ID, "key", func(ctx context.Context) (chat.Viewer, bool, error) {
				cache.Forget(ctx, anna.ID) // somebody has just committed a change
				return anna, true, nil
			})
			if err != nil || got.ID != anna.ID {
				t.Errorf("%v, %v", got, err)
			}
			if _, read := Seen(t, cache, anna.ID, "key", anna); !read {
				t.Error("it is remembered")
			}
		}
	})

	t.Run("neither an error nor what is not to be kept is remembered", func(t *testing.T) {
		t.Parallel()
		cache, _ := begin(t)
		anna, broken := somebody("Anna"), errors.New("broken")
		_, err := cache.Viewer(t.Context(), anna.ID, "key", func(context.Context) (chat.Viewer, bool, error) {
			return chat.Viewer{}, true, broken
		})
		if !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
		value(t)(cache.Viewer(t.Context(), anna.ID, "key", func(context.Context) (chat.Viewer, bool, error) {
			return anna, false, nil
		}))
		if _, read := Seen(t, cache, anna.ID, "key", anna); !read {
			t.Error("it is remembered")
		}
	})

	t.Run("of many who read and change at once nobody is told what was before an answered change", func(t *testing.T) {
		t.Parallel()
		cache, _ := begin(t)
		Churn(t, []chat.ViewerCache{cache}, []chat.ViewerCache{cache})
	})
}

// Churn changes people through some caches and reads them through others, all at once. Each change is committed, forgotten
// and answered; whoever asks after that must not be told anything older.
func Churn(t *testing.T, changing, reading []chat.ViewerCache) {
	t.Helper()
	const people, changes, readers, asks = 3, 100, 4, 200
	var all sync.WaitGroup
	var remembered, asked atomic.Int64
	for n := range people {
		person := somebody(fmt.Sprint("Person ", n))
		var committed, answered atomic.Int64
		all.Go(func() {
			for i := range changes {
				committed.Add(1)
				changing[i%len(changing)].Forget(t.Context(), person.ID)
				answered.Store(committed.Load())
			}
		})
		for i := range readers {
			all.Go(func() {
				for range asks {
					floor, read := answered.Load(), false
					got, err := reading[i%len(reading)].Viewer(t.Context(), person.ID, fmt.Sprint("key ", i/2),
						func(context.Context) (chat.Viewer, bool, error) {
							read = true
							now := person
							now.ViewSeq = committed.Load()
							return now, true, nil
						})
					if err != nil || got.ViewSeq < floor {
						t.Errorf("told of change %d after %d was answered; %v", got.ViewSeq, floor, err)
						return
					}
					asked.Add(1)
					if !read {
						remembered.Add(1)
					}
				}
			})
		}
	}
	all.Wait()
	t.Logf("%d of %d were remembered", remembered.Load(), asked.Load())
}

// Seen asks a cache for somebody of whom the rows say this, and says whether they were read.
func Seen(t testing.TB, cache chat.ViewerCache, person chat.ID, key string, rows chat.Viewer) (viewer chat.Viewer, read bool) {
	t.Helper()
	viewer, err := cache.Viewer(t.Context(), person, key, func(context.Context) (chat.Viewer, bool, error) {
		read = true
		return rows, true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return viewer, read
}

// Patiently tries what only a machine that stands still can spoil.
func Patiently(t *testing.T, what string, try func() bool) {
	t.Helper()
	for range 20 {
		if try() {
			return
		}
	}
	t.Fatalf("in vain: %s", what)
}

// somebody is a viewer as the rows behind a token say, without secrets. What is not named here is something as well, so that
// nothing is forgotten that comes to be known of people.
func somebody(name string) chat.Viewer {
	id := chat.NewID()
	viewer := chat.Viewer{
		Person: chat.Person{
			Card: chat.Card{ID: id, Username: "u" + id.String()[24:], DisplayName: name, Seq: 3},
			Role: chat.RoleModerator, State: chat.StateActive, Language: "en", TimeZone: "Asia/Tokyo", Theme: chat.ThemeDark,
			ViewSeq: 41, CreatedAt: time.UnixMicro(1_700_000_000_123_456).UTC(),
		},
		SessionID: chat.NewID(),
	}
	person := reflect.ValueOf(&viewer.Person).Elem()
	for i := range person.NumField() {
		switch field := person.Field(i); person.Type().Field(i).Name {
		case "Email", "EmailConfirmedAt", "EmailWanted", "PasswordHash":
		default:
			if !field.IsZero() {
				continue
			}
			switch {
			case field.Kind() == reflect.Bool:
				field.SetBool(true)
			case field.CanInt():
				field.SetInt(7)
			case field.Kind() == reflect.String:
				field.SetString("something")
			default:
				panic("chattest: what is a " + person.Type().Field(i).Name + "?")
			}
		}
	}
	return viewer
}

func value(t *testing.T) func(chat.Viewer, error) chat.Viewer {
	return func(v chat.Viewer, err error) chat.Viewer {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
