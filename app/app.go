// Package app is the one room that knows all others: it builds the application from its parts, runs it and ends it.
// Tests start it too.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"parley/chat"
	"parley/config"
	"parley/db"
	"parley/handlers"
	"parley/jobs"
	"parley/nodes"
	"parley/realtime"
	"parley/static"
)

const (
	connectTimeout  = 10 * time.Second // how long the database may take to answer at the start
	readyTimeout    = 3 * time.Second  // how long it may take when somebody asks whether this node is ready
	shutdownTimeout = 10 * time.Second // how long requests in flight and sockets are waited for
	cleaningEvery   = time.Hour        // how often ended sessions are looked for
)

// App is the whole application of one process.
type App struct {
	config   config.Config
	log      *slog.Logger
	database *database
	chat     *chat.Chat
	hub      *realtime.Hub
	redis    *nodes.Redis        // nil with a single node
	link     *realtime.RedisLink // over redis
	jobs     *jobs.Jobs          // nil while there is nothing that makes any
	server   *http.Server
	listener net.Listener
	admin    *admin // nil without an address for it
	draining atomic.Bool
}

// Option changes how an App is made; tests use them.
type Option func(*options)

type options struct {
	timing realtime.Timing
	nodes  nodes.Timing
	store  db.Options
	chat   []chat.Option
	jobs   []jobs.Option
	assets *static.Assets
}

// WithTiming replaces the realtime room's timing.
func WithTiming(timing realtime.Timing) Option { return func(o *options) { o.timing = timing } }

// WithNodes replaces the timing of what nodes share.
func WithNodes(timing nodes.Timing) Option { return func(o *options) { o.nodes = timing } }

// WithAssets replaces the files that browsers load, for several installations in one process.
func WithAssets(assets *static.Assets) Option { return func(o *options) { o.assets = assets } }

// WithStore sets how the store connects.
func WithStore(store db.Options) Option { return func(o *options) { o.store = store } }

// WithChat passes options to the domain.
func WithChat(option chat.Option) Option { return func(o *options) { o.chat = append(o.chat, option) } }

// WithJobs passes options to the workers.
func WithJobs(option jobs.Option) Option { return func(o *options) { o.jobs = append(o.jobs, option) } }

// New opens everything that the application needs and listens, but does not answer yet: the database is started or
// reached and brought up to date. What is wrong comes back as one clear line.
func New(ctx context.Context, cfg config.Config, log *slog.Logger, opts ...Option) (app *App, err error) {
	var o options
	for _, option := range opts {
		option(&o)
	}
	a := &App{config: cfg, log: log}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.release(context.WithoutCancel(ctx)))
		}
	}()
	// The port first: it is what fails most often, and nothing needs to be started to find out.
	if a.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Addr); err != nil {
		return nil, fmt.Errorf("starting the server: %w", err)
	}
	o.store.Slow, o.store.Log = cfg.SlowStatement, log
	if cfg.AdminAddr != "" {
		if a.admin, err = openAdmin(ctx, cfg, log); err != nil {
			return nil, err
		}
		o.store.Meter = a.admin.metrics
	}
	if a.database, err = openDatabase(ctx, cfg, log, serving, o.store); err != nil {
		return nil, err
	}
	if _, err = db.Migrate(ctx, a.database.dsn); err != nil {
		return nil, err
	}
	var link []realtime.Link
	viewers := chat.NewMemoryViewerCache(time.Now)
	shared := []chat.Option{chat.WithViewerCache(viewers)}
	if cfg.RedisURL != "" {
		server, ok := config.ParseRedis(cfg.RedisURL)
		if !ok {
			return nil, errors.New("PARLEY_REDIS_URL: malformed")
		}
		a.redis = nodes.Open(server, log, o.nodes)
		a.link = realtime.NewRedisLink(a.redis.Client(), log)
		link = append(link, a.link)
		shared = append(shared, chat.WithLimiter(nodes.NewLimiter(a.redis, chat.NewMemoryLimiter(time.Now))),
			chat.WithViewerCache(nodes.NewViewerCache(a.redis, viewers)))
	}
	a.hub = realtime.New(log, o.timing, link...)
	if a.redis != nil {
		a.hub.ShareRedis(a.redis.Client())
	}
	shared = append(shared, chat.WithWhereabouts(a.hub))
	if a.admin != nil {
		shared = append(shared, chat.WithMeter(a.admin.metrics))
		a.hub.Measure(a.admin.metrics)
	}
	a.admin.watch(a.database, a.hub, a.redis, a.link)
	o.chat = append(shared, o.chat...) // before those of tests, which may want others
	if cfg.SMTPURL != "" {
		mailer, err := a.mailer()
		if err != nil {
			return nil, err
		}
		o.chat = append(o.chat, chat.WithMailer(mailer))
	}
	a.chat = chat.New(a.database.store, a.hub, settings(cfg), o.chat...)
	if a.chat.SendsMail() {
		if a.jobs, err = jobs.New(a.database.store.Pool(), a.chat, log, o.jobs...); err != nil {
			return nil, err
		}
	}
	if err = a.hub.Start(ctx, a.chat); err != nil {
		return nil, err
	}
	if o.assets == nil {
		o.assets = static.New(cfg.Dev)
	}
	build := config.BuildInfo()
	served := handlers.Config{
		Chat: a.chat, Tokens: a.database.store.Tokens(), Assets: o.assets, Log: log,
		BaseURL: a.URL(), Secure: cfg.Secure(), Public: cfg.Public(), TrustedProxies: cfg.TrustedProxies, Dev: cfg.Dev,
		Version: build.Version, Revision: build.Commit,
		Ready: a.ready, Degraded: a.degraded, Crowded: a.hub.Crowded,
		Socket: a.hub.ServeSocket, Changes: a.hub.ServeChanges,
	}
	if a.admin != nil {
		served.Meter = a.admin.metrics
	}
	a.server = &http.Server{
		Handler:           handlers.New(served),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return a, nil
}

func settings(cfg config.Config) chat.Settings {
	return chat.Settings{
		Registration: chat.Registration(cfg.Registration), BcryptCost: cfg.BcryptCost, Limits: cfg.Limits,
	}
}

// URL is where a person at this machine reaches the application.
func (a *App) URL() string {
	if a.config.BaseURL != "" {
		return a.config.BaseURL
	}
	return config.BaseURLFor(a.listener.Addr().String())
}

// Chat returns the domain, for tests and for commands in the same process.
func (a *App) Chat() *chat.Chat { return a.chat }

// Store returns the store, for the same.
func (a *App) Store() *db.Store { return a.database.store }

// Hub returns the sockets, for the same.
func (a *App) Hub() *realtime.Hub { return a.hub }

func (a *App) ready(ctx context.Context) error {
	if a.draining.Load() {
		return errors.New("draining")
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout) // who hears nothing knows nothing
	defer cancel()
	return a.database.store.Migrated(ctx)
}

func (a *App) degraded() []string {
	if a.redis != nil && a.redis.Away() {
		return []string{"redis"}
	}
	return nil
}

// Run answers until ctx ends, then ends gracefully: not ready any more, sockets told to come back elsewhere, requests
// in flight finished, the database closed.
func (a *App) Run(ctx context.Context) error {
	if a.jobs != nil {
		if err := a.jobs.Start(ctx); err != nil {
			return errors.Join(err, a.Close(context.WithoutCancel(ctx)))
		}
	}
	cleaning, stopCleaning := context.WithCancel(ctx)
	defer stopCleaning()
	go a.clean(cleaning)

	go a.admin.serve()
	failed := make(chan error, 1)
	go func() { failed <- a.server.Serve(a.listener) }()
	var err error
	select {
	case err = <-failed:
		err = fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	return errors.Join(err, a.Close(context.WithoutCancel(ctx)))
}

// Close ends what New opened, within some 20 s.
func (a *App) Close(ctx context.Context) error {
	a.draining.Store(true)
	ctx, cancel := context.WithTimeout(ctx, shutdownTimeout)
	defer cancel()
	stopped := a.stopJobs(ctx) // meanwhile: what requests still ask for waits in the database
	a.hub.Close(ctx)
	err := a.server.Shutdown(ctx)
	return errors.Join(err, <-stopped, a.release(context.WithoutCancel(ctx)))
}

// stopJobs begins to end the work, and says when that is done.
func (a *App) stopJobs(ctx context.Context) <-chan error {
	stopped := make(chan error, 1)
	if a.jobs == nil {
		stopped <- nil
		return stopped
	}
	go func() { stopped <- a.jobs.Close(ctx) }()
	return stopped
}

func (a *App) release(ctx context.Context) error {
	defer a.admin.close() // last, so that the end can be watched
	if a.listener != nil {
		_ = a.listener.Close() // closed by the server already, if that ever ran
	}
	if a.hub != nil {
		a.hub.Close(ctx)
	}
	if a.redis != nil {
		if err := errors.Join(a.link.Close(), a.redis.Close()); err != nil {
			a.log.Warn("closing Redis", "error", err)
		}
		a.redis = nil
	}
	if a.database == nil {
		return nil
	}
	return a.database.close(ctx)
}

// clean deletes now and then what ended long ago.
func (a *App) clean(ctx context.Context) {
	tick := time.NewTicker(cleaningEvery)
	defer tick.Stop()
	for {
		if _, err := a.chat.SweepSessions(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn("ended sessions not deleted", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// tell logs what nobody can do without, at the lowest level that the log shows.
func tell(ctx context.Context, log *slog.Logger, message string, args ...any) {
	level := slog.LevelInfo
	for !log.Enabled(ctx, level) && level < slog.LevelError {
		level += slog.LevelWarn - slog.LevelInfo
	}
	log.Log(ctx, level, message, args...)
}

// Serve runs the application until ctx ends, and returns nil after a graceful stop.
func Serve(ctx context.Context, cfg config.Config, log *slog.Logger) error {
	a, err := New(ctx, cfg, log)
	if err != nil {
		return err
	}
	code, err := a.chat.SetupCode(ctx)
	if err != nil {
		return errors.Join(err, a.Close(context.WithoutCancel(ctx)))
	}
	if code != "" {
		tell(ctx, log, "there is no account yet: the first one becomes administrator; from another machine it needs this code",
			"setup_code", code)
	}
	tell(ctx, log, "Parley is running", "url", a.URL())
	if a.AdminURL() != "" {
		log.Info("metrics and profiles are served", "metrics", a.AdminURL()+"/metrics", "profiles", a.AdminURL()+"/debug/pprof/")
	}
	notify(ctx, "READY=1")
	if log.Enabled(ctx, slog.LevelDebug) {
		log.Debug("process", "pid", os.Getpid())
	}
	return a.Run(ctx)
}
