package app

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"parley/chat"
	"parley/config"
	"parley/db"
	"parley/demo"
)

// NewDemo describes the world that MakeDemo makes.
type NewDemo struct {
	People, Conversations, Messages int
	Seed                            uint64
	Now                             time.Time // when it ends; zero means now
	IfEmpty                         bool      // where there are people already is no error
}

// Demo is what MakeDemo made, and how to get in.
type Demo struct {
	There    bool // people were there already, and nothing was made
	Groups   int
	Username string // an administrator's; everybody has the same password
	Password string // empty where it cannot be known
}

// MakeDemo makes up people and conversations in a database in which nobody is, and tells progress how many messages there
// are so far. Where others than this machine may reach them, the password is made up too.
func MakeDemo(
	ctx context.Context, cfg config.Config, log *slog.Logger, in NewDemo, progress func(messages int),
) (made Demo, err error) {
	if in.Now.IsZero() {
		in.Now = time.Now()
	}
	world, err := demo.New(demo.Settings{
		People: in.People, Conversations: in.Conversations, Messages: in.Messages, Seed: in.Seed, Now: in.Now,
		TimeZone: timeZoneHere(),
	})
	if err != nil {
		return Demo{}, err
	}
	made = Demo{Groups: world.Groups(), Username: demo.Username, Password: demo.Password}
	if !cfg.Private() || cfg.DatabaseURL != "" { // which any server may serve
		made.Password = rand.Text()
	}
	d, err := openDatabase(ctx, cfg, log, commanded, db.Options{})
	if err != nil {
		return Demo{}, err
	}
	defer func() { err = errors.Join(err, d.close(context.WithoutCancel(ctx))) }()
	if _, err := db.Migrate(ctx, d.dsn); err != nil {
		return Demo{}, err
	}
	hash, err := chat.HashPassword(made.Password, cfg.BcryptCost)
	if err != nil {
		return Demo{}, err
	}
	err = d.store.InsertDemo(ctx, world, hash, progress)
	if in.IfEmpty && errors.Is(err, db.ErrInhabited) {
		return thereAlready(ctx, d.store)
	}
	return made, err
}

// thereAlready says how to get into a world that was made before, if it was.
func thereAlready(ctx context.Context, store *db.Store) (Demo, error) {
	there := Demo{There: true}
	person, err := store.PersonByLogin(ctx, demo.Username)
	switch {
	case chat.KindOf(err) == chat.KindNotFound:
		return there, nil
	case err == nil && chat.PasswordMatches(person.PasswordHash, demo.Password):
		there.Username, there.Password = demo.Username, demo.Password
	}
	return there, err
}

// timeZoneHere is the name of this machine's time zone, as far as it can be known.
func timeZoneHere() string {
	link, _ := filepath.EvalSymlinks("/etc/localtime")
	_, linked, _ := strings.Cut(link, "zoneinfo/")
	for _, zone := range []string{os.Getenv("TZ"), linked} {
		if chat.ValidTimeZone(zone) {
			return zone
		}
	}
	return time.UTC.String()
}
