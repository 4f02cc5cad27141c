package db

import (
	"context"

	"parley/chat"
)

// Epoch implements chat.Store.
func (s *Store) Epoch(ctx context.Context) (string, error) {
	var epoch string
	err := s.get(ctx, &epoch, `SELECT current_epoch()`)
	return epoch, err
}

// AnybodyThere implements chat.Store.
func (s *Store) AnybodyThere(ctx context.Context) (bool, error) {
	var anybody bool
	err := s.get(ctx, &anybody, `SELECT EXISTS (SELECT FROM people)`)
	return anybody, err
}

// EnsureSetupCode implements chat.Store.
func (s *Store) EnsureSetupCode(ctx context.Context, code string) (string, error) {
	anybody, err := s.AnybodyThere(ctx)
	if err != nil || anybody {
		return "", err
	}
	err = s.get(ctx, &code, `UPDATE installation SET setup_code = coalesce(setup_code, $1) RETURNING setup_code`, code)
	return code, err
}

// LockInstallation implements chat.Store.
func (s *Store) LockInstallation(ctx context.Context) (bool, string, error) {
	var code string
	if err := s.get(ctx, &code, `SELECT coalesce(setup_code, '') FROM installation FOR UPDATE`); err != nil {
		return false, "", err
	}
	// A statement of its own: it must see what was committed while the lock was waited for.
	anybody, err := s.AnybodyThere(ctx)
	if err != nil {
		return false, "", err
	}
	if code == "" && !anybody {
		// Nobody ever asked for the code, so nobody can know it: only this machine may make the first account.
		code = chat.NewID().String()
	}
	return !anybody, code, nil
}

// Registration implements chat.Store.
func (s *Store) Registration(ctx context.Context) (chat.Registration, error) {
	var rule chat.Registration
	err := s.get(ctx, &rule, `SELECT registration FROM installation`)
	return rule, err
}

// UpdateRegistration implements chat.Store.
func (s *Store) UpdateRegistration(ctx context.Context, rule chat.Registration) error {
	return s.change(ctx, `UPDATE installation SET registration = $1`, rule)
}
