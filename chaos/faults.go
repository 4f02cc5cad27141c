//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"

	"parley/chaos/history"
)

// fault is a row of the table.
type fault struct {
	name  string
	nodes int  // with how many nodes it is tried
	brief bool // also in the short run, which continuous integration makes
	twice bool // it weighs more: it happens twice as often
	long  bool // it takes minutes: once, in a run that has them
	run   func(ctx context.Context, w *world, name string) error
}

// faults is the table, in the order of docs/delivery.md.
var faults = []fault{
	{name: "kill -9 of the only node", nodes: 1, brief: true, twice: true, run: killOnly},
	{name: "PostgreSQL restarted at once", nodes: 1, brief: true, run: databaseAway(0)},
	{name: "PostgreSQL stopped for 10 s", nodes: 1, brief: true, run: databaseAway(10 * time.Second)},
	{name: "PostgreSQL frozen for 10 s", nodes: 1, brief: true, run: databaseFrozen},
	{name: "clients cut for 10 s", nodes: 1, brief: true, run: clientsCut(10 * time.Second)},
	{name: "clients cut for 3 s", nodes: 1, brief: true, run: clientsCut(3 * time.Second)},
	{name: "clients cut for 5 min", nodes: 1, long: true, run: clientsCut(5 * time.Minute)},
	{name: "clients half open", nodes: 1, run: clientsHalfOpen},
	{name: "the same POST ten times at once, later, and with another text", nodes: 1, brief: true, run: repeated},
	{name: "answers of POSTs lost, and later than the push", nodes: 1, brief: true, run: answersLost},
	{name: "pushes older than what was fetched", nodes: 1, brief: true, run: pushesBehind},
	{name: "a reader at 1 KB/s, then frozen", nodes: 1, run: slowReader},
	{name: "SIGTERM under load with 500 sockets", nodes: 1, run: drained(500)},
	{name: "100 to 1000 sockets within 1 s on a cold node", nodes: 1, run: storm},
	{name: "kill -9 of one of two nodes", nodes: 2, brief: true, twice: true, run: killOne},
	{name: "SIGTERM of one of two nodes", nodes: 2, brief: true, run: drainOne},
	{name: "Redis cut for 10 s", nodes: 2, brief: true, run: redisCut(10 * time.Second)},
	{name: "Redis cut for 60 s", nodes: 2, long: true, run: redisCut(time.Minute)},
	{name: "Redis killed", nodes: 2, brief: true, run: redisKilled},
	{name: "Redis flushed", nodes: 2, brief: true, run: redisFlushed},
}

// back is how long everybody may take to have a socket again: the longest wait is 8 s, and an attempt may fail.
const back = 20 * time.Second

// whole is how long the views may take then.
const whole = 5 * time.Second

// patience is how long a send may wait for its answer, whatever the answer is.
const patience = 5 * time.Second

// killOnly kills the only node. Its successor comes at the same address, as a service's does.
func killOnly(ctx context.Context, w *world, name string) error {
	n := w.nodes[0]
	n.process.Kill()
	sleep(ctx, time.Duration(w.random.IntN(1000))*time.Millisecond)
	return w.returns(ctx, n, name)
}

// killOne kills one of two, which comes back when everybody has gone to the other.
func killOne(ctx context.Context, w *world, name string) error {
	n := w.nodes[w.random.IntN(len(w.nodes))]
	n.process.Kill()
	w.healed(ctx, name, back, whole)
	return w.returns(ctx, n, name)
}

// returns starts a node that has ended, and measures until everything is well again.
func (w *world) returns(ctx context.Context, n *node, name string) error {
	began := time.Now()
	if err := n.start(); err != nil {
		return err
	}
	w.took(name, "the node is ready", 0, 20*time.Second, n.ready(ctx, time.Minute), &began)
	w.healed(ctx, name, back, whole)
	return nil
}

// rises is how many sockets have stood so far.
func (w *world) rises() (n int) {
	for _, t := range w.tabs() {
		n += t.state().rose
	}
	return n
}

// sendAgain measures until the first message is acknowledged that was written after a moment.
func (w *world) sendAgain(ctx context.Context, name string, bound time.Duration) {
	since, began := w.rec.Now(), time.Now()
	w.took(name, "the first success", 0, bound, until(ctx, 5*bound, func(context.Context) error {
		for _, p := range w.postsSince(since) {
			if p.status == http.StatusOK {
				return nil
			}
		}
		return errors.New("no message was sent")
	}), &began)
}

// clear looks how the sends fared since a moment: each fails clearly, or waits no longer than the patience.
func (w *world) clear(name string, since time.Duration) {
	var longest time.Duration
	unclear := 0
	for _, p := range w.postsSince(since) {
		longest = max(longest, p.took)
		if p.status >= 500 && p.status != http.StatusServiceUnavailable {
			unclear++
		}
	}
	w.took(name, "the longest wait for an answer", longest, patience, nil, nil)
	if unclear > 0 {
		w.problem("%s: %d sends were answered as if Parley had made a mistake", name, unclear)
	}
}

// databaseAway stops the database in the middle of everything.
func databaseAway(away time.Duration) func(context.Context, *world, string) error {
	return func(ctx context.Context, w *world, name string) error {
		since, rises := w.rec.Now(), w.rises()
		w.postgres.stopNow()
		sleep(ctx, away)
		if err := w.postgres.start(ctx); err != nil {
			return err
		}
		w.sendAgain(ctx, name, 3*time.Second)
		w.healed(ctx, name, back, whole)
		w.clear(name, since)
		w.stood(name, rises)
		return nil
	}
}

// stood says that no socket has been lost.
func (w *world) stood(name string, before int) {
	if n := w.rises() - before; n > 2 { // a tab that was opened meanwhile rose, too
		w.problem("%s: %d sockets were lost", name, n)
	}
}

func databaseFrozen(ctx context.Context, w *world, name string) error {
	since, rises := w.rec.Now(), w.rises()
	w.postgres.freeze()
	sleep(ctx, 10*time.Second)
	w.postgres.thaw()
	w.sendAgain(ctx, name, 3*time.Second)
	w.healed(ctx, name, back, whole)
	w.clear(name, since)
	w.stood(name, rises)
	return nil
}

// some are a third of the people, at least one.
func (w *world) some() (people []*person) {
	for _, i := range w.random.Perm(len(w.people))[:max(1, len(w.people)/3)] {
		people = append(people, w.people[i])
	}
	return people
}

func clientsCut(away time.Duration) func(context.Context, *world, string) error {
	return func(ctx context.Context, w *world, name string) error {
		people := w.some()
		for _, p := range people {
			p.line.Cut()
		}
		sleep(ctx, away)
		for _, p := range people {
			p.line.Mend()
		}
		w.healed(ctx, name, 10*time.Second, 2*time.Second)
		return nil
	}
}

// clientsHalfOpen pulls a cable: both ends must notice by themselves.
func clientsHalfOpen(ctx context.Context, w *world, name string) error {
	people := w.some()
	began := time.Now()
	for _, p := range people {
		p.line.Freeze()
	}
	w.took(name, "both ends have noticed", 0, time.Minute, until(ctx, 2*time.Minute, func(context.Context) error {
		for _, p := range people {
			if n := p.line.frozen(); n > 0 {
				return fmt.Errorf("%d dead connections of %s stand", n, p.name)
			}
		}
		return nil
	}), &began)
	w.healed(ctx, name, 10*time.Second, 2*time.Second)
	return nil
}

// repeated posts one message ten times at once, and again later, and its id with another text.
func repeated(ctx context.Context, w *world, name string) error {
	return repeatedBy(ctx, w, w.people[w.random.IntN(len(w.people))], name)
}

func repeatedBy(ctx context.Context, w *world, p *person, name string) error {
	open := p.open()
	if len(open) == 0 {
		return nil
	}
	t := open[w.random.IntN(len(open))]
	path := "/conversations/" + t.conversation + "/messages"
	send := w.rec.Invoke(t.name+" ten times", p.id, t.conversation, uuid.NewString())
	form := url.Values{"body": {history.Text(send.N)}, "client_id": {send.Client}}
	var mu sync.Mutex
	answers := map[string]int{}
	var seq int64
	ask := func() {
		a, err := p.ask(ctx, http.MethodPost, path, form, true)
		mu.Lock()
		defer mu.Unlock()
		said := fmt.Sprint(a.status, err)
		if err == nil && len(a.content.Messages) == 1 {
			m := a.content.Messages[0]
			said, seq = m.ID, m.Seq
		}
		answers[said]++
	}
	var all sync.WaitGroup
	for range 10 {
		all.Go(ask)
	}
	all.Wait()
	ask()
	if len(answers) != 1 || seq == 0 {
		if _, refused := answers["403 <nil>"]; refused && len(answers) == 1 { // taken out of the group a moment ago
			w.rec.Fail(send, http.StatusForbidden)
			return nil
		}
		w.problem("%s: there were different answers: %v", name, answers)
	}
	for id := range answers {
		if !strings.Contains(id, " ") {
			w.rec.Acknowledge(send, id, seq)
		}
	}
	a, err := p.ask(ctx, http.MethodPost, path, url.Values{"body": {"something else"}, "client_id": {send.Client}}, true)
	if err != nil || a.status != http.StatusConflict {
		w.problem("%s: another text with the same id was answered with %d, %v", name, a.status, err)
	}
	if seq > 0 {
		w.mu.Lock()
		w.later = append(w.later, func(ctx context.Context) error { return w.stillTheSame(ctx, p, path, form, answers) })
		w.mu.Unlock()
	}
	return nil
}

// repeatAgain repeats the sends that are to be answered as before.
func (w *world) repeatAgain(ctx context.Context) error {
	w.mu.Lock()
	later := w.later
	w.mu.Unlock()
	for _, again := range later {
		if err := again(ctx); err != nil {
			return err
		}
	}
	return nil
}

// stillTheSame repeats a send much later. Who is not in the group any more is answered all the same.
func (w *world) stillTheSame(ctx context.Context, p *person, path string, form url.Values, answers map[string]int) error {
	a, err := p.ask(ctx, http.MethodPost, path, form, true)
	if err != nil {
		return err
	}
	if len(a.content.Messages) != 1 || answers[a.content.Messages[0].ID] == 0 {
		w.problem("a send repeated later was answered with %d", a.status)
	}
	return nil
}

// answersLost lets answers of sends be lost, and others come long after the push of the same message.
func answersLost(ctx context.Context, w *world, name string) error {
	for i, p := range w.some() {
		if i%2 == 0 {
			p.line.LoseAnswers(5)
		}
		p.line.HoldAnswers(700 * time.Millisecond)
	}
	sleep(ctx, 4*time.Second)
	for _, p := range w.people {
		p.line.LoseAnswers(0)
		p.line.HoldAnswers(0)
	}
	w.healed(ctx, name, back, whole)
	return nil
}

// pushesBehind lets pages fetch their conversations while what their sockets bring is older than that.
func pushesBehind(ctx context.Context, w *world, name string) error {
	for _, p := range w.people {
		p.line.HoldPushes(700 * time.Millisecond)
	}
	for range 5 {
		sleep(ctx, 800*time.Millisecond)
		for _, t := range w.tabs() {
			t.fetch()
		}
	}
	for _, p := range w.people {
		p.line.HoldPushes(0)
	}
	w.healed(ctx, name, back, whole)
	return nil
}

// quantile is the value below which such a share of the durations lies; 0 of none.
func quantile(share float64, took []time.Duration) time.Duration {
	if len(took) == 0 {
		return 0
	}
	slices.Sort(took)
	return took[min(len(took)-1, int(share*float64(len(took))))]
}

// waits are how long sends took since a moment.
func (w *world) waits(since time.Duration) (took []time.Duration) {
	for _, p := range w.postsSince(since) {
		took = append(took, p.took)
	}
	return took
}

// leastDoubled is what a doubled p99 may be in any case: of what is less than half of it most is chance.
const leastDoubled = 100 * time.Millisecond

// slowReader lets one person's sockets trickle, then freezes them. Only they may be closed, and the others must not feel it.
func slowReader(ctx context.Context, w *world, name string) error {
	since := w.rec.Now()
	sleep(ctx, 20*time.Second) // as long as it will last, or the worst of a hundred would not be comparable
	before := quantile(0.99, w.waits(since))
	slow := w.people[0] // who has made a group: there is enough to read
	others := map[*tab]int{}
	for _, t := range w.tabs() {
		if t.person != slow {
			others[t] = t.state().rose
		}
	}
	since = w.rec.Now()
	slow.line.Trickle(1 << 10)
	slow.line.DropSockets() // the new ones are slow from their beginning on
	sleep(ctx, 10*time.Second)
	slow.line.Trickle(-1)
	sleep(ctx, 10*time.Second)
	w.took(name, "p99 of the others' sends", quantile(0.99, w.waits(since)), max(2*before, leastDoubled), nil, nil)
	for t, rose := range others {
		if s := t.state(); s.open && s.rose != rose {
			w.problem("%s: %s lost its socket", name, t.name)
		}
	}
	slow.line.Trickle(0)
	w.healed(ctx, name, time.Minute, time.Minute) // what was frozen has to get through first
	return nil
}

// drained ends the node as a service manager does, with many sockets at it.
func drained(sockets int) func(context.Context, *world, string) error {
	return func(ctx context.Context, w *world, name string) error {
		audience, err := w.invite(ctx, sockets)
		if err != nil {
			return err
		}
		defer audience.leave()
		if err := audience.standing(ctx, time.Minute); err != nil {
			return err
		}
		n := w.nodes[0]
		since, told := w.rec.Now(), time.Now()
		began := told
		w.took(name, "the node has ended", 0, 20*time.Second, n.process.End(syscall.SIGTERM, 40*time.Second), &began)
		codes := audience.codesSince(told)
		if codes[websocket.CloseServiceRestart] != sockets {
			w.problem("%s: the sockets ended by these closing codes: %v", name, codes)
		}
		began = time.Now()
		if err := n.start(); err != nil {
			return err
		}
		w.took(name, "the node is ready", 0, 20*time.Second, n.ready(ctx, time.Minute), &began)
		began = told
		w.took(name, "all sockets are back, since SIGTERM", 0, 20*time.Second, audience.standing(ctx, time.Minute), &began)
		w.tookAtLeast(name, "they come back over", audience.returnedOver(told), 5*time.Second)
		w.healed(ctx, name, back, whole)
		w.unseen(name, since)
		return nil
	}
}

// drainOne ends one of two nodes gracefully: everybody goes to the other, and nobody sees an error.
func drainOne(ctx context.Context, w *world, name string) error {
	n := w.nodes[w.random.IntN(len(w.nodes))]
	since := w.rec.Now()
	began := time.Now()
	w.took(name, "the node has ended", 0, 20*time.Second, n.process.End(syscall.SIGTERM, 40*time.Second), &began)
	w.healed(ctx, name, back, whole)
	w.unseen(name, since)
	return w.returns(ctx, n, name)
}

// unseen holds that no bubble said anything of trouble since a moment: that no send went without an answer for so long, and
// that none was answered by a sentence of it, as one that is to be tried again is.
func (w *world) unseen(name string, since time.Duration) {
	said := 0
	for _, p := range w.postsSince(since) {
		if p.status >= 500 || p.status == http.StatusTooManyRequests {
			said++
		}
	}
	if said > 0 {
		w.problem("%s: %d sends were answered by a sentence about trouble", name, said)
	}
	for _, send := range w.rec.Between(since, w.rec.Now()) {
		if send.Lost >= maxTries {
			w.problem("%s: send %d was tried %d times without an answer", name, send.N, send.Lost)
		}
	}
}

// storm starts the node and lets everybody come at once.
func storm(ctx context.Context, w *world, name string) error {
	audience, err := w.invite(ctx, 1000)
	if err != nil {
		return err
	}
	defer audience.leave()
	n := w.nodes[0]
	if err := n.process.End(syscall.SIGTERM, 40*time.Second); err != nil {
		return err
	}
	if err := n.start(); err != nil {
		return err
	}
	if err := n.ready(ctx, time.Minute); err != nil {
		return err
	}
	since, began := w.rec.Now(), time.Now()
	audience.hurry()
	w.took(name, "all sockets stand", 0, 30*time.Second, audience.standing(ctx, time.Minute), &began)
	sleep(ctx, time.Second)
	w.took(name, "p99 of sends meanwhile", quantile(0.99, w.waits(since)), time.Second, nil, nil)
	w.healed(ctx, name, back, whole)
	return nil
}

// crossing measures how long messages take from one node's people to the other's.
func (w *world) crossing(name, what string, since time.Duration, bound time.Duration) {
	home := map[string]int{}
	for i, p := range w.people {
		home[p.name] = i % len(w.nodes)
	}
	of := func(tab string) int { return home[strings.SplitN(tab, "/", 2)[0]] }
	arrivals := w.rec.Arrivals(since)
	var took []time.Duration
	for _, send := range w.rec.Between(since, w.rec.Now()) {
		for tab, at := range arrivals[send.Message] {
			if of(tab) != of(send.Tab) && send.Lost == 0 {
				took = append(took, max(0, at-send.Ended)) // it was stored before
			}
		}
	}
	if len(took) < 20 {
		w.problem("%s: only %d messages went from node to node", name, len(took))
		return
	}
	w.took(name, what, quantile(0.99, took), bound, nil, nil)
}

// noticed is after how long a tab knows that its connection was cut: at once, but for a busy machine.
const noticed = 500 * time.Millisecond

// home brings everybody back to the node they prefer, as their next visit would.
func (w *world) home(ctx context.Context) error {
	for i, p := range w.people {
		want := w.nodes[i%len(w.nodes)].addr
		p.line.end(func(c *call) bool { return c.at != want })
	}
	sleep(ctx, noticed)
	if err := w.standing(ctx, time.Minute); err != nil {
		return err
	}
	return w.complete(ctx, 20*time.Second)
}

// redisTrouble measures the way between the nodes before, during and after something that happens to Redis.
func redisTrouble(trouble func(context.Context, *world) error, during time.Duration, mend func(context.Context, *world) error) func(context.Context, *world, string) error {
	return func(ctx context.Context, w *world, name string) error {
		if err := w.home(ctx); err != nil {
			return err
		}
		since := w.rec.Now()
		if err := trouble(ctx, w); err != nil {
			return err
		}
		sleep(ctx, during)
		w.readyWithoutRedis(ctx, name)
		if err := mend(ctx, w); err != nil {
			return err
		}
		w.crossing(name, "p99 from node to node meanwhile", since, 3*time.Second)
		sleep(ctx, 3*time.Second) // until the subscription stands again
		since = w.rec.Now()
		sleep(ctx, 4*time.Second)
		w.crossing(name, "p99 from node to node afterwards", since, 150*time.Millisecond)
		w.healed(ctx, name, back, whole)
		return nil
	}
}

// readyWithoutRedis holds that nodes without Redis go on taking people.
func (w *world) readyWithoutRedis(ctx context.Context, name string) {
	for _, n := range w.nodes {
		if status, err := n.get(ctx, "/readyz"); err != nil || status != http.StatusOK {
			w.problem("%s: node %s says %d, %v", name, n.name, status, err)
		}
	}
}

func nothing(context.Context, *world) error { return nil }

func redisCut(away time.Duration) func(context.Context, *world, string) error {
	return redisTrouble(
		func(_ context.Context, w *world) error { w.toRedis.Cut(); return nil }, away,
		func(_ context.Context, w *world) error { w.toRedis.Mend(); return nil })
}

var redisKilled = redisTrouble(
	func(_ context.Context, w *world) error { w.redis.server.Kill(); return nil }, 4*time.Second,
	func(ctx context.Context, w *world) error { return w.redis.start(ctx) })

var redisFlushed = redisTrouble(func(ctx context.Context, w *world) error { return w.redis.flush(ctx) }, 3*time.Second, nothing)
