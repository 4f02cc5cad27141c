package app_test

import (
	"net"
	"path/filepath"
	"testing"
	"time"

	"parley/db/dbtest"
)

// No t.Parallel: the environment belongs to the whole process.
func TestSystemdIsTold(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	listener, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	t.Setenv("NOTIFY_SOCKET", socket)
	_, _, stop := serve(t, settings(dbtest.New(t).DSN))
	if err := listener.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 100)
	n, err := listener.Read(said)
	if err != nil || string(said[:n]) != "READY=1" {
		t.Errorf("it says %q, %v", said[:n], err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}

	t.Setenv("NOTIFY_SOCKET", socket+"-that-is-not-there")
	if _, _, stop := serve(t, settings(dbtest.New(t).DSN)); stop() != nil {
		t.Error("without a listener it does not run")
	}
}
