package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"parley/chat"
	"parley/config"
	"parley/db"
	"parley/media"
	"parley/views"
)

// NewAdmin describes the account that AdminCreate makes.
type NewAdmin struct {
	Username    string
	DisplayName string
	Password    string
}

// Libvips returns the version of the picture library that is linked in.
func Libvips() string { return media.Version() }

// Migrate applies the migrations that are missing and reports to out, one line each.
func Migrate(ctx context.Context, cfg config.Config, log *slog.Logger, out io.Writer) (err error) {
	d, err := openDatabase(ctx, cfg, log, commanded, db.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close(context.WithoutCancel(ctx))) }()
	applied, err := db.Migrate(ctx, d.dsn)
	if err != nil {
		return err
	}
	for _, name := range applied {
		if _, err := fmt.Fprintln(out, "applied", name); err != nil {
			return err
		}
	}
	if len(applied) == 0 {
		_, err = fmt.Fprintln(out, "nothing to apply")
	}
	return err
}

// AdminCreate makes an account that is an administrator.
func AdminCreate(ctx context.Context, cfg config.Config, log *slog.Logger, in NewAdmin) error {
	return withChat(ctx, cfg, log, func(c *chat.Chat) error {
		_, err := c.CreateAccount(ctx, chat.RegisterInput{
			Username: in.Username, DisplayName: in.DisplayName, Password: in.Password,
		}, chat.RoleAdministrator)
		return err
	})
}

// AdminPromote makes an existing account an administrator.
func AdminPromote(ctx context.Context, cfg config.Config, log *slog.Logger, username string) error {
	return withChat(ctx, cfg, log, func(c *chat.Chat) error {
		err := c.Promote(ctx, username, chat.RoleAdministrator)
		return nobodyNamed(err, username)
	})
}

// AdminResetPassword returns a link with which the person sets a new password, once, within [chat.ResetLinkLife].
func AdminResetPassword(ctx context.Context, cfg config.Config, log *slog.Logger, username string) (string, error) {
	var link string
	err := withChat(ctx, cfg, log, func(c *chat.Chat) error {
		token, err := c.MakeResetLink(ctx, username)
		base := cfg.BaseURL
		if base == "" {
			base = config.BaseURLFor(cfg.Addr)
		}
		link = base + views.ResetPath(token)
		return nobodyNamed(err, username)
	})
	return link, err
}

// AdminVerifyAudit checks the log of what administrators did. Its line names the last entry's hash, so that it can be
// compared with one that was written down elsewhere.
func AdminVerifyAudit(ctx context.Context, cfg config.Config, log *slog.Logger) (string, error) {
	var line string
	err := withChat(ctx, cfg, log, func(c *chat.Chat) error {
		verdict, err := c.VerifyAudit(ctx)
		if err == nil && verdict.Broken > 0 {
			err = fmt.Errorf("the audit log is broken at entry %d: it is missing, or it or the one before was changed", verdict.Broken)
		}
		line = fmt.Sprintf("The audit log is whole: %d entries, the last one's hash is %x", verdict.Entries, verdict.Hash)
		return err
	})
	return line, err
}

func nobodyNamed(err error, username string) error {
	switch {
	case chat.KindOf(err) == chat.KindNotFound:
		return fmt.Errorf("there is nobody with the username %q", username)
	case chat.CodeOf(err) == chat.CodeAccountState:
		return fmt.Errorf("the account of %q is suspended or closed", username)
	}
	return err
}

// withChat lets a command use the domain. A server that runs hears of it by its sweep, so nothing is published.
func withChat(ctx context.Context, cfg config.Config, log *slog.Logger, do func(*chat.Chat) error) (err error) {
	d, err := openDatabase(ctx, cfg, log, commanded, db.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close(context.WithoutCancel(ctx))) }()
	if _, err := db.Migrate(ctx, d.dsn); err != nil {
		return err
	}
	return inWords(ctx, do(chat.New(d.store, unheard{}, settings(cfg))))
}

type unheard struct{}

func (unheard) Publish(context.Context, chat.Event) {}

// inWords makes the sentence for the terminal out of a refusal.
func inWords(ctx context.Context, err error) error {
	var refusal *chat.Error
	if !errors.As(err, &refusal) || refusal.Kind != chat.KindInvalid {
		return err
	}
	ctx = views.WithLanguage(ctx, "en")
	sentences := make([]string, 0, len(refusal.Fields))
	for _, field := range refusal.Fields {
		name := strings.ReplaceAll(field.Field, "_", " ")
		sentences = append(sentences, name+": "+views.FieldSentence(ctx, field))
	}
	return errors.New(strings.Join(sentences, "; "))
}
