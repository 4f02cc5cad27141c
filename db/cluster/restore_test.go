//go:build linux || darwin

package cluster

import (
	"os"
	"path/filepath"
	"testing"
)

// TestRestoredBackup is the documented way to restore a copy of the data: with the two files that make PostgreSQL begin a
// new timeline, which is part of the epoch.
func TestRestoredBackup(t *testing.T) {
	t.Parallel()
	dir := furnished(t)
	const history = "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)"
	c := started(t, Config{DataDir: dir, Throwaway: true})
	query(t, c.DSN(), "SELECT 'kept' AS x INTO kept")
	if got := query(t, c.DSN(), history); got != "00000001" {
		t.Fatalf("premise: the timeline is %s", got)
	}
	closed(t, c)

	at, err := Locate(dir)
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(at.Cluster, "data")
	uid, _ := ownerOf(data)
	for name, content := range map[string]string{"postgresql.auto.conf": "restore_command = 'false'\n", "recovery.signal": ""} {
		path := filepath.Join(data, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, uid, -1); err != nil {
			t.Fatal(err)
		}
	}
	// Start comes back only when recovery is through: before, the server takes no writes.
	c = started(t, Config{DataDir: dir, Throwaway: true})
	if got := query(t, c.DSN(), "SELECT pg_is_in_recovery()::text"); got != "false" {
		t.Errorf("in recovery: %s", got)
	}
	if got := query(t, c.DSN(), history); got != "00000002" {
		t.Errorf("the timeline is %s", got)
	}
	if got := query(t, c.DSN(), "SELECT x FROM kept"); got != "kept" {
		t.Errorf("got %q", got)
	}
}
