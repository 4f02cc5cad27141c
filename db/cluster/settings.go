//go:build linux || darwin

package cluster

import (
	"fmt"
	"net/url"
	"os"
	"strings"
)

// settings are for a small server that shares its machine. They stand in a file
// outside of the data, written anew at each start; ALTER SYSTEM goes above them.
const settings = `# Written by parley at each start. ALTER SYSTEM changes a setting for good.
max_connections = 100
shared_buffers = 64MB
work_mem = 4MB
maintenance_work_mem = 32MB
max_wal_size = 512MB
checkpoint_timeout = 15min
random_page_cost = 1.1
jit = off
# Statements here are short; workers would only cost memory.
max_parallel_workers_per_gather = 0
max_logical_replication_workers = 0
# Memory under /dev/shm is small in containers, and is taken away from ordinary
# users when they log out.
dynamic_shared_memory_type = mmap
TimeZone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
default_text_search_config = 'pg_catalog.simple'
# A restored backup lets nobody in before it is recovered to its end.
hot_standby = off
unix_socket_permissions = 0700
# What people write must not reach the log: no statements, no details.
log_min_messages = warning
log_min_error_statement = panic
log_error_verbosity = terse
log_checkpoints = off
`

const throwawaySettings = `max_connections = 300
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off
`

// access lets in, over the socket, only whom the kernel says it is: root and
// the user the server runs as, for Parley's role and the superuser.
const access = `local all         all      peer map=parley
local replication postgres peer map=parley
`

// writeSettings writes what the server reads at its start.
func (s *site) writeSettings() error {
	conf := settings
	if s.throwaway {
		conf += throwawaySettings
	}
	var ident strings.Builder
	for _, who := range []account{accountOf(0), s.runAs} {
		for _, role := range []string{"parley", "postgres"} {
			fmt.Fprintf(&ident, "parley %q %s\n", who.name, role)
		}
	}
	for name, content := range map[string]string{"postgresql.conf": conf, "pg_hba.conf": access, "pg_ident.conf": ident.String()} {
		if err := replaceFile(s.path("settings", name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// arguments for the server. What must hold comes last and beats every file.
func (s *site) arguments() []string {
	return []string{
		"-D", s.data(),
		"-c", "config_file=" + s.path("settings", "postgresql.conf"),
		"-c", "hba_file=" + s.path("settings", "pg_hba.conf"),
		"-c", "ident_file=" + s.path("settings", "pg_ident.conf"),
		"-c", "unix_socket_directories=" + s.Socket,
		"-c", "listen_addresses=",
		"-c", "port=5432",
		"-c", "logging_collector=off",
		"-c", "log_destination=stderr",
	}
}

// environment for PostgreSQL's programs: nothing of ours, above all no PG*.
func environment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
}

func dsn(socket, role, database string) string {
	address := url.URL{
		Scheme:   "postgres",
		User:     url.User(role),
		Path:     "/" + database,
		RawQuery: url.Values{"host": {socket}, "port": {"5432"}, "sslmode": {"disable"}}.Encode(),
	}
	return address.String()
}
