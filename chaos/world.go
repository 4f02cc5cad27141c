//go:build linux

package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"parley/chaos/history"
)

// options say what a run is like.
type options struct {
	seed   uint64
	root   string // a folder of the run's own
	binary string // empty: the plan's
	nodes  int
	people int
	rate   int             // sends a second
	still  bool            // nobody comes to a group or leaves it
	limits string          // of the nodes; empty: off
	data   string          // where the database's data is; empty: under root
	log    string          // where the write-ahead log of the private database is; empty: the database is not private
	slack  int             // how many times the bounds hold on a machine that has more to do
	clocks []time.Duration // how far ahead the nodes' clocks are
}

// world is a running system with its people.
type world struct {
	options   options
	ctx       context.Context
	cancel    context.CancelFunc
	random    *rand.Rand // the nemesis'
	rec       *history.Recorder
	postgres  *postgres
	redis     *redisServer // with several nodes
	toRedis   *line
	nodes     []*node
	people    []*person
	listeners []*person // see audience
	guests    []*guest  // at real pages
	groups    []*group
	fold      *fold // the block that stands, if any
	lines     []*line
	database  *pgxpool.Pool // the harness' own way, past all faults but those of the database itself
	report    *report
	lines0    *os.File
	buffer    *bufio.Writer
	crowd     context.CancelFunc
	running   sync.WaitGroup
	crowding  sync.WaitGroup

	mu       sync.Mutex
	problems []string
	posts    []post
	later    []func(context.Context) error // what is to be looked at again in the end
}

// post is a request that sent a message.
type post struct {
	status int
	at     time.Duration // when it began
	took   time.Duration
}

// names of people. Their order is their rank.
var names = []string{"anna", "bert", "carla", "dario", "elif", "femi", "gita", "hugo", "ines", "jonas", "kaya", "liam"}

// begin starts the system and lets the people in.
func begin(ctx context.Context, o options, r *report) (w *world, err error) {
	w = &world{options: o, report: r, random: rand.New(rand.NewPCG(o.seed, 1))} //nolint:gosec // a run can be repeated
	w.ctx, w.cancel = context.WithCancel(ctx)
	defer func() {
		if err != nil {
			w.end()
		}
	}()
	if w.lines0, err = os.Create(filepath.Join(o.root, "history.jsonl")); err != nil {
		return w, err
	}
	w.buffer = bufio.NewWriterSize(w.lines0, 1<<20)
	w.rec = history.NewRecorder(w.buffer)
	env := []string{"PARLEY_LIMITS=" + cmp.Or(o.limits, "off")}
	if o.log == "" {
		if w.postgres, err = newPostgres(ctx, o.root, o.data); err != nil {
			return w, err
		}
		if w.database, err = pgxpool.New(ctx, w.postgres.url("postgres", "parley")); err != nil {
			return w, err
		}
		env = append(env, "PARLEY_DATABASE_URL="+w.postgres.url("parley", "parley"))
	}
	if o.nodes > 1 {
		addr, err := freeAddr()
		if err != nil {
			return w, err
		}
		if w.redis, err = newRedis(ctx, addr, filepath.Join(o.root, "redis.log")); err != nil {
			return w, err
		}
		if w.toRedis, err = newLine(addr); err != nil {
			return w, err
		}
		env = append(env, "PARLEY_REDIS_URL=redis://"+w.toRedis.addr()+"/0")
	}
	for i := range o.nodes {
		addr, err := freeAddr()
		if err != nil {
			return w, err
		}
		n := &node{name: string(rune('a' + i)), addr: addr, root: o.root, env: env}
		if w.toRedis != nil {
			n.redis = w.toRedis.addr()
		}
		if i < len(o.clocks) {
			n.ahead = o.clocks[i]
		}
		w.nodes = append(w.nodes, n)
		if err := n.start(); err != nil {
			return w, err
		}
		if err := n.ready(ctx, time.Minute); err != nil { // one after the other: the first one makes the tables
			return w, err
		}
	}
	if o.log != "" {
		if err := w.moveLog(ctx, o.log); err != nil {
			return w, err
		}
	}
	return w, w.settle(ctx)
}

// settle lets people make their accounts, conversations and groups, and open them.
func (w *world) settle(ctx context.Context) error {
	for _, name := range names[:w.options.people] {
		p, err := w.join(ctx, name)
		if err != nil {
			return err
		}
		w.people = append(w.people, p)
	}
	// The last one hides receipts.
	a, err := w.hiding().post(ctx, "/settings", url.Values{"time_zone": {"UTC"}, "theme": {"auto"}, "receipts": {"false"}})
	if err != nil || a.status != http.StatusSeeOther {
		return fmt.Errorf("receipts are not hidden: %d, %w", a.status, err)
	}
	if err := w.acquaint(ctx); err != nil {
		return err
	}
	for _, p := range w.people {
		if err := p.visit(ctx, ""); err != nil {
			return err
		}
	}
	return w.standing(ctx, time.Minute)
}

// hiding is who shows no receipts.
func (w *world) hiding() *person { return w.people[len(w.people)-1] }

// addrsFor are the nodes a person's browser tries: half of the people prefer each.
func (w *world) addrsFor(n int) []string {
	var addrs []string
	for i := range w.nodes {
		addrs = append(addrs, w.nodes[(i+n)%len(w.nodes)].addr)
	}
	return addrs
}

// spawn runs work beside, until the world ends.
func (w *world) spawn(work func(context.Context)) { w.running.Go(func() { work(w.ctx) }) }

// problem notes what no check looks for and must not be all the same.
func (w *world) problem(format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	w.rec.Note("problem", what)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.problems = append(w.problems, what)
}

// problemOnce notes what is seen again and again, once.
func (w *world) problemOnce(format string, args ...any) {
	w.mu.Lock()
	known := slices.Contains(w.problems, fmt.Sprintf(format, args...))
	w.mu.Unlock()
	if !known {
		w.problem(format, args...)
	}
}

// timed notes how long a send took.
func (w *world) timed(method, path string, status int, began, ended time.Time) {
	if method != "POST" || filepath.Base(path) != "messages" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	took := ended.Sub(began)
	w.posts = append(w.posts, post{status: status, at: w.rec.Now() - took, took: took})
}

// postsSince are the sends that were answered since a moment of the run.
func (w *world) postsSince(since time.Duration) []post {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := len(w.posts)
	for i > 0 && w.posts[i-1].at+w.posts[i-1].took >= since {
		i--
	}
	return slices.Clone(w.posts[i:])
}

// tabs are all open tabs.
func (w *world) tabs() (tabs []*tab) {
	for _, p := range w.people {
		p.mu.Lock()
		for _, t := range p.tabs {
			tabs = append(tabs, t)
		}
		p.mu.Unlock()
	}
	return tabs
}

// standing waits until every tab has its socket.
func (w *world) standing(ctx context.Context, patience time.Duration) error {
	return until(ctx, patience, func(context.Context) error {
		for _, t := range w.tabs() {
			if s := t.state(); s.open && !s.standing {
				return fmt.Errorf("%s has no socket", t.name)
			}
		}
		return nil
	})
}

// heads are the conversations' counters.
func (w *world) heads(ctx context.Context) (map[string]history.Head, error) {
	rows, err := w.database.Query(ctx, `SELECT id::text, msg_seq, change_seq FROM conversations`)
	if err != nil {
		return nil, err
	}
	heads := map[string]history.Head{}
	var id string
	var head history.Head
	_, err = pgx.ForEachRow(rows, []any{&id, &head.Messages, &head.Changes}, func() error {
		heads[id] = head
		return nil
	})
	return heads, err
}

// complete waits until everybody has a page of each conversation they are in now, and every such page has come as far as
// the database is now.
func (w *world) complete(ctx context.Context, patience time.Duration) error {
	var heads map[string]history.Head
	err := until(ctx, patience, func(ctx context.Context) (err error) {
		heads, err = w.heads(ctx)
		return err
	})
	if err != nil {
		return err
	}
	return until(ctx, patience, func(ctx context.Context) error {
		stays, err := w.stays(ctx)
		if err != nil {
			return err
		}
		for _, stay := range stays {
			p := w.byID(stay.Person)
			if p == nil || stay.Until != nil {
				continue
			}
			t := p.tab(stay.Conversation)
			if t == nil {
				return fmt.Errorf("%s has no page of %s", p.name, stay.Conversation)
			}
			s, want := t.state(), heads[t.conversation].Changes
			if !s.open || !s.writable || s.reloading || s.change < want {
				return fmt.Errorf("%s is at change %d of %d (%+v)", t.name, s.change, want, s)
			}
		}
		return nil
	})
}

// healed measures how long it takes until everybody is back, and then until every view is complete. Bound is for the
// latter; back for the former.
func (w *world) healed(ctx context.Context, fault string, back, bound time.Duration) {
	began := time.Now()
	w.took(fault, "sockets are back", time.Since(began), back, w.standing(ctx, 3*back), &began)
	began = time.Now()
	w.took(fault, "views are complete", 0, bound, w.complete(ctx, 3*bound), &began)
}

// took notes a measurement: the time since began, or d where began is nil.
func (w *world) took(fault, what string, d, bound time.Duration, err error, began *time.Time) {
	if began != nil {
		d = time.Since(*began)
	}
	if err != nil && errors.Is(w.ctx.Err(), context.Canceled) {
		return // the run was ended from outside
	}
	bound *= time.Duration(w.options.slack)
	w.report.measure(fault, measured{what: what, bound: bound, took: []time.Duration{d}})
	w.rec.Converge(history.Convergence{After: fault + ", " + what, Took: d, Bound: bound, Complete: err == nil})
	if err != nil {
		w.rec.Note("never", map[string]string{"after": fault, "what": what, "error": err.Error()})
		w.report.say("  %s: %s: never: %v", fault, what, err)
	}
}

// tookAtLeast notes a measurement that may not be less than a bound.
func (w *world) tookAtLeast(fault, what string, d, bound time.Duration) {
	w.report.measure(fault, measured{what: what, bound: bound, least: true, took: []time.Duration{d}})
	if d < bound {
		w.problem("%s: %s %s, less than %s", fault, what, short(d), short(bound))
	}
}

// end ends everything that was started.
func (w *world) end() {
	if w.crowd != nil {
		w.crowd()
		w.crowding.Wait()
	}
	w.cancel()
	for _, g := range w.guests {
		g.leaves()
	}
	for _, p := range w.people {
		p.leaves()
	}
	w.running.Wait()
	for _, l := range w.lines {
		l.close()
	}
	if w.database != nil {
		w.database.Close()
	}
	for _, n := range w.nodes {
		if n.process != nil && n.process.Alive() {
			n.process.Kill()
		}
	}
	if w.options.log != "" {
		w.removePrivate()
	}
	if w.toRedis != nil {
		w.toRedis.close()
	}
	if w.redis != nil && w.redis.server != nil {
		w.redis.server.Kill()
	}
	if w.postgres != nil && w.postgres.server != nil {
		w.postgres.thaw()
		w.postgres.stopNow()
	}
	if w.buffer != nil {
		_ = w.buffer.Flush() // what is judged is in memory
		_ = w.lines0.Close()
	}
}
