//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/olahol/melody"

	"parley/chaos/process"
	"parley/db"
)

// bareMelody is the floor of A, C and E1: the socket library alone, as slim as it can be. It knows nobody, stores nothing, and
// relays what is posted to every socket, and what a socket says to one other, in a frame as long as Parley's.
//
//	GET  /ws?hello=N   a socket; it is greeted as Parley greets, and brought a list of N bytes
//	GET  /ws?hello=N&seat=S&to=T&frame=N&of=P   and what it says of its writing or presence goes to the seat T, in N bytes
//	POST /send?frame=N body=…   to every socket, in N bytes
func bareMelody(addr string) error {
	if err := loopback(addr); err != nil {
		return err
	}
	m := melody.New()
	m.Upgrader.CheckOrigin = nil
	m.Upgrader.ReadBufferSize, m.Upgrader.WriteBufferSize = 1024, 4096
	m.Upgrader.WriteBufferPool = &sync.Pool{}
	m.Config.PingPeriod, m.Config.PongWait = 20*time.Second, 45*time.Second
	// melody makes room for a queue in advance, 48 bytes for each frame that may wait: its usual 256 are 12 KiB a socket.
	m.Config.MaxMessageSize, m.Config.MessageBufferSize = 16<<10, 16
	var mu sync.RWMutex
	sockets := map[*melody.Session]struct{}{}
	seats := map[string]*melody.Session{}
	m.HandleConnect(func(s *melody.Session) {
		mu.Lock()
		sockets[s] = struct{}{}
		if at, _ := s.Get("way"); at.(way).seat != "" {
			seats[at.(way).seat] = s
		}
		mu.Unlock()
		hello, _ := s.Get("hello")
		list, _ := hello.(int)
		_ = s.Write(pad(`{"type":"hello","epoch":"`, 150))
		_ = s.Write(pad(`{"type":"list","html":"`, list))
		stands, _ := s.Get("stands")
		close(stands.(chan struct{}))
	})
	m.HandleDisconnect(func(s *melody.Session) {
		mu.Lock()
		delete(sockets, s)
		mu.Unlock()
	})
	m.HandleMessage(func(s *melody.Session, text []byte) {
		got, _ := s.Get("way")
		at := got.(way)
		mu.RLock()
		to := seats[at.to]
		mu.RUnlock()
		if frame := at.relay(text); to != nil && frame != nil {
			_ = to.Write(frame) // only says that the socket is closed
		}
	})
	mux := http.NewServeMux()
	// The handler returns once the socket stands, and net/http lets go of all that it holds for a request.
	mux.HandleFunc("GET /ws", func(w http.ResponseWriter, r *http.Request) {
		asked := r.URL.Query()
		hello, _ := strconv.Atoi(asked.Get("hello"))
		length, _ := strconv.Atoi(asked.Get("frame"))
		stands, ended := make(chan struct{}), make(chan struct{})
		slim := &http.Request{Method: r.Method, Header: r.Header.Clone(), Host: r.Host, URL: &url.URL{Path: "/ws"}}
		keys := map[string]any{
			"hello": hello, "stands": stands, "way": way{seat: asked.Get("seat"), to: asked.Get("to"), of: asked.Get("of"), length: length},
		}
		go func() {
			defer close(ended)
			_ = m.HandleRequestWithKeys(w, slim, keys) // whoever was refused has been told
		}()
		select {
		case <-stands:
			slim.Header = nil
		case <-ended:
		}
	})
	mux.HandleFunc("POST /send", func(w http.ResponseWriter, r *http.Request) {
		length, _ := strconv.Atoi(r.URL.Query().Get("frame"))
		frame := pad(`{"type":"changes","html":"`+r.FormValue("body"), length)
		mu.RLock()
		for s := range sockets {
			_ = s.Write(frame) // only says that the socket is closed
		}
		mu.RUnlock()
		w.WriteHeader(http.StatusOK)
	})
	server := &http.Server{Addr: addr, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	return server.ListenAndServe()
}

// way is where a socket of the bare server sits, and where what it says goes.
type way struct {
	seat, to, of string
	length       int
}

// relay is the frame that becomes of what a socket says; nil of what does not concern anybody.
func (w way) relay(text []byte) []byte {
	switch {
	case is(text, isTyping):
		return pad(`{"type":"typing","html":"`, w.length)
	case bytes.Equal(text, []byte(saysHidden)):
		return pad(presenceFrame(w.of, stateAway), w.length)
	case bytes.Equal(text, []byte(saysActive)):
		return pad(presenceFrame(w.of, stateOnline), w.length)
	}
	return nil
}

// presenceFrame is how a frame begins that brings somebody's presence.
func presenceFrame(person, state string) string {
	return `{"type":"presence","html":"<span class=\"presence\" data-presence=\"` + person + `\" data-state=\"` + state + `\">`
}

// pad makes a frame so long, of which all is text.
func pad(begin string, length int) []byte {
	const end = `"}`
	return []byte(begin + strings.Repeat("x", max(0, length-len(begin)-len(end))) + end)
}

// bare is the bare server as a process.
type bare struct {
	addr   string
	server *process.Process
}

// startBare starts it: it is this very program, under another name.
func startBare(ctx context.Context, folder string) (*bare, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	b := &bare{}
	if b.addr, err = process.FreeAddr(); err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "bare-melody", b.addr)
	if b.server, err = process.Launch(cmd, filepath.Join(folder, "bare.log")); err != nil {
		return nil, err
	}
	return b, process.Until(ctx, 10*time.Second, func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", b.addr)
		if err == nil {
			_ = conn.Close()
		}
		return err
	})
}

func (b *bare) stop() { b.server.Kill() }

func (b *bare) parts() []part {
	return []part{{partServer, b.server.PID(), false}, {partTool, os.Getpid(), false}}
}

// inserts is what the floor of B and D is asked to do.
type inserts struct {
	DSN         string        `json:"dsn"`
	Connections int           `json:"connections"`
	Rate        float64       `json:"rate"`
	Warm        time.Duration `json:"warm"`
	Length      time.Duration `json:"length"`
	Window      int           `json:"window"`
	Pairs       []pair        `json:"pairs"`
	Hopeless    bool          `json:"hopeless"` // give up where inserts are late by a second
}

// inserted is what came of it.
type inserted struct {
	Stored spread        `json:"stored"`
	Late   spread        `json:"late"`
	Sends  int           `json:"sends"`
	Failed int           `json:"failed"`
	GaveUp bool          `json:"gave_up"`
	Time   time.Duration `json:"time"`     // processor time of the process while it counted
	Base   time.Duration `json:"postgres"` // and PostgreSQL's
}

// bareInsert reads what to do, does it, and says what came of it: the statement by which Parley sends, and nothing else, is the
// floor of B and D.
func bareInsert(ctx context.Context, in io.Reader, out io.Writer) error {
	debug.SetGCPercent(400) // a floor has nothing to collect
	var todo inserts
	if err := json.NewDecoder(in).Decode(&todo); err != nil {
		return err
	}
	config, err := pgxpool.ParseConfig(todo.DSN)
	if err != nil {
		return err
	}
	config.MaxConns = int32(todo.Connections)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	defer pool.Close()
	plan := schedule{rate: todo.Rate, warm: todo.Warm, length: todo.Length}
	all, warm := plan.sends()
	due := make(chan int, all)
	stored, late := newTimes(), newTimes()
	begin := time.Now().Add(100 * time.Millisecond)
	hash := bytes.Repeat([]byte{7}, 32)
	failed := make(chan error, all)
	var gaveUp atomic.Bool
	scheduled, giveUp := context.WithCancel(ctx)
	defer giveUp()
	var work sync.WaitGroup
	for range todo.Connections {
		work.Go(func() {
			for n := range due {
				if todo.Hopeless && time.Since(begin.Add(plan.due(n))) > time.Second {
					gaveUp.Store(true)
					giveUp()
				}
				if gaveUp.Load() {
					continue
				}
				p := todo.Pairs[n%len(todo.Pairs)]
				id, err := uuid.NewV7()
				if err == nil {
					var stored pgconn.CommandTag
					stored, err = pool.Exec(ctx, db.SendStatement, id, p.Conversation, p.author(n, len(todo.Pairs)), bodyOf(todo.Window, n), uuid.New(), hash)
					if err == nil && stored.RowsAffected() != 1 {
						err = fmt.Errorf("nothing was stored in %s", p.Conversation)
					}
				}
				if err != nil {
					failed <- err
				} else if n >= warm {
					stored.add(time.Since(begin.Add(plan.due(n))))
				}
			}
		})
	}
	var began time.Duration
	plan.run(scheduled, begin, func(n int, at time.Time) {
		if n == warm {
			began = processes().time(os.Getpid(), false)
		}
		if n >= warm {
			late.add(time.Since(at))
		}
		due <- n
	})
	close(due)
	work.Wait()
	result := inserted{
		Stored: stored.spread(), Late: late.spread(), Sends: all - warm, Failed: len(failed), GaveUp: gaveUp.Load(),
		Time: processes().time(os.Getpid(), false) - began,
	}
	if len(failed) > 0 {
		fmt.Fprintln(os.Stderr, "an insert failed:", <-failed)
	}
	return json.NewEncoder(out).Encode(result)
}

// runInserts runs bareInsert as a process of its own, so that what it takes is told apart. PostgreSQL's share is read here,
// around the part of it that counts.
func runInserts(ctx context.Context, todo inserts, postgres int) (result inserted, err error) {
	self, err := os.Executable()
	if err != nil {
		return result, err
	}
	in, err := json.Marshal(todo)
	if err != nil {
		return result, err
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, self, "bare-insert")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, os.Stderr
	if err := cmd.Start(); err != nil {
		return result, err
	}
	process.Sleep(ctx, todo.Warm+100*time.Millisecond)
	before := processes().time(postgres, true)
	err = cmd.Wait()
	result.Base = processes().time(postgres, true) - before
	base := result.Base
	if err = errors.Join(err, json.Unmarshal(out.Bytes(), &result)); err != nil {
		return result, fmt.Errorf("the bare insert: %w", err)
	}
	result.Base = base
	return result, nil
}
