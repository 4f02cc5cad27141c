// Package app is the one room that knows all others: it builds the application from its parts and runs it.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/labstack/echo/v4"

	"parley/config"
)

// NewAdmin describes the account that AdminCreate makes.
type NewAdmin struct {
	Username    string
	DisplayName string
	Password    string
}

var errNotYet = errors.New("this version cannot do that yet")

const (
	connectTimeout  = 10 * time.Second // how long the database may take to answer
	shutdownTimeout = 10 * time.Second // how long requests in flight are waited for
)

// Serve runs the server until ctx ends, and returns nil after a graceful stop.
func Serve(ctx context.Context, cfg config.Config, log *slog.Logger) error {
	if err := stores(ctx, cfg); err != nil {
		return err
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.GET("/healthz", func(c echo.Context) error { return c.NoContent(http.StatusOK) })
	e.GET("/version", func(c echo.Context) error { return c.JSON(http.StatusOK, config.BuildInfo()) })

	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Addr)
	if err != nil {
		return fmt.Errorf("starting the server: %w", err)
	}
	log.Info("Parley is running", "url", config.BaseURLFor(listener.Addr().String()))
	server := &http.Server{Handler: e, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		stopped <- server.Shutdown(shutdown)
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving: %w", err)
	}
	return <-stopped
}

// stores makes sure that the data folder can be written and, where one is named, that the database answers.
func stores(ctx context.Context, cfg config.Config) error {
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return fmt.Errorf("the data folder: %w", err)
	}
	if cfg.DatabaseURL == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	db, err := pgx.Connect(ctx, string(cfg.DatabaseURL))
	if err != nil {
		return fmt.Errorf("the database named by PARLEY_DATABASE_URL does not answer: %w", err)
	}
	return db.Close(ctx)
}

// Migrate applies the migrations that are missing and reports to out.
func Migrate(context.Context, config.Config, *slog.Logger, io.Writer) error { return errNotYet }

// AdminCreate makes an account that is an administrator.
func AdminCreate(context.Context, config.Config, *slog.Logger, NewAdmin) error { return errNotYet }

// AdminPromote makes an existing account an administrator.
func AdminPromote(context.Context, config.Config, *slog.Logger, string) error { return errNotYet }

// AdminResetPassword returns a link with which the person can set a new password once.
func AdminResetPassword(context.Context, config.Config, *slog.Logger, string) (string, error) {
	return "", errNotYet
}
