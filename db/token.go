package db

import (
	"context"
	"time"

	"github.com/alexedwards/scs/v2"

	"parley/chat"
)

// Tokens keeps what scs stores for a cookie. scs hashes the token before it gets here.
type Tokens struct{ store *Store }

var _ scs.CtxStore = Tokens{}

// Tokens returns the store for scs.
func (s *Store) Tokens() Tokens { return Tokens{s} }

// FindCtx implements scs.CtxStore.
func (t Tokens) FindCtx(ctx context.Context, hash string) ([]byte, bool, error) {
	var data []byte
	err := t.store.get(ctx, &data, `SELECT data FROM session_tokens WHERE token_hash = $1 AND expires_at > now()`, hash)
	if chat.KindOf(err) == chat.KindNotFound {
		return nil, false, nil
	}
	return data, err == nil, err
}

// CommitCtx implements scs.CtxStore.
func (t Tokens) CommitCtx(ctx context.Context, hash string, data []byte, expiry time.Time) error {
	_, err := t.store.exec(ctx, `
		INSERT INTO session_tokens (token_hash, data, expires_at) VALUES ($1, $2, $3)
		ON CONFLICT (token_hash) DO UPDATE SET data = excluded.data, expires_at = excluded.expires_at`,
		hash, data, expiry)
	return err
}

// DeleteCtx implements scs.CtxStore.
func (t Tokens) DeleteCtx(ctx context.Context, hash string) error {
	_, err := t.store.exec(ctx, `DELETE FROM session_tokens WHERE token_hash = $1`, hash)
	return err
}

// Find implements scs.Store; scs calls FindCtx instead.
func (t Tokens) Find(hash string) ([]byte, bool, error) { return t.FindCtx(context.Background(), hash) }

// Commit implements scs.Store; scs calls CommitCtx instead.
func (t Tokens) Commit(hash string, data []byte, expiry time.Time) error {
	return t.CommitCtx(context.Background(), hash, data, expiry)
}

// Delete implements scs.Store; scs calls DeleteCtx instead.
func (t Tokens) Delete(hash string) error { return t.DeleteCtx(context.Background(), hash) }
