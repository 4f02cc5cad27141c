//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"parley/chaos/process"
)

// sizes say how much of everything there is.
type sizes struct {
	people, conversations, messages int
	idle                            []int // A: so many sockets
	calm                            time.Duration
	pairs                           int // B, D: direct conversations
	stand                           int // B: so many pages, the pairs' included
	rate                            float64
	members                         int // C
	rates                           []float64
	warm, length                    time.Duration // of a window of B and C
	stepWarm, step                  time.Duration // and of one of D
	first, top                      float64       // D begins there, and goes no higher
	refine                          int           // and halves the distance so many times
	edgers                          int           // E1: pairs of which one comes and goes
	typing, edges                   float64       // and how often everybody writes, and anybody comes or goes, a second
	churned                         int           // E2: so many sockets
	gone                            float64       // of which so many go in a second
	away                            time.Duration // and come back after
	few                             int           // and so many people each watches
	crowd, watched                  int           // E3: so many people, of whom each watches so many
	rest                            time.Duration // H: until a server that has started is idle
	doors                           int           // how many people sign up
	starts                          int           // H: how many warm starts
}

var full = sizes{
	people: 20_000, conversations: 20_000, messages: 200_000,
	idle: []int{1_000, 5_000, 10_000, 20_000}, calm: 20 * time.Second,
	pairs: 500, stand: thousand, rate: 200, members: 1_000, rates: []float64{1, 5, 10},
	warm: 3 * time.Second, length: 20 * time.Second, stepWarm: time.Second, step: 6 * time.Second, first: 200, refine: 3,
	edgers: 250, typing: 1.0 / 3, edges: 50, churned: 10_000, gone: 1000.0 / 60, away: 15 * time.Second, few: 20, crowd: 2_000, watched: 200,
	rest: 5 * time.Second, doors: 100, starts: 5,
}

// brief is for a machine that checks every change, without E: all of it takes less than three minutes.
var brief = sizes{
	people: 1_200, conversations: 2_400, messages: 20_000,
	idle: []int{thousand}, calm: 3 * time.Second,
	pairs: 200, stand: thousand, rate: 100, members: 400, rates: []float64{5},
	warm: time.Second, length: 6 * time.Second, stepWarm: 500 * time.Millisecond, step: 2 * time.Second, first: 400, refine: 2,
	rest: time.Second, doors: 20, starts: 2,
}

// spared is how many descriptors are not for sockets.
const spared = 200

// step is a number of sockets of A: the one that gives it its name, and the one that the descriptors of a process allow.
type step struct{ asked, held int }

func (s step) name() string { return strconv.Itoa(s.asked) + " sockets" }

// steps are the numbers of sockets of A. Two that come to the same are measured once.
func (r *run) steps() (steps []step) {
	most := int(r.about.Files) - spared
	for _, n := range r.sizes.idle {
		s := step{n, min(n, most)}
		if len(steps) > 0 && s.held <= steps[len(steps)-1].held {
			r.say("  a process may have %d descriptors (ulimit -Hn): %d sockets are not measured", r.about.Files, n)
			continue
		}
		if s.held < n {
			r.say("  a process may have %d descriptors (ulimit -Hn), and so %d sockets stand for %d", r.about.Files, s.held, n)
		}
		steps = append(steps, s)
	}
	return steps
}

// idleSockets is scenario A.
func (r *run) idleSockets(ctx context.Context) error {
	steps := r.steps()
	people := slices.Concat(r.visitors, r.system.people)
	h := &hall{addr: r.system.addr}
	defer h.leave()
	list := 0.0
	err := r.fills(ctx, h, steps, subjectParley, r.system.parts(), func(n int) (string, guest) { return "/ws", people[n%len(people)] },
		func() { list = max(list, h.received()) })
	if err != nil {
		return err
	}
	h.leave()
	bare, err := startBare(ctx, r.folder)
	if err != nil {
		return err
	}
	defer bare.stop()
	h = &hall{addr: bare.addr}
	defer h.leave()
	path := "/ws?hello=" + strconv.Itoa(max(0, int(list)-150))
	return r.fills(ctx, h, steps, subjectFloor, bare.parts(), func(int) (string, guest) { return path, guest{} }, func() {})
}

func (r *run) fills(ctx context.Context, h *hall, steps []step, subject string, parts []part, how func(n int) (string, guest), stands func()) error {
	base := read(parts).memory[partServer]
	for _, s := range steps {
		to := s.held
		w := &window{At: time.Now(), Scenario: "A", Case: s.name(), Subject: subject, Asked: s.asked, Machine: calibrate(r.folder)}
		upgrade, establish := newTimes(), newTimes()
		began, from := time.Now(), len(h.seats)
		before := read(parts)
		progress, stop := r.counts(to, "sockets")
		failed, err := h.fill(ctx, to, how, upgrade, establish, progress)
		if stop(); err != nil {
			return err
		}
		took := time.Since(began)
		filled := read(parts)
		process.Sleep(ctx, 2*time.Second) // lists arrive
		stands()
		calm := read(parts)
		r.waits(ctx, r.sizes.calm, "idle")
		w.used(calm, read(parts))
		w.Sockets, w.Failed = len(h.seats), failed
		w.Times = map[string]spread{timeUpgrade: upgrade.spread(), timeEstablish: establish.spread()}
		for _, s := range h.seats {
			select {
			case <-s.ended:
				w.Lost++
			default:
			}
		}
		if subject == subjectParley {
			r.fetchProfile(ctx, "heap-A-"+strconv.Itoa(s.asked), "heap")
		}
		w.set(valuePerSocket, float64(w.Memory[partServer]-base)/float64(max(1, w.Sockets)))
		w.set(valueIdle, (w.Processor[partServer]+w.Processor[partPostgres])/w.Seconds)
		w.set("established_per_second", float64(w.Sockets-from)/took.Seconds())
		w.set("bytes_per_socket", h.received())
		w.set("processor_per_socket_ms", 1000*(filled.time[partServer]+filled.time[partPostgres]-before.time[partServer]-before.time[partPostgres]).Seconds()/float64(max(1, w.Sockets-from)))
		// The idle window does not tell what the tool took while it dialled.
		w.set(valueDialling, (filled.time[partTool]-before.time[partTool]).Seconds()/(filled.at.Sub(before.at).Seconds()*float64(runtime.NumCPU())))
		if err := r.done(w); err != nil {
			return err
		}
	}
	return nil
}

// pair is a direct conversation of two.
type pair struct {
	Conversation string `json:"conversation"`
	A            string `json:"a"`
	B            string `json:"b"`
}

// side is whose turn it is in the send n, where there are so many pairs.
func side(n, pairs int) int { return n / pairs % 2 }

func (p pair) author(n, pairs int) string {
	if side(n, pairs) == 0 {
		return p.A
	}
	return p.B
}

// directs finds direct conversations of which nobody is in two: those with most in them, by the database, because no page
// lists them all.
func (r *run) directs(ctx context.Context, most int) (pairs []pair, err error) {
	conn, err := pgx.Connect(ctx, r.system.dsn())
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	rows, err := conn.Query(ctx, `
		SELECT c.id::text, min(m.person_id::text), max(m.person_id::text)
		FROM conversations c JOIN members m ON m.conversation_id = c.id AND m.until_change IS NULL AND NOT m.closed AND m.request IS NULL
		WHERE c.kind = 'direct'
		GROUP BY c.id, c.msg_seq HAVING count(*) = 2
		ORDER BY c.msg_seq DESC, c.id`)
	if err != nil {
		return nil, err
	}
	taken := map[string]bool{}
	var p pair
	_, err = pgx.ForEachRow(rows, []any{&p.Conversation, &p.A, &p.B}, func() error {
		if len(pairs) < most && !taken[p.A] && !taken[p.B] {
			taken[p.A], taken[p.B] = true, true
			pairs = append(pairs, p)
		}
		return nil
	})
	if err == nil && len(pairs) < most {
		err = fmt.Errorf("there are only %d of %d direct conversations", len(pairs), most)
	}
	// So that neighbours in time are none in the database.
	random := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // A run can be repeated.
	random.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
	return pairs, err
}

// couples is the hall of B and D: both of each pair have their conversation open.
type couples struct {
	*hall
	pairs  []pair
	places []place
	guests map[string]guest
}

func (r *run) couples(ctx context.Context) (*couples, error) {
	pairs, err := r.directs(ctx, r.sizes.pairs)
	if err != nil {
		return nil, err
	}
	return r.couplesOf(ctx, pairs)
}

func (r *run) couplesOf(ctx context.Context, pairs []pair) (*couples, error) {
	c := &couples{hall: &hall{addr: r.system.addr}, pairs: pairs, guests: map[string]guest{}}
	for _, g := range r.system.people {
		c.guests[g.id] = g
	}
	for _, p := range c.pairs {
		c.places = append(c.places, place{c.guests[p.A], p.Conversation, 0}, place{c.guests[p.B], p.Conversation, 1})
	}
	return c, r.seated(ctx, c.hall, c.places)
}

// counts shows how many there are of all, as progress is told.
func (r *run) counts(all int, of string) (progress func(n int), stop func()) {
	var done atomic.Int64
	stop = r.during(func() string { return fmt.Sprintf("%s of %s %s", whole(done.Load()), whole(all), of) })
	return func(n int) { done.Store(int64(n)) }, stop
}

// seated takes all places, and shows how far it has come.
func (r *run) seated(ctx context.Context, h *hall, places []place) error {
	began := time.Now()
	progress, stop := r.counts(len(places), "pages")
	err := h.take(ctx, places, progress)
	if stop(); err == nil {
		r.say("  %d pages stand (%.1f s)", len(places), time.Since(began).Seconds())
	}
	return err
}

// send measures a window of B or D against Parley.
func (c *couples) send(ctx context.Context, r *run, plan schedule, w *window) error {
	n := len(c.pairs)
	b := newBoard(r.next(), plan, 1)
	b.skip = func(i int, s *seat) bool { return side(i, n) == s.side }
	if w.Scenario != "B" {
		b.bound = time.Duration(enough * float64(time.Millisecond))
	}
	w.Subject = subjectParley
	err := r.traffic(ctx, c.hall, b, r.system.parts(), w, fragmentSender(b.number, func(i int) (string, string) {
		p := c.pairs[i%n]
		return p.Conversation, c.guests[p.author(i, n)].cookie
	}))
	w.perThousand(w.Times[timeAnswered].N)
	return err
}

// insert measures the floor of the same window.
func (c *couples) insert(ctx context.Context, r *run, plan schedule, w *window) error {
	w.At, w.Machine, w.Rate, w.Subject = time.Now(), calibrate(r.folder), plan.rate, subjectFloor
	before := read(r.system.parts())
	began := time.Now()
	stop := r.during(func() string {
		return fmt.Sprintf("inserting, %.0f of %.0f s", time.Since(began).Seconds(), (plan.warm + plan.length).Seconds())
	})
	got, err := runInserts(ctx, inserts{
		DSN: r.system.dsn(), Connections: r.connections, Rate: plan.rate, Warm: plan.warm, Length: plan.length, Window: r.next(), Pairs: c.pairs,
		Hopeless: w.Scenario != "B",
	}, r.system.postgres)
	if stop(); err != nil {
		return err
	}
	w.used(before, read(r.system.parts()))
	w.Sends, w.Failed, w.GaveUp = got.Sends, got.Failed, got.GaveUp
	w.Times = map[string]spread{timeStored: got.Stored, timeLate: got.Late}
	w.Others = max(0, w.Others-got.Time.Seconds()/(w.Seconds*float64(runtime.NumCPU()))) // the bare insert's own
	w.Seconds = plan.length.Seconds()
	w.Processor = map[string]float64{partServer: got.Time.Seconds(), partPostgres: got.Base.Seconds()}
	delete(w.Memory, partServer) // Parley's, which stands by
	w.perThousand(got.Stored.N)
	return nil
}

// perThousand notes what a thousand sends cost, if that can be said.
func (w *window) perThousand(sends int64) {
	if sends > 0 && !w.GaveUp {
		w.set(valuePer1000, 1000*(w.Processor[partServer]+w.Processor[partPostgres])/float64(sends))
	}
}

// direct is scenario B.
func (r *run) direct(ctx context.Context) error {
	c, err := r.couples(ctx)
	if err != nil {
		return err
	}
	others := &hall{addr: r.system.addr}
	defer others.leave()
	if err := r.beside(ctx, c, others); err != nil {
		c.leave()
		return err
	}
	plan := schedule{rate: r.sizes.rate, warm: r.sizes.warm, length: r.sizes.length}
	for _, measure := range []func(context.Context, *run, schedule, *window) error{c.send, c.insert} {
		w := &window{Scenario: "B", Case: fmt.Sprintf("%g sends/s", plan.rate)}
		if err := measure(ctx, r, plan, w); err != nil {
			c.leave()
			return err
		}
		if w.Subject == subjectParley {
			w.Sockets += len(others.seats)
		}
		if err := r.done(w); err != nil {
			c.leave()
			return err
		}
		c.leave() // while the floor is measured nobody else writes
		others.leave()
	}
	return nil
}

// beside opens pages that do nothing, of people who are in none of the pairs, until as many stand as bounds speak of.
func (r *run) beside(ctx context.Context, c *couples, others *hall) error {
	busy := map[string]bool{}
	for _, p := range c.places {
		busy[p.who.id] = true
	}
	idle := slices.DeleteFunc(slices.Clone(r.system.people), func(g guest) bool { return busy[g.id] })
	more := r.sizes.stand - len(c.seats)
	if more <= 0 || len(idle) == 0 {
		return nil
	}
	nothing := newTimes()
	failed, err := others.fill(ctx, more, func(n int) (string, guest) { return "/ws", idle[n%len(idle)] }, nothing, nothing, func(int) {})
	if err == nil && failed > 0 {
		err = fmt.Errorf("%d of %d pages do not stand", failed, more)
	}
	return err
}

// group is scenario C.
func (r *run) group(ctx context.Context) error {
	members := r.system.people[:r.sizes.members]
	id, err := r.gather(ctx, members)
	if err != nil {
		return err
	}
	places := make([]place, len(members))
	for i, m := range members {
		places[i] = place{who: m, conversation: id}
	}
	h := &hall{addr: r.system.addr}
	if err := r.seated(ctx, h, places); err != nil {
		h.leave()
		return err
	}
	all := len(members)
	most := []int{(all*50 + 99) / 100, (all*95 + 99) / 100, all}
	measure := func(h *hall, subject string, rate float64, parts []part, send func(number int) sender) error {
		w := &window{Scenario: "C", Case: fmt.Sprintf("%g sends/s", rate), Subject: subject}
		b := newBoard(r.next(), schedule{rate: rate, warm: r.sizes.warm, length: r.sizes.length}, all, most...)
		if err := r.traffic(ctx, h, b, parts, w, send(b.number)); err != nil {
			return err
		}
		w.set(valueFrame, float64(h.frame()))
		w.set(valuePerDelivery, 1e6*w.Processor[partServer]/float64(max(1, w.Deliveries)))
		return r.done(w)
	}
	for _, rate := range r.sizes.rates {
		err := measure(h, subjectParley, rate, r.system.parts(), func(number int) sender {
			return fragmentSender(number, func(n int) (string, string) { return id, members[n*7%all].cookie })
		})
		if err != nil {
			h.leave()
			return err
		}
	}
	frame := h.frame()
	h.leave()

	bare, err := startBare(ctx, r.folder)
	if err != nil {
		return err
	}
	defer bare.stop()
	h = &hall{addr: bare.addr}
	defer h.leave()
	nothing := newTimes()
	if _, err := h.fill(ctx, all, func(int) (string, guest) { return "/ws?hello=0", guest{} }, nothing, nothing, func(int) {}); err != nil {
		return err
	}
	for _, rate := range r.sizes.rates {
		err := measure(h, subjectFloor, rate, bare.parts(), func(number int) sender {
			return func(ctx context.Context, c *caller, n int) error {
				_, err := c.do(ctx, request{method: "POST", path: "/send?frame=" + strconv.Itoa(frame), form: "body=" + form(bodyOf(number, n))})
				return err
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// atOnceAdded is how many people Parley adds to a group at once.
const atOnceAdded = 199

// gather makes a group through the doors.
func (r *run) gather(ctx context.Context, members []guest) (id string, err error) {
	c := &caller{addr: r.system.addr}
	defer c.close()
	owner := members[0]
	for some := range slices.Chunk(members[1:], atOnceAdded) {
		form := url.Values{}
		for _, m := range some {
			form.Add("people", m.id)
		}
		if id != "" {
			if _, err = c.post(ctx, "/conversations/"+id+"/members", owner.cookie, form); err != nil {
				return "", err
			}
			continue
		}
		form.Set("name", "Load")
		a, err := c.post(ctx, "/conversations", owner.cookie, form)
		if err != nil {
			return "", err
		}
		id = conversationOf(a.location)
	}
	return id, nil
}

// highest is the case of D that says what was found.
const highest = "highest rate"

// enough is the p95 that a rate has to keep, in milliseconds.
const enough = 100.0

// sustained says whether a window kept up.
func sustained(w *window, of string) bool {
	t := w.Times[of]
	return !w.GaveUp && w.Lost == 0 && w.Doubled == 0 && w.Failed == 0 && t.N > 0 && t.P95 <= enough
}

// search doubles a rate until it is too high, and then halves the distance so many times; where the first is too high it goes
// down instead. It returns the highest that held; 0 if none did. What does not hold is tried again: one stall of the machine
// is not the answer.
func search(first, most float64, refine int, once func(rate float64) (bool, error)) (good float64, err error) {
	holds := func(rate float64) bool {
		for try := 0; try < 2 && err == nil; try++ {
			var ok bool
			if ok, err = once(rate); ok {
				return true
			}
		}
		return false
	}
	bad := 0.0
	for rate := first; rate <= most; rate *= 2 {
		if !holds(rate) {
			bad = rate
			break
		}
		good = rate
	}
	for rate := first / 2; err == nil && good == 0 && rate >= first/16; rate /= 2 {
		if holds(rate) {
			good = rate
		} else {
			bad = rate
		}
	}
	for i := 0; i < refine && err == nil && good > 0 && bad > 0; i++ {
		if middle := (good + bad) / 2; holds(middle) {
			good = middle
		} else {
			bad = middle
		}
	}
	return good, err
}

// mostRate is where D's search ends.
const mostRate = 51_200.0

// rising is scenario D.
func (r *run) rising(ctx context.Context) error {
	c, err := r.couples(ctx)
	if err != nil {
		return err
	}
	defer c.leave()
	for _, subject := range []string{subjectParley, subjectFloor} {
		var best *window
		limited := ""
		rate, err := search(r.sizes.first, r.sizes.top, r.sizes.refine, func(rate float64) (bool, error) {
			w := &window{Scenario: "D, step", Case: fmt.Sprintf("%g sends/s", rate), Subject: subject}
			plan := schedule{rate: rate, warm: r.sizes.stepWarm, length: r.sizes.step}
			of, measure := timeDelivered, c.send
			if subject == subjectFloor {
				of, measure = timeStored, c.insert
			}
			if err := measure(ctx, r, plan, w); err != nil {
				return false, err
			}
			if err := r.done(w); err != nil {
				return false, err
			}
			if subject == subjectParley {
				if _, err := c.mend(ctx, c.places); err != nil {
					return false, err
				}
			}
			ok := sustained(w, of)
			if !ok && w.Unmeasured != "" {
				limited = w.Unmeasured
			}
			if ok && (best == nil || w.Rate > best.Rate) {
				best = w
			}
			return ok, nil
		})
		if err != nil {
			return err
		}
		w := &window{At: time.Now(), Scenario: "D", Case: highest, Subject: subject}
		if best != nil {
			*w = *best
			w.Scenario, w.Case, w.Values = "D", highest, map[string]float64{valuePer1000: best.value(valuePer1000)}
		}
		if w.set(valueHighest, rate); limited != "" && w.Unmeasured == "" {
			w.Unmeasured = "at a higher rate " + limited
		}
		if err := r.done(w); err != nil {
			return err
		}
		c.leave()
	}
	return nil
}

// starting is scenario H. It has a system of its own, in which nobody is.
func (r *run) starting(ctx context.Context) (err error) {
	s, err := newSystem(r.folder, "empty", r.binary)
	if err != nil {
		return err
	}
	defer func() {
		if failed := s.end(); err == nil {
			err = failed
		}
	}()
	w := &window{At: time.Now(), Scenario: "H", Case: "start", Subject: subjectParley, Machine: calibrate(r.folder)}
	cold, err := s.start(ctx)
	if err != nil {
		return err
	}
	warm := newTimes()
	for range r.sizes.starts {
		if err := s.stop(); err != nil {
			return err
		}
		took, err := s.start(ctx)
		if err != nil {
			return err
		}
		warm.add(took)
	}
	process.Sleep(ctx, r.sizes.rest)
	before := read(s.parts())
	r.waits(ctx, min(r.sizes.calm, 10*time.Second), "idle")
	w.used(before, read(s.parts()))
	info, err := os.Stat(r.binary)
	if err != nil {
		return err
	}
	w.Times = map[string]spread{"warm": warm.spread()}
	w.set(valueCold, cold.Seconds())
	w.set(valueWarm, w.Times["warm"].P50/1000)
	w.set(valueResident, float64(w.Memory[partServer]))
	w.set(valueBinary, float64(info.Size()))
	w.set(valueIdle, (w.Processor[partServer]+w.Processor[partPostgres])/w.Seconds)
	if err := s.stop(); err != nil {
		return err
	}
	return r.done(w)
}

// password is everybody's who signs up.
const password = "a horse named staple"

// doors lets a sample of people sign up, log out and log in, and adds them to the others.
func (r *run) doors(ctx context.Context) error {
	w := &window{At: time.Now(), Scenario: "doors", Case: "sample", Subject: subjectParley, Machine: calibrate(r.folder)}
	before := read(r.system.parts())
	register, login := newTimes(), newTimes()
	c := &caller{addr: r.system.addr}
	defer c.close()
	for i := range r.sizes.doors {
		name := fmt.Sprintf("load%04d", i)
		began := time.Now()
		a, err := c.post(ctx, "/register", "", url.Values{
			"username": {name}, "display_name": {"Load " + strconv.Itoa(i)}, "password": {password}, "time_zone": {"UTC"},
		})
		if err != nil {
			return err
		}
		register.add(time.Since(began))
		if _, err := c.post(ctx, "/logout", a.cookie, url.Values{}); err != nil {
			return err
		}
		began = time.Now()
		if a, err = c.post(ctx, "/login", "", url.Values{"login": {name}, "password": {password}}); err != nil {
			return err
		}
		login.add(time.Since(began))
		if a.cookie == "" {
			return fmt.Errorf("%s is not logged in", name)
		}
		r.visitors = append(r.visitors, guest{cookie: a.cookie})
	}
	w.used(before, read(r.system.parts()))
	w.Sends = r.sizes.doors
	w.Times = map[string]spread{"register": register.spread(), "login": login.spread()}
	w.set(valueRegister, w.Times["register"].P50)
	w.set(valueLogin, w.Times["login"].P50)
	return r.done(w)
}
