//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
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
	Tolerance  float64 `json:"tolerance"` // how many times as bad as last accepted it may be
	Unmeasured string  `json:"unmeasured,omitempty"`
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
	if r.Unmeasured != "" || accepted <= 0 {
		return false
	}
	if r.Higher {
		return r.Value < accepted/r.Tolerance
	}
	return r.Value > accepted*r.Tolerance
}

// ratios are all that can be made of what was measured.
func ratios(all []result) (made []ratio) {
	add := func(scenario, of string, r ratio, figure func(*window) float64) {
		own, floor := find(all, scenario, of, subjectParley), find(all, scenario, of, subjectFloor)
		if own == nil || floor == nil {
			return
		}
		r.Name = scenario + " " + of + ": " + r.Name
		r.Parley, r.Floor = figure(own), figure(floor)
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
		add("A", of, ratio{Name: "memory for a socket", Unit: "KiB", Goal: 1.6, Tolerance: tolerateMemory},
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
		add("B", of, ratio{Name: "processor time for 1,000 sends", Unit: "s", Goal: 3, Tolerance: tolerateProcessor}, value(valuePer1000))
	}
	for _, of := range cases(all, "C") {
		add("C", of, ratio{Name: "due → 95 % of the members, p50", Unit: "ms", Goal: 1.5, Tolerance: tolerateTail},
			func(w *window) float64 { return w.Times[time95].P50 })
		add("C", of, ratio{Name: "processor time for a delivery", Unit: "µs", Goal: 1.5, Tolerance: tolerateProcessor}, value(valuePerDelivery))
	}
	add("D", highest, ratio{Name: "highest rate", Unit: "sends/s", Goal: 0.5, Higher: true, Tolerance: tolerateRate}, value(valueHighest))
	return made
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

// accept takes ratios for good; those that were not measured stay as they were.
func (b *baseline) accept(brief bool, now []ratio) {
	to := b.of(brief)
	if *to == nil {
		*to = map[string]float64{}
	}
	for _, r := range now {
		if r.Unmeasured == "" {
			(*to)[r.Name] = float64(int(r.Value*1000+0.5)) / 1000
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
	mostEstablish = 500.0 // ms, p95
	mostDelivered = 100.0 // ms, p95
)

// regressions are what must not be: ratios that are worse than accepted, bounds that do not hold, what was lost or doubled.
func regressions(all []result, now []ratio, accepted map[string]float64) (wrong []string) {
	for _, r := range now {
		if before := accepted[r.Name]; r.worse(before) {
			wrong = append(wrong, fmt.Sprintf("%s: %.2f times the floor; %.2f was accepted, and it may be %.2g times as bad", r.Name, r.Value, before, r.Tolerance))
		}
	}
	for _, one := range all {
		w := one.Window
		if w == nil || w.Subject != subjectParley {
			continue
		}
		if w.Lost > 0 || w.Doubled > 0 {
			wrong = append(wrong, fmt.Sprintf("%s: %d lost, %d doubled", w.name(), w.Lost, w.Doubled))
		}
		if w.Unmeasured != "" {
			continue
		}
		if e := w.Times[timeEstablish]; w.Scenario == "A" && w.Sockets <= 1000 && e.P95 >= mostEstablish {
			wrong = append(wrong, fmt.Sprintf("%s: establishment p95 is %.0f ms; at a thousand sockets it is to be below %.0f", w.name(), e.P95, mostEstablish))
		}
		if d := w.Times[timeDelivered]; w.Scenario == "B" && d.P95 >= mostDelivered {
			wrong = append(wrong, fmt.Sprintf("%s: messages take %.0f ms (p95); it is to be below %.0f", w.name(), d.P95, mostDelivered))
		}
	}
	return wrong
}
