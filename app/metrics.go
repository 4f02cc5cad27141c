package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"parley/config"
	"parley/metrics"
	"parley/nodes"
	"parley/realtime"
)

// admin is the door for whoever looks after the installation: metrics and profiles, at an address of their own. A nil one
// does nothing.
type admin struct {
	metrics  *metrics.Metrics
	log      *slog.Logger
	listener net.Listener
	server   *http.Server
}

// openAdmin listens, but does not answer yet.
func openAdmin(ctx context.Context, cfg config.Config, log *slog.Logger) (*admin, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.AdminAddr)
	if err != nil {
		return nil, fmt.Errorf("PARLEY_ADMIN_ADDR: %w", err)
	}
	if !cfg.AdminPrivate() {
		log.Warn("metrics and profiles are served without a login to whoever reaches their address", "address", listener.Addr().String())
	}
	m := metrics.New(config.BuildInfo())
	return &admin{metrics: m, log: log, listener: listener, server: &http.Server{
		Handler:           m.Door(log, cfg.AdminPrivate()),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second, // what is to be recorded for longer says so, and gets it
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}, nil
}

// watch says where the figures are read that nobody reports.
func (d *admin) watch(database *database, hub *realtime.Hub, redis *nodes.Redis, link *realtime.RedisLink) {
	if d == nil {
		return
	}
	from := metrics.Sources{Pool: database.store.Pool().Stat, Sockets: hub.Sockets}
	if redis != nil {
		from.HintsLost, from.RedisUp = link.Lost, func() bool { return !redis.Away() }
	}
	d.metrics.Watch(from)
}

// serve answers until close. An installation whose metrics cannot be read goes on.
func (d *admin) serve() {
	if d == nil {
		return
	}
	if err := d.server.Serve(d.listener); !errors.Is(err, http.ErrServerClosed) {
		d.log.Error("metrics are not served any more", "error", err)
	}
}

// close ends it at once: what is being recorded is not waited for.
func (d *admin) close() {
	if d != nil {
		_ = d.server.Close()
		_ = d.listener.Close() // closed by the server already, if that ever ran
	}
}

// AdminURL is where metrics and profiles are; empty where there are none.
func (a *App) AdminURL() string {
	if a.admin == nil {
		return ""
	}
	return config.BaseURLFor(a.admin.listener.Addr().String())
}
