//go:build linux

package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"parley/chaos/history"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ok, err := command(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// plan is what one call of the harness does.
type plan struct {
	seed    uint64
	length  time.Duration // of all stages together; 0: each fault of the stage once
	brief   bool
	people  int
	rate    int
	slack   int // how many times the bounds; 0: once
	keep    bool
	only    string
	times   int // how often each fault happens; 0: as the length says
	browser bool
	older   string // a version of the sources

	report       *report
	root, binary string // what all stages have in common
}

// longEnough is how long a run has to be to hold what takes minutes.
const longEnough = 8 * time.Minute

func command(ctx context.Context, args []string, out io.Writer) (ok bool, err error) {
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	p := plan{people: 10, rate: 50}
	flags.Uint64Var(&p.seed, "seed", 1, "what decides who writes to whom, and what fails when")
	minutes := flags.Float64("minutes", 10, "how long faults go on happening; 0: each of them once")
	flags.BoolVar(&p.brief, "brief", false, "only what is over within ten seconds, with bounds for a machine that has something else to do")
	flags.BoolVar(&p.keep, "keep", false, "keep the folder of the run also when all is well")
	flags.StringVar(&p.only, "only", "", "only faults whose name begins like this")
	flags.IntVar(&p.times, "times", 0, "each fault so many times, instead of going on for minutes")
	flags.BoolVar(&p.browser, "browser", true, "also two real pages, where there is a Chromium; never in the short run")
	flags.StringVar(&p.older, "older", "", "the version that two nodes are upgraded from, as git names it")
	if err := flags.Parse(args); err != nil {
		return false, err
	}
	if p.brief {
		p.people, p.slack = 6, 4
	}
	if p.length = time.Duration(*minutes * float64(time.Minute)); p.times > 0 {
		p.length = 0
	}
	return p.run(ctx, out)
}

// run runs all stages and says whether all is well.
func (p plan) run(ctx context.Context, out io.Writer) (ok bool, err error) {
	p.report = newReport(out)
	if p.root, err = os.MkdirTemp("", "parley-chaos-"); err != nil {
		return false, err
	}
	defer func() {
		if ok && !p.keep || ctx.Err() != nil {
			_ = os.RemoveAll(p.root)
		} else {
			p.report.say("\nThe history and the logs are in %s", p.root)
		}
	}()
	if err := os.Chmod(p.root, 0o711); err != nil { // PostgreSQL runs as another user, who must pass here
		return false, err
	}
	began := time.Now()
	if p.binary, err = build(ctx, p.root, "parley", "", nil); err != nil {
		return false, err
	}
	p.report.say("seed %d; Parley was built in %s", p.seed, short(time.Since(began)))
	ok, happened := true, false
	for _, s := range p.stages() {
		well, err := s(ctx)
		if err != nil {
			return false, err
		}
		ok, happened = ok && well, true
	}
	if !happened {
		return false, fmt.Errorf("no fault has a name that begins with %q", p.only)
	}
	p.report.table()
	if ok {
		p.report.say("\nAll is well.")
	}
	return ok, nil
}

// stages are those that this plan holds.
func (p plan) stages() (stages []func(context.Context) (bool, error)) {
	for _, nodes := range []int{1, 2} {
		if mine := p.faults(nodes); len(mine) > 0 {
			stages = append(stages, func(ctx context.Context) (bool, error) { return p.stage(ctx, nodes, mine) })
		}
	}
	for _, a := range apart {
		if p.brief || !strings.HasPrefix(a.name, p.only) {
			continue
		}
		for range max(1, p.times) {
			stages = append(stages, func(ctx context.Context) (bool, error) { return a.run(p, ctx, a.name) })
		}
	}
	return stages
}

// stage runs the faults that are for so many nodes, and judges.
func (p plan) stage(ctx context.Context, nodes int, mine []fault) (ok bool, err error) {
	w, err := p.system(ctx, options{nodes: nodes}, fmt.Sprintf("%d node(s)", nodes))
	if err != nil {
		return false, err
	}
	defer w.end()
	w.talk()
	sleep(ctx, 2*time.Second)
	order := rand.New(rand.NewPCG(p.seed, uint64(nodes)+10)) //nolint:gosec // a run can be repeated
	end := time.Now().Add(p.length / 2)
	for round := 0; ctx.Err() == nil && len(mine) > 0 && (round == 0 || time.Now().Before(end)); round++ {
		if round > 0 {
			mine = slices.DeleteFunc(mine, func(f fault) bool { return f.long })
			order.Shuffle(len(mine), func(i, j int) { mine[i], mine[j] = mine[j], mine[i] })
		}
		for _, f := range mine {
			if ctx.Err() != nil || round > 0 && !time.Now().Before(end) {
				break
			}
			if err := w.suffer(ctx, f); err != nil {
				return false, fmt.Errorf("%s: %w", f.name, err)
			}
		}
	}
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	return w.verdict(ctx, p.brief)
}

// system starts a system in a folder of its own.
func (p plan) system(ctx context.Context, o options, what string) (*world, error) {
	folder, err := os.MkdirTemp(p.root, "system-")
	if err != nil {
		return nil, err
	}
	if err := errors.Join(os.Chmod(folder, 0o711), os.Mkdir(filepath.Join(folder, "bin"), 0o711),
		os.Link(cmp.Or(o.binary, p.binary), filepath.Join(folder, "bin", "parley"))); err != nil {
		return nil, err
	}
	p.report.say("\n%s, %d people, %d sends a second, in %s", what, p.people, p.rate, folder)
	o.seed, o.root, o.people, o.rate, o.slack = p.seed, folder, p.people, p.rate, max(1, p.slack)
	return begin(ctx, o, p.report)
}

// faults are those of a stage; what weighs more is there twice, what takes minutes only where there are some.
func (p plan) faults(nodes int) (mine []fault) {
	for _, f := range faults {
		long := f.long && p.only == "" && p.length < longEnough
		if f.nodes != nodes || p.brief && !f.brief || long || !strings.HasPrefix(f.name, p.only) {
			continue
		}
		times := 1
		switch {
		case p.times > 0:
			times = p.times
		case f.twice && !p.brief:
			times = 2
		}
		mine = append(mine, slices.Repeat([]fault{f}, times)...)
	}
	return mine
}

// suffer lets one fault happen, and life go on for a moment.
func (w *world) suffer(ctx context.Context, f fault) error {
	w.rec.Note("fault", f.name)
	w.report.happened(f.name)
	began := time.Now()
	if err := f.run(ctx, w, f.name); err != nil {
		return err
	}
	w.rec.Note("healed", f.name)
	w.report.say("%8s  %s (%s)", short(w.rec.Now()), f.name, short(time.Since(began)))
	sleep(ctx, time.Second)
	return nil
}

// verdict ends a stage: everybody falls silent, everything arrives, and everything is looked at.
func (w *world) verdict(ctx context.Context, brief bool) (ok bool, err error) {
	found, err := w.judged(ctx, "everybody falls silent")
	if err != nil {
		return false, err
	}
	if !brief || len(w.nodes) == 1 {
		again, err := w.release(ctx, brief)
		if err != nil {
			return false, err
		}
		found = merge(found, again)
	}
	return w.said(found), nil
}

// merge is what was found at one time or the other: the history is one, so most of it is found again.
func merge(found, again []history.Violation) []history.Violation {
	for _, v := range again {
		if !slices.ContainsFunc(found, func(known history.Violation) bool { return known.String() == v.String() }) {
			found = append(found, v)
		}
	}
	return found
}

// said tells what is not well, and whether nothing is.
func (w *world) said(found []history.Violation) (ok bool) {
	all, acknowledged, failed, retried := w.rec.Counts()
	w.report.note("With %d node(s): %d sends, of which %d were acknowledged and %d refused; %d were tried more than once.",
		len(w.nodes), all, acknowledged, failed, retried)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, problem := range w.problems {
		w.report.say("NOT WELL: %s", problem)
	}
	w.explain(found)
	return len(found) == 0 && len(w.problems) == 0
}

// judged waits until everything has arrived, and looks.
func (w *world) judged(ctx context.Context, what string) ([]history.Violation, error) {
	if err := w.hush(ctx, 90*time.Second); err != nil {
		w.report.say("  %v", err)
	}
	began := time.Now()
	w.took(what, "views are complete", 0, 5*time.Second, w.complete(ctx, 30*time.Second), &began)
	if err := w.repeatAgain(ctx); err != nil {
		return nil, err
	}
	e, err := w.look(ctx)
	if err != nil {
		return nil, err
	}
	return history.Judge(e), nil
}

// release lets everybody leave, come back, talk through bad lines, and leave again: then nothing may be left of them.
func (w *world) release(ctx context.Context, brief bool) ([]history.Violation, error) {
	before, err := w.empty(ctx, nil)
	if err != nil {
		return nil, err
	}
	rounds := 3
	if brief {
		rounds = 1
	}
	for _, p := range w.people {
		for _, id := range append(w.conversationsOf(ctx, p), "") {
			if err := p.visit(ctx, id); err != nil {
				return nil, err
			}
		}
	}
	if err := w.standing(ctx, time.Minute); err != nil {
		return nil, err
	}
	w.talk()
	for range rounds {
		for i, p := range w.people {
			if i%2 == 0 {
				p.line.Cut()
			}
		}
		sleep(ctx, time.Second)
		for _, p := range w.people {
			p.line.Mend()
		}
		if err := w.standing(ctx, time.Minute); err != nil {
			return nil, err
		}
	}
	found, err := w.judged(ctx, "everybody comes back")
	if err != nil {
		return nil, err
	}
	if _, err := w.empty(ctx, before); err != nil {
		return nil, err
	}
	return append(found, history.Judge(history.Evidence{Resources: w.rec.Evidence().Resources})...), nil
}

// empty lets everybody leave, and says what each node holds then; where that is known from before, it waits until no more
// is held, for a while, and notes how it compares.
func (w *world) empty(ctx context.Context, before []holding) (after []holding, err error) {
	for _, p := range slices.Concat(w.listeners, w.people) {
		p.leaves()
	}
	for i, n := range w.nodes {
		var h holding
		compare := func() history.Resources {
			return history.Resources{
				Process: "node " + n.name, Goroutines: h.Goroutines, Descriptors: h.descriptors, Heap: h.Heap,
				GoroutinesBefore: before[i].Goroutines, DescriptorBefore: before[i].descriptors, HeapBefore: before[i].Heap,
			}
		}
		wrong := until(ctx, 20*time.Second, func(ctx context.Context) error { // what is left then is noted
			now, wrong := n.holds(ctx)
			if wrong != nil {
				return wrong // when the patience has ended in the middle of it, what it held before counts
			}
			if h = now; before == nil {
				return nil
			}
			if wrong := history.Judge(history.Evidence{Resources: []history.Resources{compare()}}); len(wrong) > 0 {
				return fmt.Errorf("%v", wrong[0])
			}
			return nil
		})
		if h == (holding{}) {
			return nil, wrong
		}
		if before == nil { // until nothing moves any more
			for last := (holding{}); last.Goroutines != h.Goroutines || last.descriptors != h.descriptors; {
				last = h
				sleep(ctx, 1500*time.Millisecond)
				if h, err = n.holds(ctx); err != nil {
					return nil, err
				}
			}
		} else {
			c := compare()
			w.rec.Compare(c)
			w.report.note("Node %s at its end, when everybody had left, and before they came back for the last time: %d and %d goroutines, "+
				"%d and %d descriptors, %.1f and %.1f MiB of heap.", n.name, c.Goroutines, c.GoroutinesBefore, c.Descriptors,
				c.DescriptorBefore, float64(c.Heap)/(1<<20), float64(c.HeapBefore)/(1<<20))
		}
		after = append(after, h)
	}
	return after, nil
}

// conversationsOf are those that a person is in.
func (w *world) conversationsOf(ctx context.Context, p *person) (ids []string) {
	stays, err := w.stays(ctx)
	if err != nil {
		return nil
	}
	for _, s := range stays {
		if s.Person == p.id && s.Until == nil {
			ids = append(ids, s.Conversation)
		}
	}
	slices.Sort(ids)
	return ids
}

// explain says what is not well, with what the history knows of it.
func (w *world) explain(found []history.Violation) {
	const most = 10
	for i, v := range found {
		if i == most {
			w.report.say("… and %d more", len(found)-most)
			return
		}
		w.report.say("NOT WELL: %s", v)
		for _, line := range w.rec.About(v.About, 12) {
			w.report.say("    %s", line)
		}
	}
}
