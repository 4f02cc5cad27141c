// Parley is a self-hosted messaging server. This file joins the command line to the application; everything else is in
// the packages beside it.
package main

import (
	"context"
	"log/slog"
	"os"

	"parley/app"
	"parley/command"
	"parley/config"
)

func main() {
	os.Exit(command.Main(command.App{
		Serve:   app.Serve,
		Migrate: app.Migrate,
		AdminCreate: func(ctx context.Context, cfg config.Config, log *slog.Logger, admin command.NewAdmin) error {
			return app.AdminCreate(ctx, cfg, log, app.NewAdmin(admin))
		},
		AdminPromote:       app.AdminPromote,
		AdminResetPassword: app.AdminResetPassword,
		AdminVerifyAudit:   app.AdminVerifyAudit,
		Cluster:            app.Cluster,
		Demo: func(
			ctx context.Context, cfg config.Config, log *slog.Logger, in command.NewDemo, progress func(messages int),
		) (command.Demo, error) {
			made, err := app.MakeDemo(ctx, cfg, log, app.NewDemo(in), progress)
			return command.Demo(made), err
		},
		Libraries: func() []command.Library {
			return []command.Library{{Name: "libvips", Version: app.Libvips()}}
		},
	}))
}
