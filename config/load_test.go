package config_test

import (
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"parley/config"
)

func TestDefaults(t *testing.T) {
	t.Parallel()
	got, err := config.Load([]string{"HOME=/root", "parley_addr=ignored", "NOISE"})
	if err != nil {
		t.Fatalf("an environment without settings: %v", err)
	}
	want := config.Config{
		Addr: "127.0.0.1:8080", BaseURL: "http://127.0.0.1:8080", DataDir: ".data",
		MailFrom: "Parley <parley@localhost>",
		Limits:   true, BcryptCost: 12, LogLevel: slog.LevelInfo, SlowStatement: 200 * time.Millisecond,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("defaults:\n got %+v\nwant %+v", got, want)
	}
}

func TestEverySettingIsRead(t *testing.T) {
	t.Parallel()
	got, err := config.Load([]string{
		"PARLEY_ADDR=[::1]:9000", "PARLEY_BASE_URL=https://Chat.Example.org:443/", "PARLEY_DATABASE_URL=postgres://u:pw@db/parley",
		"PARLEY_DATA_DIR=/srv/parley", "PARLEY_REGISTRATION=closed", "PARLEY_TRUSTED_PROXIES=10.1.2.3/8, 192.0.2.7,2001:db8::1,::ffff:10.0.0.1",
		"PARLEY_LIMITS=off", "PARLEY_BCRYPT_COST=4", "PARLEY_DEV=on", "PARLEY_LOG_LEVEL=debug",
		"PARLEY_SMTP_URL=smtp://u:pw@mail.example.org", "PARLEY_MAIL_FROM=Our place <post@example.org>",
		"PARLEY_ADMIN_ADDR=[::1]:9090", "PARLEY_SLOW_STATEMENT=1.5s",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := config.Config{
		Addr: "[::1]:9000", BaseURL: "https://chat.example.org", DatabaseURL: "postgres://u:pw@db/parley",
		DataDir: "/srv/parley", Registration: config.RegistrationClosed,
		SMTPURL: "smtp://u:pw@mail.example.org", MailFrom: "Our place <post@example.org>",
		TrustedProxies: []netip.Prefix{
			netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32"),
			netip.MustParsePrefix("2001:db8::1/128"), netip.MustParsePrefix("10.0.0.1/32"),
		},
		Limits: false, BcryptCost: 4, Dev: true, LogLevel: slog.LevelDebug,
		AdminAddr: "[::1]:9090", SlowStatement: 1500 * time.Millisecond,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		environ string // separated by spaces
		wrong   string // the names of the mistakes, separated by spaces
	}{
		{"an address with a name is accepted", "PARLEY_ADDR=localhost:8080", ""},
		{"an address without a host is accepted", "PARLEY_ADDR=:8080", ""},
		{"port 0 is accepted", "PARLEY_ADDR=127.0.0.1:0", ""},
		{"an address without a port is refused", "PARLEY_ADDR=127.0.0.1", "PARLEY_ADDR"},
		{"a port with a name is refused", "PARLEY_ADDR=127.0.0.1:http", "PARLEY_ADDR"},
		{"a port above 65535 is refused", "PARLEY_ADDR=127.0.0.1:65536", "PARLEY_ADDR"},
		{"a URL as address is refused", "PARLEY_ADDR=http://127.0.0.1:8080", "PARLEY_ADDR"},
		{"an empty value means the default", "PARLEY_ADDR=", ""},
		{"of a name given twice the last counts", "PARLEY_DEV=loud PARLEY_DEV=on", ""},
		{"of a name given twice the last counts, also when it is empty", "PARLEY_DEV=loud PARLEY_DEV=", ""},

		{"metrics on a port of their own are accepted", "PARLEY_ADMIN_ADDR=127.0.0.1:9090", ""},
		{"metrics on an open address are accepted", "PARLEY_ADMIN_ADDR=:9090", ""},
		{"metrics on the same port of another address are accepted", "PARLEY_ADDR=192.0.2.1:8080 PARLEY_ADMIN_ADDR=127.0.0.1:8080", ""},
		{"metrics and people on free ports are accepted", "PARLEY_ADDR=127.0.0.1:0 PARLEY_ADMIN_ADDR=127.0.0.1:0", ""},
		{"metrics without a port are refused", "PARLEY_ADMIN_ADDR=127.0.0.1", "PARLEY_ADMIN_ADDR"},
		{"metrics where people come are refused", "PARLEY_ADMIN_ADDR=127.0.0.1:8080", "PARLEY_ADMIN_ADDR"},
		{"metrics where people come by another name are refused", "PARLEY_ADMIN_ADDR=localhost:8080", "PARLEY_ADMIN_ADDR"},
		{"metrics where people come by every address are refused", "PARLEY_ADDR=:8080 PARLEY_ADMIN_ADDR=127.0.0.1:8080", "PARLEY_ADMIN_ADDR"},
		{"metrics on every address of the port where people come are refused", "PARLEY_ADMIN_ADDR=[::]:08080", "PARLEY_ADMIN_ADDR"},
		{"no statement is slow where none is to be named", "PARLEY_SLOW_STATEMENT=0s", ""},
		{"a negative time for statements is refused", "PARLEY_SLOW_STATEMENT=-1s", "PARLEY_SLOW_STATEMENT"},
		{"a time for statements without a unit is refused", "PARLEY_SLOW_STATEMENT=200", "PARLEY_SLOW_STATEMENT"},

		{"a base URL with a port is accepted", "PARLEY_BASE_URL=http://10.0.0.1:8081", ""},
		{"a base URL with an IPv6 address is accepted", "PARLEY_BASE_URL=https://[2001:db8::1]", ""},
		{"a base URL with a path is refused", "PARLEY_BASE_URL=https://example.org/chat", "PARLEY_BASE_URL"},
		{"a base URL with a query is refused", "PARLEY_BASE_URL=https://example.org?x=1", "PARLEY_BASE_URL"},
		{"a base URL with an empty query is refused", "PARLEY_BASE_URL=https://example.org?", "PARLEY_BASE_URL"},
		{"a base URL with a fragment is refused", "PARLEY_BASE_URL=https://example.org#", "PARLEY_BASE_URL"},
		{"a base URL with a user is refused", "PARLEY_BASE_URL=https://me@example.org", "PARLEY_BASE_URL"},
		{"a base URL of another scheme is refused", "PARLEY_BASE_URL=ftp://example.org", "PARLEY_BASE_URL"},
		{"a base URL without a scheme is refused", "PARLEY_BASE_URL=example.org", "PARLEY_BASE_URL"},
		{"a base URL without a host is refused", "PARLEY_BASE_URL=https://:443", "PARLEY_BASE_URL"},
		{"a base URL with a colon and no port is refused", "PARLEY_BASE_URL=https://example.org:", "PARLEY_BASE_URL"},
		{"a base URL with port 0 is refused", "PARLEY_BASE_URL=https://example.org:0", "PARLEY_BASE_URL"},
		{"a base URL with port 70000 is refused", "PARLEY_BASE_URL=https://example.org:70000", "PARLEY_BASE_URL"},
		{"a base URL that is no URL is refused", "PARLEY_BASE_URL=https://[", "PARLEY_BASE_URL"},
		{"a base URL with a strange host is refused", "PARLEY_BASE_URL=https://a%20b", "PARLEY_BASE_URL"},

		{"a database with several hosts is accepted", "PARLEY_DATABASE_URL=postgresql://u:p@a:5432,b:5433/parley", ""},
		{"a database on a Unix socket is accepted", "PARLEY_DATABASE_URL=postgres:///parley?host=/run/postgresql", ""},
		{"another kind of database is refused", "PARLEY_DATABASE_URL=mysql://u:p@a/parley", "PARLEY_DATABASE_URL"},
		{"a database without a scheme is refused", "PARLEY_DATABASE_URL=host=db", "PARLEY_DATABASE_URL"},
		{"a database with a strange port is refused", "PARLEY_DATABASE_URL=postgres://db:http/parley", "PARLEY_DATABASE_URL"},
		{"a database with nothing behind the scheme is refused", "PARLEY_DATABASE_URL=postgres://", "PARLEY_DATABASE_URL"},

		{"a Redis is accepted", "PARLEY_REDIS_URL=redis://:secret@cache:6379/0", ""},
		{"a Redis behind TLS is accepted", "PARLEY_REDIS_URL=rediss://cache.example.org", ""},
		{"a Redis behind a socket is accepted", "PARLEY_REDIS_URL=unix:///run/redis/redis.sock?db=1", ""},
		{"a Redis of another scheme is refused", "PARLEY_REDIS_URL=http://cache:6379", "PARLEY_REDIS_URL"},
		{"a Redis without a host is refused", "PARLEY_REDIS_URL=redis:///0", "PARLEY_REDIS_URL"},
		{"a Redis with a name for a database is refused", "PARLEY_REDIS_URL=redis://cache/parley", "PARLEY_REDIS_URL"},
		{"a Redis that is no URL is refused", "PARLEY_REDIS_URL=redis://%zz", "PARLEY_REDIS_URL"},
		{"a Redis found by sentinels is accepted", "PARLEY_REDIS_URL=redis+sentinel://:secret@a:26379,b:26379/mymaster/0", ""},
		{"a Redis Cluster is accepted", "PARLEY_REDIS_URL=rediss+cluster://:secret@a:6379,b:6379", ""},
		{"sentinels without the name of the server are refused", "PARLEY_REDIS_URL=redis+sentinel://a:26379,b:26379", "PARLEY_REDIS_URL"},
		{"registration by invitation is accepted", "PARLEY_REGISTRATION=invite", ""},
		{"a registration that the administrators decide on is none that is set", "PARLEY_REGISTRATION=", ""},
		{"a mail server without a port is accepted", "PARLEY_SMTP_URL=smtp://mail.example.org", ""},
		{"a mail server with user, password and port is accepted", "PARLEY_SMTP_URL=smtps://me%40example.org:p%20w@mail.example.org:465", ""},
		{"a mail server of numbers is accepted", "PARLEY_SMTP_URL=smtp://u:p@[2001:db8::1]:25/", ""},
		{"a mail server of another scheme is refused", "PARLEY_SMTP_URL=http://mail.example.org", "PARLEY_SMTP_URL"},
		{"a mail server without a scheme is refused", "PARLEY_SMTP_URL=mail.example.org:587", "PARLEY_SMTP_URL"},
		{"a mail server without a host is refused", "PARLEY_SMTP_URL=smtp://u:p@:587", "PARLEY_SMTP_URL"},
		{"a mail server with a strange host is refused", "PARLEY_SMTP_URL=smtp://a_b%20c", "PARLEY_SMTP_URL"},
		{"a mail server with a user and no password is refused", "PARLEY_SMTP_URL=smtp://u@mail.example.org", "PARLEY_SMTP_URL"},
		{"a mail server with a password and no user is refused", "PARLEY_SMTP_URL=smtp://:p@mail.example.org", "PARLEY_SMTP_URL"},
		{"a mail server with a line end in its password is refused", "PARLEY_SMTP_URL=smtp://u:p%0d%0aq@mail.example.org", "PARLEY_SMTP_URL"},
		{"a mail server with port 0 is refused", "PARLEY_SMTP_URL=smtp://mail.example.org:0", "PARLEY_SMTP_URL"},
		{"a mail server with port 70000 is refused", "PARLEY_SMTP_URL=smtp://mail.example.org:70000", "PARLEY_SMTP_URL"},
		{"a mail server with a colon and no port is refused", "PARLEY_SMTP_URL=smtp://mail.example.org:", "PARLEY_SMTP_URL"},
		{"a mail server with a path is refused", "PARLEY_SMTP_URL=smtp://mail.example.org/inbox", "PARLEY_SMTP_URL"},
		{"a mail server with a query is refused", "PARLEY_SMTP_URL=smtp://mail.example.org?tls=off", "PARLEY_SMTP_URL"},
		{"a mail server with an empty query is refused", "PARLEY_SMTP_URL=smtp://mail.example.org?", "PARLEY_SMTP_URL"},
		{"a mail server with a fragment is refused", "PARLEY_SMTP_URL=smtp://mail.example.org#", "PARLEY_SMTP_URL"},
		{"a mail server that is no URL is refused", "PARLEY_SMTP_URL=smtp://u:%zz@mail.example.org", "PARLEY_SMTP_URL"},
		{"a sender without a name is accepted", "PARLEY_MAIL_FROM=post@example.org", ""},
		{"a sender that is no address is refused", "PARLEY_MAIL_FROM=example.org", "PARLEY_MAIL_FROM"},
		{"two senders are refused", "PARLEY_MAIL_FROM=a@example.org,b@example.org", "PARLEY_MAIL_FROM"},
		{"a sender with a line end is refused", "PARLEY_MAIL_FROM=a@example.org\r\n", "PARLEY_MAIL_FROM"},
		{"a sender at an address in numbers is refused", "PARLEY_MAIL_FROM=a@[127.0.0.1]", "PARLEY_MAIL_FROM"},

		{"another registration is refused", "PARLEY_REGISTRATION=Open", "PARLEY_REGISTRATION"},
		{"a proxy that is no address is refused", "PARLEY_TRUSTED_PROXIES=10.0.0.0/8,proxy", "PARLEY_TRUSTED_PROXIES"},
		{"an empty proxy in the list is refused", "PARLEY_TRUSTED_PROXIES=10.0.0.0/8,", "PARLEY_TRUSTED_PROXIES"},
		{"a proxy with a zone is refused", "PARLEY_TRUSTED_PROXIES=fe80::1%eth0", "PARLEY_TRUSTED_PROXIES"},

		{"limits may be off on a loopback address", "PARLEY_LIMITS=off PARLEY_ADDR=localhost:1", ""},
		{"limits may not be off on an open address", "PARLEY_LIMITS=off PARLEY_ADDR=0.0.0.0:8080", "PARLEY_LIMITS"},
		{"limits may not be off on every address", "PARLEY_LIMITS=off PARLEY_ADDR=:8080", "PARLEY_LIMITS"},
		{"limits may not be off on a named host", "PARLEY_LIMITS=off PARLEY_ADDR=localhost.example.org:8080", "PARLEY_LIMITS"},
		{"a switch that is neither on nor off is refused", "PARLEY_LIMITS=true PARLEY_DEV=1", "PARLEY_DEV PARLEY_LIMITS"},
		{"a cost of 10 is accepted on an open address", "PARLEY_BCRYPT_COST=10 PARLEY_ADDR=:8080", ""},
		{"a cost of 9 is refused on an open address", "PARLEY_BCRYPT_COST=9 PARLEY_ADDR=:8080", "PARLEY_BCRYPT_COST"},
		{"a cost of 9 is accepted on a loopback address", "PARLEY_BCRYPT_COST=9", ""},
		{"a cost of 3 is refused", "PARLEY_BCRYPT_COST=3", "PARLEY_BCRYPT_COST"},
		{"a cost of 15 is accepted", "PARLEY_BCRYPT_COST=15", ""},
		{"a cost of 16 is refused", "PARLEY_BCRYPT_COST=16", "PARLEY_BCRYPT_COST"},
		{"a cost that is no number is refused", "PARLEY_BCRYPT_COST=ten", "PARLEY_BCRYPT_COST"},
		{"a log level between two is refused", "PARLEY_LOG_LEVEL=info+1", "PARLEY_LOG_LEVEL"},
		{"an unknown log level is refused", "PARLEY_LOG_LEVEL=trace", "PARLEY_LOG_LEVEL"},
		{"a wrong address is one mistake, not three", "PARLEY_ADDR=x PARLEY_LIMITS=off PARLEY_BCRYPT_COST=4", "PARLEY_ADDR"},
		{
			"all mistakes are reported at once", "PARLEY_ADDR=x PARLEY_DEV=x PARLEY_BASE_URL=x PARLEY_LOG_LEVEL=x PARLEY_FOO=x",
			"PARLEY_ADDR PARLEY_BASE_URL PARLEY_DEV PARLEY_FOO PARLEY_LOG_LEVEL",
		},

		{"names that Kubernetes sets are ignored", "PARLEY_SERVICE_HOST=10.0.0.7 PARLEY_SERVICE_PORT=80 PARLEY_SERVICE_PORT_HTTP=80 PARLEY_PORT=tcp://10.0.0.7:80 PARLEY_PORT_80_TCP=tcp://10.0.0.7:80 PARLEY_PORT_80_TCP_PROTO=tcp PARLEY_PORT_80_TCP_PORT=80 PARLEY_PORT_80_TCP_ADDR=10.0.0.7", ""},
		{"names that Kubernetes sets for a service parley-db are ignored", "PARLEY_DB_SERVICE_HOST=10.0.0.8 PARLEY_DB_PORT=tcp://10.0.0.8:5432 PARLEY_DB_PORT_5432_TCP_ADDR=10.0.0.8", ""},
		{"a port given by hand is refused", "PARLEY_PORT=8080", "PARLEY_PORT"},
		{"a file for what is no secret is refused", "PARLEY_ADDR_FILE=/tmp/x", "PARLEY_ADDR_FILE"},
		{"an unknown name without a value is no mistake", "PARLEY_FOO=", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Load(strings.Split(test.environ, " "))
			var names []string
			var mistakes config.Mistakes
			if errors.As(err, &mistakes) {
				for _, m := range mistakes {
					names = append(names, m.Name)
				}
			} else if err != nil {
				t.Fatalf("an error of another type: %v", err)
			}
			if got := strings.Join(names, " "); got != test.wrong {
				t.Errorf("%s\n got mistakes %q\nwant mistakes %q\n%v", test.environ, got, test.wrong, err)
			}
		})
	}
}

func TestMistakesReadWell(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 200)
	tests := []struct{ name, environ, want string }{
		{"a wrong value", "PARLEY_ADDR=here", `PARLEY_ADDR="here": expected host:port, such as 127.0.0.1:8080 or :8080`},
		{"an address that is taken", "PARLEY_ADMIN_ADDR=127.0.0.1:8080", `PARLEY_ADMIN_ADDR="127.0.0.1:8080": expected another port than that of PARLEY_ADDR (127.0.0.1:8080): metrics and profiles are not for people`},
		{"a value with control characters is quoted", "PARLEY_REGISTRATION=a\nb", `PARLEY_REGISTRATION="a\nb": expected open, invite or closed`},
		{"a long value is cut", "PARLEY_REGISTRATION=" + long, `PARLEY_REGISTRATION="` + long[:80] + `…": expected open, invite or closed`},
		{"a secret is masked", "PARLEY_DATABASE_URL=mysql://u:hunter2@db", `PARLEY_DATABASE_URL=***: expected a URL such as postgres://user@host:5432/database`},
		{"a mail server is masked", "PARLEY_SMTP_URL=http://u:hunter2@mail", `PARLEY_SMTP_URL=***: expected a URL such as smtp://user:password@mail.example.org:587 or smtps://user:password@mail.example.org:465`},
		{"a misspelt name", "PARLEY_ADR=:80", `PARLEY_ADR: there is no such setting; did you mean PARLEY_ADDR?`},
		{"two letters swapped", "PARLEY_DATABASE_ULR=postgres://u:hunter2@db", `PARLEY_DATABASE_ULR: there is no such setting; did you mean PARLEY_DATABASE_URL?`},
		{"a misspelt twin", "PARLEY_DATABASE_URL_FIEL=/x", `PARLEY_DATABASE_URL_FIEL: there is no such setting; did you mean PARLEY_DATABASE_URL_FILE?`},
		{"a short name is near to nothing", "PARLEY_X=x", `PARLEY_X: there is no such setting`},
		{"a name far from all", "PARLEY_SOMETHING_ELSE=x", `PARLEY_SOMETHING_ELSE: there is no such setting`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Load([]string{test.environ})
			if err == nil || err.Error() != test.want {
				t.Errorf("\n got %v\nwant %s", err, test.want)
			}
		})
	}
	t.Run("each mistake has a line of its own", func(t *testing.T) {
		t.Parallel()
		_, err := config.Load([]string{"PARLEY_DEV=x", "PARLEY_ADDR=x"})
		if err == nil || strings.Count(err.Error(), "\n") != 1 || !strings.HasPrefix(err.Error(), "PARLEY_ADDR=") {
			t.Errorf("got %v", err)
		}
	})
}

func TestSecretFromFile(t *testing.T) {
	t.Parallel()
	write := func(t *testing.T, content string) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const secret = "postgres://u:hunter2@db/parley"
	t.Run("the file's content is the value, without the line end", func(t *testing.T) {
		t.Parallel()
		c, err := config.Load([]string{"PARLEY_DATABASE_URL_FILE=" + write(t, secret+"\r\n")})
		if err != nil || string(c.DatabaseURL) != secret {
			t.Errorf("got %q, %v", string(c.DatabaseURL), err)
		}
	})
	t.Run("an empty variable beside the file does not count", func(t *testing.T) {
		t.Parallel()
		c, err := config.Load([]string{"PARLEY_DATABASE_URL=", "PARLEY_DATABASE_URL_FILE=" + write(t, secret)})
		if err != nil || string(c.DatabaseURL) != secret {
			t.Errorf("got %q, %v", string(c.DatabaseURL), err)
		}
	})
	refused := []struct {
		name, want string
		environ    func(t *testing.T) []string
	}{
		{"both are refused", "only one of PARLEY_DATABASE_URL and PARLEY_DATABASE_URL_FILE", func(t *testing.T) []string {
			return []string{"PARLEY_DATABASE_URL=" + secret, "PARLEY_DATABASE_URL_FILE=" + write(t, secret)}
		}},
		{"a missing file is refused", "no such file", func(t *testing.T) []string {
			return []string{"PARLEY_DATABASE_URL_FILE=" + filepath.Join(t.TempDir(), "missing")}
		}},
		{"a folder is refused", "is a directory", func(t *testing.T) []string {
			return []string{"PARLEY_DATABASE_URL_FILE=" + t.TempDir()}
		}},
		{"an empty file is refused", "it is empty", func(t *testing.T) []string {
			return []string{"PARLEY_DATABASE_URL_FILE=" + write(t, "\n")}
		}},
		{"a huge file is refused", "larger than 64 KiB", func(t *testing.T) []string {
			return []string{"PARLEY_DATABASE_URL_FILE=" + write(t, strings.Repeat("x", 64<<10+1))}
		}},
		{"a malformed secret in a file is refused and not shown", "PARLEY_DATABASE_URL=***: expected", func(t *testing.T) []string {
			return []string{"PARLEY_DATABASE_URL_FILE=" + write(t, "mysql://u:hunter2@db")}
		}},
	}
	for _, test := range refused {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Load(test.environ(t))
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("want one line with %q, got: %v", test.want, err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the secret is shown: %v", err)
			}
		})
	}
}

// FuzzLoad looks for environments that make Load panic or show a secret.
func FuzzLoad(f *testing.F) {
	f.Add("ADDR", "127.0.0.1:1", "postgres://u:canary@h")
	f.Add("BASE_URL", "https://[::1]:443/", "canary")
	f.Fuzz(func(t *testing.T, name, value, secret string) {
		c, err := config.Load([]string{"PARLEY_" + name + "=" + value, "PARLEY_DATABASE_URL=x" + secret})
		if err == nil {
			t.Fatalf("a database URL that starts with x was accepted: %+v", c)
		}
		if strings.Contains(err.Error(), "canary") && strings.Contains(secret, "canary") && !strings.Contains(value+name, "canary") {
			t.Fatalf("the secret is shown: %v", err)
		}
	})
}
