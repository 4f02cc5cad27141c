package command_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"parley/command"
	"parley/config"
)

// result is what a command left behind.
type result struct {
	code           int
	stdout, stderr string
}

// run runs the command line inside this process, with the environment given as NAME=value.
func run(t *testing.T, app command.App, stdin string, environ []string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := command.Run(app, command.Process{
		Args: args, Environ: environ, Stdin: strings.NewReader(stdin), Stdout: &stdout, Stderr: &stderr,
		Exit: func(int) { t.Error("the process ended itself") },
	})
	return result{code, stdout.String(), stderr.String()}
}

// recorder is an application that writes down what it was asked, and answers with err.
func recorder(calls *[]string, err error) command.App {
	note := func(call string, args ...any) {
		*calls = append(*calls, strings.TrimSpace(fmt.Sprintln(append([]any{call}, args...)...)))
	}
	return command.App{
		Serve: func(_ context.Context, cfg config.Config, log *slog.Logger) error {
			log.Info("serving")
			note("serve", cfg.Addr)
			return err
		},
		Migrate: func(_ context.Context, _ config.Config, _ *slog.Logger, out io.Writer) error {
			fmt.Fprintln(out, "nothing to do")
			note("migrate")
			return err
		},
		AdminCreate: func(_ context.Context, _ config.Config, _ *slog.Logger, a command.NewAdmin) error {
			note("create", a.Username, a.DisplayName, a.Password)
			return err
		},
		AdminPromote: func(_ context.Context, _ config.Config, _ *slog.Logger, username string) error {
			note("promote", username)
			return err
		},
		AdminResetPassword: func(_ context.Context, _ config.Config, _ *slog.Logger, username string) (string, error) {
			note("reset", username)
			return "https://chat.example.org/reset/token", err
		},
		AdminVerifyAudit: func(context.Context, config.Config, *slog.Logger) (string, error) {
			note("verify")
			return "all 3 entries hold", err
		},
		Demo: func(
			_ context.Context, _ config.Config, _ *slog.Logger, in command.NewDemo, progress func(int),
		) (command.Demo, error) {
			progress(in.Messages)
			note("demo", in.People, in.Conversations, in.Messages, in.Seed, in.Now.Format(time.RFC3339), in.IfEmpty)
			return command.Demo{There: in.IfEmpty, Groups: in.Conversations / 4, Username: "demo", Password: "open sesame"}, err
		},
	}
}

func TestCommands(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, args, stdin string
		call, stdout      string // parts that must be there
	}{
		{"serve is the default", "", "", "serve 127.0.0.1:8080", ""},
		{"serve", "serve", "", "serve 127.0.0.1:8080", ""},
		{"migrate reports", "migrate", "", "migrate", "nothing to do\n"},
		{
			"an administrator with a password from standard input", "admin create --username ada --display-name=Ada --password-stdin", "correct horse\r\nmore\n",
			"create ada Ada correct horse", "ada can now log in as an administrator at http://127.0.0.1:8080\n",
		},
		{"a password without a line end", "admin create --username ada --password-stdin", "correct horse", "create ada ada correct horse", "ada can"},
		{"promote", "admin promote ada", "", "promote ada", "ada is now an administrator\n"},
		{"reset a password", "admin reset-password ada", "", "reset ada", "https://chat.example.org/reset/token\nThis link works once, within an hour.\n"},
		{"verify the audit log", "admin verify-audit", "", "verify", "all 3 entries hold\n"},
		{
			"a demo", "demo", "", "demo 60 150 7500 1 0001-01-01T00:00:00Z false",
			"Made 60 people, 150 conversations (37 of them groups) and 7,500 messages in 0.0 s.\n" +
				"Log in at http://127.0.0.1:8080 as demo, an administrator, with the password open sesame; everybody has the same.\n",
		},
		{
			"a demo of another size", "demo --people 10000 --messages=1000000 --seed 7 --now 2026-03-01T12:00:00+01:00", "",
			"demo 10000 25000 1000000 7 2026-03-01T12:00:00+01:00 false", "Made 10,000 people",
		},
		{
			"a demo where there is one", "demo --conversations 8 --if-empty", "", "demo 60 8 400 1 0001-01-01T00:00:00Z true",
			"There are people already; nothing was made.\nLog in at http://127.0.0.1:8080 as demo, ",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var calls []string
			got := run(t, recorder(&calls, nil), test.stdin, nil, strings.Fields(test.args)...)
			if got.code != 0 || len(calls) != 1 || calls[0] != test.call || !strings.Contains(got.stdout, test.stdout) {
				t.Errorf("calls %q, want %q; %+v", calls, test.call, got)
			}
			if strings.Contains(got.stdout, "correct horse") {
				t.Errorf("a given password is printed: %s", got.stdout)
			}
		})
		if test.call == "" {
			continue
		}
		t.Run(test.name+", and it fails", func(t *testing.T) {
			t.Parallel()
			var calls []string
			got := run(t, recorder(&calls, errors.New("no\nsuch  luck")), test.stdin, nil, strings.Fields(test.args)...)
			if got.code != 1 || !strings.HasSuffix(got.stderr, "parley: no such luck\n") {
				t.Errorf("want exit code 1 and one line: %+v", got)
			}
		})
	}
	t.Run("how to get in is not said where it is not known", func(t *testing.T) {
		t.Parallel()
		app := command.App{Demo: func(
			context.Context, config.Config, *slog.Logger, command.NewDemo, func(int),
		) (command.Demo, error) {
			return command.Demo{There: true}, nil
		}}
		if got := run(t, app, "", nil, "demo", "--if-empty"); got.stdout != "There are people already; nothing was made.\n" || got.code != 0 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("a password is made up and printed once", func(t *testing.T) {
		t.Parallel()
		var calls []string
		got := run(t, recorder(&calls, nil), "", nil, "admin", "create", "--username", "ada")
		again := run(t, recorder(&calls, nil), "", nil, "admin", "create", "--username", "ada")
		_, password, found := strings.Cut(got.stdout, "Password: ")
		if !found || len(strings.TrimSpace(password)) < 20 || calls[0] != "create ada ada "+strings.TrimSpace(password) {
			t.Errorf("calls %q; %+v", calls, got)
		}
		if got.stdout == again.stdout {
			t.Error("two accounts got the same password")
		}
	})
	t.Run("a made-up password is not printed where the account was refused", func(t *testing.T) {
		t.Parallel()
		var calls []string
		if got := run(t, recorder(&calls, errors.New("taken")), "", nil, "admin", "create", "--username", "ada"); got.stdout != "" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("an empty password is refused", func(t *testing.T) {
		t.Parallel()
		var calls []string
		got := run(t, recorder(&calls, nil), "\n", nil, "admin", "create", "--username", "ada", "--password-stdin")
		if got.code != 1 || len(calls) != 0 || got.stderr != "parley: no password came on standard input\n" {
			t.Errorf("calls %q; %+v", calls, got)
		}
	})
	t.Run("a broken standard input is an error", func(t *testing.T) {
		t.Parallel()
		var stderr bytes.Buffer
		code := command.Run(recorder(new([]string), nil), command.Process{
			Args: []string{"admin", "create", "--username", "ada", "--password-stdin"}, Stdin: brokenReader{}, Stdout: io.Discard, Stderr: &stderr,
		})
		if code != 1 || stderr.String() != "parley: reading the password: broken\n" {
			t.Errorf("code %d: %s", code, stderr.String())
		}
	})
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("broken") }

func TestUsage(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"frob":                    "unexpected argument frob",
		"--frob":                  "unknown flag --frob",
		"admin":                   `expected one of "create", "promote", "reset-password", "verify-audit"`,
		"admin promote":           `expected "<username>"`,
		"admin create":            "missing flags: --username=STRING",
		"serve 127.0.0.1:80":      "unexpected argument 127.0.0.1:80",
		"admin promote ada grace": "unexpected argument grace",
		"demo 1000":               "unexpected argument 1000",
	} {
		var calls []string
		got := run(t, recorder(&calls, nil), "", nil, strings.Fields(args)...)
		if got.code != 2 || len(calls) != 0 || got.stderr != "parley: "+want+" (see parley --help)\n" {
			t.Errorf("%q: calls %q; %+v", args, calls, got)
		}
	}
	for _, args := range []string{"--help", "-h", "serve --help", "admin create --help", "demo --help"} {
		var calls []string
		got := run(t, recorder(&calls, nil), "", []string{"PARLEY_ADDR=wrong"}, strings.Fields(args)...)
		lines := strings.Count(got.stdout, "\n")
		if got.code != 0 || len(calls) != 0 || got.stderr != "" || lines < 4 || lines > 24 {
			t.Errorf("%q: want help of one screen: calls %q; %+v", args, calls, got)
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	t.Run("the settings in force are shown, secrets masked", func(t *testing.T) {
		t.Parallel()
		got := run(t, command.App{}, "", []string{"PARLEY_ADDR=:80", "PARLEY_DATABASE_URL=postgres://u:hunter2@db/parley"}, "config")
		if got.code != 0 || got.stderr != "" || strings.Contains(got.stdout, "hunter2") {
			t.Errorf("%+v", got)
		}
		for _, v := range config.Variables() {
			if !strings.Contains(got.stdout, v.Name+" ") || !strings.Contains(got.stdout, v.Meaning) {
				t.Errorf("%s is missing in\n%s", v.Name, got.stdout)
			}
		}
		if !strings.Contains(got.stdout, "postgres://***@db/parley") || !strings.Contains(got.stdout, "http://localhost") {
			t.Errorf("values are missing in\n%s", got.stdout)
		}
	})
	t.Run("it says where the database is that Parley runs itself, or why that cannot be said", func(t *testing.T) {
		t.Parallel()
		app := func(folder string, err error) command.App {
			return command.App{Cluster: func(cfg config.Config) (string, error) {
				if cfg.DataDir != "/srv/parley" {
					t.Errorf("asked for %s", cfg.DataDir)
				}
				return folder, err
			}}
		}
		environ := []string{"PARLEY_DATA_DIR=/srv/parley"}
		got := run(t, app("/var/lib/parley/41a8", nil), "", environ, "config")
		if got.code != 0 || !strings.HasSuffix(got.stdout, "\nParley's own PostgreSQL is in /var/lib/parley/41a8\n") {
			t.Errorf("%+v", got)
		}
		got = run(t, app("", errors.New("it belongs\nto anna")), "", environ, "config")
		if got.code != 0 || !strings.HasSuffix(got.stdout, "\nParley's own PostgreSQL cannot be found: it belongs to anna\n") {
			t.Errorf("%+v", got)
		}
		got = run(t, app("/var/lib/parley/41a8", nil), "", append(environ, "PARLEY_DATABASE_URL=postgres://u@db/parley"), "config")
		if got.code != 0 || strings.Contains(got.stdout, "41a8") {
			t.Errorf("with a database of the operator's: %+v", got)
		}
	})
	t.Run("every mistake has its line", func(t *testing.T) {
		t.Parallel()
		var calls []string
		got := run(t, recorder(&calls, nil), "", []string{"PARLEY_ADDR=x", "PARLEY_ADR=y"})
		want := "parley: PARLEY_ADDR=\"x\": expected host:port, such as 127.0.0.1:8080 or :8080\n" +
			"parley: PARLEY_ADR: there is no such setting; did you mean PARLEY_ADDR?\n"
		if got.code != 1 || len(calls) != 0 || got.stderr != want {
			t.Errorf("calls %q; %+v", calls, got)
		}
	})
}

func TestVersion(t *testing.T) {
	t.Parallel()
	app := command.App{Libraries: func() []command.Library { return []command.Library{{Name: "libvips", Version: "8.14.1"}} }}
	got := run(t, app, "", []string{"PARLEY_ADDR=wrong"}, "version")
	if got.code != 0 || !strings.HasPrefix(got.stdout, "parley ") || !strings.Contains(got.stdout, "go1.") || !strings.HasSuffix(got.stdout, "\nlibvips 8.14.1\n") {
		t.Errorf("%+v", got)
	}
	if got := run(t, command.App{}, "", nil, "version"); got.code != 0 || strings.Count(got.stdout, "\n") != 1 {
		t.Errorf("without libraries: %+v", got)
	}
}

func TestErrorsAreExplained(t *testing.T) {
	t.Parallel()
	listen := func(cause error) error {
		return fmt.Errorf("starting: %w", &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("bind", cause)})
	}
	tests := []struct {
		name string
		err  error
		want string
	}{
		{"a port in use", listen(syscall.EADDRINUSE), "the address :80 is in use: stop the program that listens there, or choose another with PARLEY_ADDR"},
		{"a port for root", listen(syscall.EACCES), "not allowed to listen on :80: choose a port from 1024 on with PARLEY_ADDR"},
		{"an address of another machine", listen(syscall.EADDRNOTAVAIL), "cannot listen on :80 (bind: cannot assign requested address): choose another address with PARLEY_ADDR"},
		{
			"a folder of somebody else", fmt.Errorf("data folder: %w", &fs.PathError{Op: "mkdir", Path: "/.data", Err: syscall.EACCES}),
			"data folder: mkdir /.data: permission denied: give this user access, or choose another folder with PARLEY_DATA_DIR",
		},
		{
			"a folder whose setting is named already", fmt.Errorf("%w (PARLEY_DATA_DIR)", &fs.PathError{Op: "mkdir", Path: "/x", Err: syscall.EACCES}),
			"mkdir /x: permission denied (PARLEY_DATA_DIR)",
		},
		{"a full disk", &fs.PathError{Op: "write", Path: "/x", Err: syscall.ENOSPC}, "write /x: no space left on device: free some space"},
		{"a message of several lines", errors.New("no answer:\n\ta: refused\n\ta: refused\n\tb: refused\n"), "no answer: a: refused b: refused"},
		{"a library that repeats the secret URL", errors.New("cannot use postgres://u:hunter%232@db/parley"), "cannot use ***"},
		{"a library that repeats the password", errors.New("refused: hunter#2"), "refused: ***"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			app := recorder(new([]string), test.err)
			got := run(t, app, "", []string{"PARLEY_ADDR=:80", "PARLEY_DATABASE_URL=postgres://u:hunter%232@db/parley"}, "migrate")
			if got.code != 1 || got.stderr != "parley: "+test.want+"\n" {
				t.Errorf("\n got %d %s\nwant 1 parley: %s", got.code, got.stderr, test.want)
			}
		})
	}
}

func TestLog(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, environ, prefix string
	}{
		{"the log is JSON where nobody watches", "", `{"time":"`},
		{"the log is for people in development", "PARLEY_DEV=on", "time="},
		{"the log keeps to its level", "PARLEY_LOG_LEVEL=warn", "parley: stop here"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := run(t, recorder(new([]string), errors.New("stop here")), "", []string{test.environ}, "serve")
			if !strings.HasPrefix(got.stderr, test.prefix) {
				t.Errorf("want it to start with %s: %s", test.prefix, got.stderr)
			}
		})
	}
}

// signalled runs serve with an application that waits for ctx and then does what ending says, sends it the signals one
// after the other, and returns the exit code; exits counts how often the process ended itself.
func signalled(t *testing.T, ending func(exited <-chan struct{}) error, signals ...os.Signal) (code, exits int, stderr string) {
	t.Helper()
	source := make(chan os.Signal)
	exited := make(chan struct{})
	var once sync.Once
	var out bytes.Buffer
	started, done := make(chan struct{}), make(chan int, 1)
	app := command.App{Serve: func(ctx context.Context, _ config.Config, _ *slog.Logger) error {
		close(started)
		<-ctx.Done()
		return ending(exited)
	}}
	go func() {
		done <- command.Run(app, command.Process{
			Args: []string{"serve"}, Stdout: io.Discard, Stderr: &out, Signals: source,
			Exit: func(code int) {
				if code != 130 {
					t.Errorf("the process ended itself with %d, want 130", code)
				}
				once.Do(func() { exits++; close(exited) })
			},
		})
	}()
	deadline := time.After(10 * time.Second)
	wait := func() { t.Helper(); t.Fatal("nothing happened for 10 s") }
	select {
	case <-started:
	case <-deadline:
		wait()
	}
	for _, s := range signals {
		select {
		case source <- s:
		case <-deadline:
			wait()
		}
	}
	select {
	case code = <-done:
	case <-deadline:
		wait()
	}
	return code, exits, out.String()
}

func TestSignals(t *testing.T) {
	t.Parallel()
	graceful := func(<-chan struct{}) error { return nil }
	t.Run("SIGTERM stops the server gracefully", func(t *testing.T) {
		t.Parallel()
		if code, exits, stderr := signalled(t, graceful, syscall.SIGTERM); code != 0 || exits != 0 || stderr != "" {
			t.Errorf("code %d, %d exits: %s", code, exits, stderr)
		}
	})
	t.Run("Ctrl+C stops the server gracefully, also where it returns the context's error", func(t *testing.T) {
		t.Parallel()
		ending := func(<-chan struct{}) error { return fmt.Errorf("serving: %w", context.Canceled) }
		if code, exits, stderr := signalled(t, ending, os.Interrupt); code != 0 || exits != 0 || stderr != "" {
			t.Errorf("code %d, %d exits: %s", code, exits, stderr)
		}
	})
	t.Run("an error while stopping is reported", func(t *testing.T) {
		t.Parallel()
		ending := func(<-chan struct{}) error { return errors.New("stuck") }
		if code, _, stderr := signalled(t, ending, syscall.SIGTERM); code != 1 || stderr != "parley: stuck\n" {
			t.Errorf("code %d: %s", code, stderr)
		}
	})
	t.Run("a second Ctrl+C ends the process at once", func(t *testing.T) {
		t.Parallel()
		hang := func(exited <-chan struct{}) error { <-exited; return nil }
		if _, exits, _ := signalled(t, hang, os.Interrupt, os.Interrupt); exits != 1 {
			t.Errorf("%d exits, want 1", exits)
		}
	})
	t.Run("SIGTERM beside Ctrl+C does not count as a second one", func(t *testing.T) {
		t.Parallel()
		hang := func(exited <-chan struct{}) error { <-exited; return nil }
		// Were SIGTERM counted, the process would be gone before the last signal is taken.
		if _, exits, _ := signalled(t, hang, os.Interrupt, syscall.SIGTERM, syscall.SIGTERM, os.Interrupt); exits != 1 {
			t.Errorf("%d exits, want 1", exits)
		}
	})
	t.Run("another command says that it was interrupted", func(t *testing.T) {
		t.Parallel()
		signals := make(chan os.Signal, 1)
		var stderr bytes.Buffer
		app := command.App{Migrate: func(ctx context.Context, _ config.Config, _ *slog.Logger, _ io.Writer) error {
			signals <- os.Interrupt
			<-ctx.Done()
			return fmt.Errorf("migrating: %w", ctx.Err())
		}}
		code := command.Run(app, command.Process{Args: []string{"migrate"}, Stdout: io.Discard, Stderr: &stderr, Signals: signals})
		if code != 130 || stderr.String() != "parley: interrupted\n" {
			t.Errorf("code %d: %s", code, stderr.String())
		}
	})
}
