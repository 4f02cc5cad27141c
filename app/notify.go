package app

import (
	"context"
	"net"
	"os"
	"time"
)

// notify tells systemd (sd_notify(3), Type=notify) how the process is; elsewhere nobody asks to be told. That systemd
// was not there to hear is no reason to end.
func notify(ctx context.Context, state string) {
	socket := os.Getenv("NOTIFY_SOCKET")
	if socket == "" {
		return
	}
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "unixgram", socket)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	_, _ = conn.Write([]byte(state)) // one datagram, or nobody is there
}
