// Package program joins the command line to the application. It is apart from main.go so that tests can run the whole
// program in a process of their own without building it first.
package program

import (
	"context"
	"log/slog"

	"parley/app"
	"parley/command"
	"parley/config"
)

// Main runs the program with the arguments and the environment of this process, and returns its exit code.
func Main() int {
	return command.Main(command.App{
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
	})
}
