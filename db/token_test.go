//go:build unix

package db_test

import (
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"

	"parley/chat"
	"parley/chat/chattest"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	w := chattest.New(t)
	tokens := w.Store.Tokens()
	find := func(hash, want string) {
		t.Helper()
		for _, f := range []func() ([]byte, bool, error){
			func() ([]byte, bool, error) { return tokens.FindCtx(t.Context(), hash) },
			func() ([]byte, bool, error) { return tokens.Find(hash) },
		} {
			if data, found, err := f(); err != nil || found != (want != "") || string(data) != want {
				t.Errorf("%s: %q, %v, %v", hash, data, found, err)
			}
		}
	}
	soon := time.Now().Add(time.Hour)

	find("a", "")
	must(t, tokens.CommitCtx(t.Context(), "a", []byte("one"), soon))
	must(t, tokens.Commit("b", []byte("two"), soon))
	find("a", "one")
	find("b", "two")
	find("A", "")
	must(t, tokens.CommitCtx(t.Context(), "a", []byte{0, 255}, soon))
	find("a", "\x00\xff")
	must(t, tokens.DeleteCtx(t.Context(), "a"))
	must(t, tokens.Delete("a")) // twice is no error
	find("a", "")
	find("b", "two")
	must(t, tokens.CommitCtx(t.Context(), "b", []byte("two"), time.Now().Add(-time.Second)))
	find("b", "")

	w.Store.Close()
	var store scs.CtxStore = tokens
	if _, found, err := store.FindCtx(t.Context(), "b"); found || chat.KindOf(err) != chat.KindUnavailable {
		t.Errorf("got %v, %v", found, err)
	}
}
