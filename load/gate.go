//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
)

// ratio is a figure of Parley's over its floor's.
type ratio struct {
	Name       string  `json:"name"`
	Value      float64 `json:"value"`
	Parley     float64 `json:"parley"`
	Floor      float64 `json:"floor"`
	Unit       string  `json:"unit"`
	Goal       float64 `json:"goal"` // what it is to reach
	Higher     bool    `json:"higher,omitempty"`
	Tolerance  float64 `json:"tolerance"`        // how many times as bad as last accepted it may be
	Steady     bool    `json:"steady,omitempty"` // no tail: the short run compares it too
	Firm       bool    `json:"firm,omitempty"`   // what it is to reach is a bound
	Held       int     `json:"held,omitempty"`   // so many sockets, where there were fewer than the name says
	Unmeasured string  `json:"unmeasured,omitempty"`
	Off        string  `json:"off,omitempty"` // the machine was not itself: what is measured says nothing
}

// The tolerances. Ratios stand the noise of a machine better than what they are made of, but not all of it: the tail of a
// short window most of all.
const (
	tolerateTail      = 2.0
	tolerateProcessor = 1.5
	tolerateMemory    = 1.25
	tolerateRate      = 1.6
)

// reached says whether it is where it is to be.
func (r ratio) reached() bool {
	if r.Higher {
		return r.Value >= r.Goal
	}
	return r.Value <= r.Goal
}

// worse says whether it is worse than what was accepted, by more than the machine's noise.
func (r ratio) worse(accepted float64) bool {
	if r.Unmeasured != "" || r.Off != "" || accepted <= 0 {
		return false
	}
	if r.Higher {
		return r.Value < accepted/r.Tolerance
	}
	return r.Value > accepted*r.Tolerance
}

// ratios are all that can be made of what was measured.
func ratios(all []result) (made []ratio) {
	excuse := excuses(all)
	add := func(scenario, of string, r ratio, figure func(*window) float64) {
		own, floor := find(all, scenario, of, subjectParley), find(all, scenario, of, subjectFloor)
		if own == nil || floor == nil {
			return
		}
		r.Name = scenario + " " + of + ": " + r.Name
		r.Parley, r.Floor = figure(own), figure(floor)
		if held := min(own.Sockets, floor.Sockets); held < own.Asked {
			r.Held = held
		}
		if r.Off = excuse(own); r.Off == "" {
			r.Off = excuse(floor)
		}
		for _, w := range []*window{own, floor} {
			if w.Unmeasured != "" && r.Unmeasured == "" {
				r.Unmeasured = w.Subject + ": " + w.Unmeasured
			}
		}
		if r.Floor <= 0 {
			r.Unmeasured = "the floor is too small to be measured"
		} else {
			r.Value = r.Parley / r.Floor
		}
		made = append(made, r)
	}
	p95 := func(name string) func(*window) float64 { return func(w *window) float64 { return w.Times[name].P95 } }
	value := func(name string) func(*window) float64 { return func(w *window) float64 { return w.value(name) } }
	for _, of := range cases(all, "A") {
		// While it dials a bare server the tool takes more of the machine than the server does; what is idle afterwards is
		// measured all the same.
		r := ratio{Name: "establishment, p95", Unit: "ms", Goal: 3, Tolerance: tolerateTail}
		for _, subject := range []string{subjectParley, subjectFloor} {
			if w := find(all, "A", of, subject); w != nil && w.value(valueDialling) > third && r.Unmeasured == "" {
				r.Unmeasured = subject + ": " + tookTooMuch(w.value(valueDialling))
			}
		}
		add("A", of, r, p95(timeEstablish))
		add("A", of, ratio{Name: "memory for a socket", Unit: "KiB", Goal: 1.6, Tolerance: tolerateMemory, Steady: true},
			func(w *window) float64 { return w.value(valuePerSocket) / 1024 })
	}
	for _, of := range cases(all, "B") {
		// The floor ends where it is stored, Parley where it is read by somebody else.
		add("B", of, ratio{Name: "due → read by the other, p95", Unit: "ms", Goal: 3, Tolerance: tolerateTail}, func(w *window) float64 {
			if w.Subject == subjectFloor {
				return w.Times[timeStored].P95
			}
			return w.Times[timeDelivered].P95
		})
		add("B", of, ratio{Name: "processor time for 1,000 sends", Unit: "s", Goal: 3, Tolerance: tolerateProcessor, Steady: true}, value(valuePer1000))
	}
	for _, of := range cases(all, "C") {
		add("C", of, ratio{Name: "due → 95 % of the members, p50", Unit: "ms", Goal: 1.5, Tolerance: tolerateTail},
			func(w *window) float64 { return w.Times[time95].P50 })
		add("C", of, ratio{Name: "processor time for a delivery", Unit: "µs", Goal: 1.5, Tolerance: tolerateProcessor, Steady: true}, value(valuePerDelivery))
	}
	for _, of := range cases(all, "E1") {
		add("E1", of, ratio{Name: "due → heard by the other, p95", Unit: "ms", Goal: 4, Tolerance: tolerateTail, Firm: true}, p95(timeDelivered))
	}
	add("D", highest, ratio{Name: "highest rate", Unit: "sends/s", Goal: 0.5, Higher: true, Tolerance: tolerateRate, Steady: true}, value(valueHighest))
	return made
}

// A machine is not itself where the loop takes so many times as long as at its best in this run, or where all else, and the
// machine below it, took such a share of it.
const (
	slowLoop  = 1.3
	mostOther = 0.25
)

// excuses says of a short run's windows why one is no measure of anything but the machine; nothing where it is. A long run is
// for a machine that has nothing else to do, and has no excuse.
func excuses(all []result) func(*window) string {
	if run := runOf(all); run == nil || !run.Brief {
		return func(*window) string { return "" }
	}
	best := 0.0 // the loop at its best
	for _, one := range all {
		if w := one.Window; w != nil && w.Machine.Loop > 0 && (best == 0 || w.Machine.Loop < best) {
			best = w.Machine.Loop
		}
	}
	return func(w *window) string {
		if w.Machine.Loop > slowLoop*best {
			return fmt.Sprintf("the loop took %.0f ms instead of %.0f", w.Machine.Loop, best)
		}
		if others := w.Others + w.Steal; others > mostOther {
			return fmt.Sprintf("all else took %.0f %% of the machine", 100*others)
		}
		return ""
	}
}

// baseline is what was last accepted: ratios by their names, apart for the short run, which is another one.
type baseline struct {
	Full  map[string]float64 `json:"full"`
	Brief map[string]float64 `json:"brief"`
}

func readBaseline(path string) (b baseline, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return b, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &b)
	}
	return b, err
}

func (b *baseline) of(brief bool) *map[string]float64 {
	if brief {
		return &b.Brief
	}
	return &b.Full
}

// accept takes ratios for good. A long run's replace those before, and one that it could not measure is none any more: the
// next run need not measure it either. A short run is noisier and runs on many machines: of it only what is steady counts,
// and the worst that was ever accepted stays, so that it may be accepted several times.
func (b *baseline) accept(brief bool, now []ratio) {
	to := b.of(brief)
	if *to == nil {
		*to = map[string]float64{}
	}
	for _, r := range now {
		value := float64(int(r.Value*1000+0.5)) / 1000
		before, there := (*to)[r.Name]
		switch {
		case !brief && r.Unmeasured != "":
			delete(*to, r.Name)
		case r.Unmeasured != "", brief && (!r.Steady || r.Off != ""):
		case brief && there && (value < before) != r.Higher:
		default:
			(*to)[r.Name] = value
		}
	}
}

func (b *baseline) write(path string) error {
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// The bounds that hold on every machine, at a thousand sockets.
const (
	thousand      = 1000
	mostEstablish = 500.0 // ms, p95
	mostDelivered = 100.0 // ms, p95
	mostFailed    = 0.001 // of what was due
	mostSigned    = 50.0  // ms, p95, of who writes and who is there
)

// The bounds of presence: what it takes of a core where people come and go, and how many frames it is where everybody does at
// once. Two thousand who each hear of two thousand would be four million.
const (
	mostPresence = 0.05
	mostFrames   = 400_000
)

// fault is what must not be.
type fault struct {
	scenario, what string

	noise bool // a machine that is busy with something else may be why: it is worth another try
	ratio bool // it is about a ratio, and not what holds whatever was accepted
}

// regressions are what must not be: ratios that are worse than accepted or were not measured, bounds that do not hold, what
// failed, was lost or doubled.
func regressions(all []result, now []ratio, accepted map[string]float64) []fault {
	faults := compare(runOf(all), now, accepted)
	excuse := excuses(all)
	for _, one := range all {
		if one.Window != nil {
			faults = append(faults, one.Window.faults(excuse)...)
		}
	}
	return faults
}

// compare says which ratios are worse than accepted, and which have vanished: a figure that is not taken any more cannot
// become worse.
func compare(run *about, now []ratio, accepted map[string]float64) (faults []fault) {
	brief := run != nil && run.Brief
	measured := map[string]ratio{}
	for _, r := range now {
		measured[r.Name] = r
		if r.Firm && r.Unmeasured == "" && r.Off == "" && !r.reached() {
			faults = append(faults, fault{scenario: r.Name[:1], noise: true, what: fmt.Sprintf(
				"%s: %.2f times the floor; %.2g is the bound", r.Name, r.Value, r.Goal)})
		}
		if before := accepted[r.Name]; (r.Steady || !brief) && r.worse(before) {
			faults = append(faults, fault{scenario: r.Name[:1], ratio: true, noise: true, what: fmt.Sprintf(
				"%s: %.2f times the floor; %.2f was accepted, and it may be %.2g times as bad", r.Name, r.Value, before, r.Tolerance)})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(accepted)) {
		r, there := measured[name]
		why := r.Unmeasured
		if !there {
			if why = "it is missing"; !run.wanted(name[:1]) {
				continue
			}
		}
		if why != "" && r.Off == "" {
			faults = append(faults, fault{scenario: name[:1], ratio: true, noise: true, what: fmt.Sprintf("%s: not measured, %s; %.2f was accepted", name, why, accepted[name])})
		}
	}
	return faults
}

// wanted says whether a run was to measure a scenario with all its cases. One that varies something has cases of its own.
func (a *about) wanted(scenario string) bool {
	return a == nil || !a.Varied && (a.Only == "" || strings.Contains(a.Only, scenario))
}

// faults are what is wrong with a window, whatever was accepted.
func (w *window) faults(excuse func(*window) string) (faults []fault) {
	add := func(noise bool, format string, args ...any) {
		faults = append(faults, fault{scenario: w.Scenario[:1], noise: noise, what: w.name() + ": " + fmt.Sprintf(format, args...)})
	}
	sends := strings.Contains("BCD", w.Scenario)
	switch {
	case w.Scenario == "A" && (w.Sockets == 0 || float64(w.Failed) > mostFailed*float64(w.Sockets+w.Failed)):
		add(true, "%d of %d sockets failed", w.Failed, w.Sockets+w.Failed)
	case sends && w.Sends == 0:
		add(true, "nothing was sent")
	case sends && float64(w.Failed) > mostFailed*float64(w.Sends):
		add(true, "%d of %d sends failed", w.Failed, w.Sends)
	}
	if w.Subject != subjectParley {
		return faults
	}
	if w.Lost > 0 || w.Doubled > 0 {
		add(false, "%d lost, %d doubled", w.Lost, w.Doubled)
	}
	// What was due counts, not only what was acknowledged: who refuses everything loses nothing.
	if sends && w.Sends > 0 && (w.Deliveries == 0 || float64(w.Deliveries) < (1-mostFailed)*float64(w.Due)) {
		add(true, "%d of %d deliveries that were due; 99.9 %% are to be", w.Deliveries, w.Due)
	}
	faults = append(faults, w.signFaults(excuse)...)
	if w.Unmeasured != "" || w.Sockets > thousand || excuse(w) != "" {
		return faults
	}
	if e := w.Times[timeEstablish]; w.Scenario == "A" && e.P95 >= mostEstablish {
		add(true, "establishment p95 is %.0f ms; at a thousand sockets it is to be below %.0f", e.P95, mostEstablish)
	}
	if d := w.Times[timeDelivered]; w.Scenario == "B" && d.P95 >= mostDelivered {
		add(true, "messages take %.0f ms (p95); at a thousand sockets it is to be below %.0f", d.P95, mostDelivered)
	}
	if d := w.Times[time95]; w.Scenario == "C" && d.P95 >= mostDelivered {
		add(true, "messages take %.0f ms to 95 %% of the members (p95); at a thousand sockets it is to be below %.0f", d.P95, mostDelivered)
	}
	return faults
}

// signFaults are those of scenario E.
func (w *window) signFaults(excuse func(*window) string) (faults []fault) {
	add := func(format string, args ...any) {
		faults = append(faults, fault{scenario: "E", noise: true, what: w.name() + ": " + fmt.Sprintf(format, args...)})
	}
	switch w.Scenario {
	case "E1":
		brought := w.value(valueBrought)
		switch {
		case w.Sends == 0:
			add("nothing was said")
		case float64(w.Failed) > mostFailed*float64(w.Sends):
			add("%d of %d could not be said", w.Failed, w.Sends)
		case brought == 0:
			add("nothing of it was heard")
		case brought < 1-mostFailed && strings.HasPrefix(w.Case, whatPresence): // who writes need not be told each time
			add("%.2f %% of it was heard; 99.9 %% are to be", 100*brought)
		}
		if d := w.Times[timeDelivered]; w.Unmeasured == "" && excuse(w) == "" && d.P95 >= mostSigned {
			add("it is heard after %.0f ms (p95); it is to be below %.0f", d.P95, mostSigned)
		}
	case "E2":
		if float64(w.Failed) > mostFailed*float64(w.Sends) {
			add("%d of %d did not come back", w.Failed, w.Sends)
		}
		if took := w.value(valuePresence); w.Unmeasured == "" && took > mostPresence {
			add("presence takes %.1f %% of a core; %.0f %% is the bound", 100*took, 100*mostPresence)
		}
		if _, there := w.Values[valuePresence]; there && w.value(valueSignFrames) == 0 {
			add("nothing is heard of who comes and goes")
		}
	case "E3":
		if frames := w.value(valueSignFrames); frames == 0 || frames >= mostFrames {
			add("%.0f frames of presence; fewer than %d are to be, and some", frames, mostFrames)
		}
	}
	return faults
}
