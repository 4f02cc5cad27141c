package command

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"

	"parley/config"
)

// grammar is the command line as kong reads it.
type grammar struct {
	Serve   serve   `cmd:"" default:"1" help:"Run the server (the default)."`
	Migrate migrate `cmd:"" help:"Bring the database to this version."`
	Admin   struct {
		Create        adminCreate        `cmd:"" help:"Make an administrator's account."`
		Promote       adminPromote       `cmd:"" help:"Make an account an administrator."`
		ResetPassword adminResetPassword `cmd:"" help:"Print a link that sets a new password once."`
		VerifyAudit   adminVerifyAudit   `cmd:"" help:"Check that the audit log is whole."`
	} `cmd:"" help:"Manage administrators."`
	Health  health      `cmd:"" help:"Ask the running server whether it is ready."`
	Demo    makeDemo    `cmd:"" help:"Fill an empty database with made-up people."`
	Config  showConfig  `cmd:"" help:"Show the settings in force, secrets masked."`
	Version showVersion `cmd:"" help:"Show the version."`
}

// request is what every command gets.
type request struct {
	ctx    context.Context //nolint:containedctx // A request lives as long as its context.
	app    App
	cfg    config.Config
	log    *slog.Logger
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
}

type serve struct{}

func (serve) Run(r *request) error {
	err := r.app.Serve(r.ctx, r.cfg, r.log)
	if errors.Is(err, context.Canceled) && r.ctx.Err() != nil {
		return nil //nolint:nilerr // Ending because it was told to is what it should do.
	}
	return err
}

type migrate struct{}

func (migrate) Run(r *request) error { return r.app.Migrate(r.ctx, r.cfg, r.log, r.stdout) }

type adminCreate struct {
	Username      string `required:"" help:"Name to log in with."`
	DisplayName   string `help:"Name that people see (default: the username)."`
	PasswordStdin bool   `help:"Read the password from the first line of standard input; without it one is made up and printed."`
}

func (a adminCreate) Run(r *request) error {
	admin := NewAdmin{Username: a.Username, DisplayName: a.DisplayName}
	if admin.DisplayName == "" {
		admin.DisplayName = admin.Username
	}
	if a.PasswordStdin {
		line, err := bufio.NewReader(r.stdin).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("reading the password: %w", err)
		}
		if admin.Password = strings.TrimRight(line, "\r\n"); admin.Password == "" {
			return errors.New("no password came on standard input")
		}
	} else {
		admin.Password = rand.Text()
	}
	if err := r.app.AdminCreate(r.ctx, r.cfg, r.log, admin); err != nil {
		return err
	}
	fmt.Fprintf(r.stdout, "%s can now log in as an administrator at %s\n", admin.Username, r.cfg.BaseURL)
	if !a.PasswordStdin {
		fmt.Fprintf(r.stdout, "Password: %s\n", admin.Password)
	}
	return nil
}

type adminPromote struct {
	Username string `arg:"" help:"Name of the account."`
}

func (a adminPromote) Run(r *request) error {
	if err := r.app.AdminPromote(r.ctx, r.cfg, r.log, a.Username); err != nil {
		return err
	}
	fmt.Fprintf(r.stdout, "%s is now an administrator\n", a.Username)
	return nil
}

type adminResetPassword struct {
	Username string `arg:"" help:"Name of the account."`
}

func (a adminResetPassword) Run(r *request) error {
	link, err := r.app.AdminResetPassword(r.ctx, r.cfg, r.log, a.Username)
	if err != nil {
		return err
	}
	fmt.Fprintf(r.stdout, "%s\nThis link works once, within an hour.\n", link)
	return nil
}

type adminVerifyAudit struct{}

func (adminVerifyAudit) Run(r *request) error {
	verdict, err := r.app.AdminVerifyAudit(r.ctx, r.cfg, r.log)
	if err != nil {
		return err
	}
	fmt.Fprintln(r.stdout, verdict)
	return nil
}

type showConfig struct{}

func (showConfig) Run(r *request) error {
	table := tabwriter.NewWriter(r.stdout, 0, 0, 2, ' ', 0)
	for _, s := range r.cfg.Settings() {
		value := s.Value
		if value == "" {
			value = "-"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", s.Name, value, s.Meaning)
	}
	if err := table.Flush(); err != nil || r.app.Cluster == nil || r.cfg.DatabaseURL != "" {
		return err
	}
	folder, err := r.app.Cluster(r.cfg)
	if err != nil {
		folder = "cannot be found: " + oneLine(err.Error())
	} else {
		folder = "is in " + folder
	}
	_, err = fmt.Fprintf(r.stdout, "\nParley's own PostgreSQL %s\n", folder)
	return err
}

type showVersion struct{}

func (showVersion) Run(r *request) error {
	build := config.BuildInfo()
	fmt.Fprintf(r.stdout, "parley %s (commit %s, %s)\n", build.Version, build.Commit, build.Go)
	if r.app.Libraries != nil {
		for _, l := range r.app.Libraries() {
			fmt.Fprintf(r.stdout, "%s %s\n", l.Name, l.Version)
		}
	}
	return nil
}
