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
	"parley/handlers"
)

// NewDemo describes the world that MakeDemo makes.
type NewDemo struct {
	People, Conversations, Messages int
	Seed                            uint64
	Now                             time.Time // when it ends; zero means now
	IfEmpty                         bool      // where there are people already is no error
	Sessions                        string    // a file that gets a line for each person: the id, and the cookie of a session
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
	if in.Sessions != "" && !cfg.Private() {
		return Demo{}, errors.New("sessions of made-up people are only for a server that nobody but this machine reaches")
	}
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
	if err == nil && in.Sessions != "" {
		err = logAllIn(ctx, d.store, world, in.Sessions, handlers.SessionCookie(cfg.Secure()))
	}
	return made, err
}

// logAllIn gives everybody a session, and writes a line for each into a new file that only its owner may read: the
// person's id, a space, and the cookie.
func logAllIn(ctx context.Context, store *db.Store, world *demo.World, path, cookie string) error {
	var sessions []db.DemoSession
	var lines strings.Builder
	expiry := time.Now().Add(chat.SessionLife)
	for person := range world.People() {
		token := rand.Text()
		id := chat.NewID()
		data, err := handlers.SessionData(id, expiry)
		if err != nil {
			return err
		}
		sessions = append(sessions, db.DemoSession{
			ID: id, PersonID: person.ID, TokenHash: handlers.TokenHash(token), Data: data, ExpiresAt: expiry,
		})
		lines.WriteString(person.ID.String() + " " + cookie + "=" + token + "\n")
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(lines.String())
	return errors.Join(err, f.Close(), store.InsertDemoSessions(ctx, sessions))
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
