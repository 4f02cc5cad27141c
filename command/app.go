// Package command is Parley's command line: it reads the arguments and the configuration, calls the application, and
// turns what comes back into output, one clear line on an error, and an exit code.
package command

import (
	"context"
	"io"
	"log/slog"
	"time"

	"parley/config"
)

// App is what the command line needs of the application. Every function returns when its work is done or ctx ends; the
// text of an error is shown to the person at the terminal as it is.
type App struct {
	// Serve runs the server until ctx ends, and returns nil after a graceful stop.
	Serve func(ctx context.Context, cfg config.Config, log *slog.Logger) error
	// Migrate applies the migrations that are missing and reports to out, one line each.
	Migrate func(ctx context.Context, cfg config.Config, log *slog.Logger, out io.Writer) error
	// AdminCreate makes an account that is an administrator.
	AdminCreate func(ctx context.Context, cfg config.Config, log *slog.Logger, admin NewAdmin) error
	// AdminPromote makes an existing account an administrator.
	AdminPromote func(ctx context.Context, cfg config.Config, log *slog.Logger, username string) error
	// AdminResetPassword returns a link with which the person can set a new password once, within an hour.
	AdminResetPassword func(ctx context.Context, cfg config.Config, log *slog.Logger, username string) (link string, err error)
	// AdminVerifyAudit checks the log of what administrators did, and returns what it came to in one line; an entry that is
	// missing or was changed is an error.
	AdminVerifyAudit func(ctx context.Context, cfg config.Config, log *slog.Logger) (verdict string, err error)
	// Cluster returns the folder of the PostgreSQL that Parley runs itself, whether it exists yet or not. It changes
	// nothing; nil means that there is none.
	Cluster func(cfg config.Config) (folder string, err error)
	// Demo makes up people and conversations in a database in which nobody is, and tells progress how many messages there
	// are so far.
	Demo func(ctx context.Context, cfg config.Config, log *slog.Logger, in NewDemo, progress func(messages int)) (Demo, error)
	// Libraries names what is linked in beside Go code, such as libvips, for `parley version`; nil means nothing.
	Libraries func() []Library
}

// NewAdmin describes the account that AdminCreate makes.
type NewAdmin struct {
	Username    string
	DisplayName string
	Password    string
}

// NewDemo describes the world that Demo makes.
type NewDemo struct {
	People, Conversations, Messages int
	Seed                            uint64
	Now                             time.Time // when it ends; zero means now
	IfEmpty                         bool      // where there are people already is no error
	Sessions                        string    // a file that gets a line for each person: the id, and the cookie of a session
}

// Demo is what Demo made, and how to get in.
type Demo struct {
	There    bool // people were there already, and nothing was made
	Groups   int
	Username string // an administrator's; everybody has the same password
	Password string // empty where it cannot be known
}

// Library is a library that is not written in Go, with its version.
type Library struct {
	Name    string
	Version string
}
