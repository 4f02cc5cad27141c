//go:build linux

package main

import (
	"context"
	"os/exec"
	"time"

	"github.com/redis/go-redis/v9"

	"parley/chaos/process"
)

// redisServer is a Redis of the run's own. Nodes reach it through a line.
type redisServer struct {
	addr, log string
	server    *process.Process
}

func newRedis(ctx context.Context, addr, log string) (*redisServer, error) {
	r := &redisServer{addr: addr, log: log}
	return r, r.start(ctx)
}

func (r *redisServer) start(ctx context.Context) error {
	host, port, err := splitAddr(r.addr)
	if err != nil {
		return err
	}
	r.server, err = launch(exec.Command("redis-server", "--bind", host, "--port", port, "--save", "", "--appendonly", "no"), r.log)
	if err != nil {
		return err
	}
	client := redis.NewClient(&redis.Options{Addr: r.addr})
	defer func() { _ = client.Close() }()
	return until(ctx, 20*time.Second, func(ctx context.Context) error { return client.Ping(ctx).Err() })
}

func (r *redisServer) flush(ctx context.Context) error {
	client := redis.NewClient(&redis.Options{Addr: r.addr})
	defer func() { _ = client.Close() }()
	return client.FlushAll(ctx).Err()
}
