//go:build linux

package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// measured is a run of B and D with figures that are easily compared.
func measured(p95, floor, rate float64) []result {
	sent := func(w window) result {
		w.Sends, w.Due = 1000, 1000
		if w.Subject == subjectParley {
			w.Deliveries = 1000
		}
		return result{Window: &w}
	}
	return []result{
		{Run: &about{Cores: 2, Messages: 1000}},
		sent(window{Scenario: "B", Case: "200 sends/s", Subject: subjectParley, Times: map[string]spread{timeDelivered: {N: 9, P50: 1, P95: p95}}, Values: map[string]float64{valuePer1000: 1.5}}),
		sent(window{Scenario: "B", Case: "200 sends/s", Subject: subjectFloor, Times: map[string]spread{timeStored: {N: 9, P95: floor}}, Values: map[string]float64{valuePer1000: 0.5}}),
		sent(window{Scenario: "D", Case: highest, Subject: subjectParley, Values: map[string]float64{valueHighest: rate}}),
		sent(window{Scenario: "D", Case: highest, Subject: subjectFloor, Values: map[string]float64{valueHighest: 4000}}),
	}
}

// said is what faults say.
func said(faults []fault) string {
	var all []string
	for _, f := range faults {
		all = append(all, f.what)
	}
	return strings.Join(all, "\n")
}

func TestGate(t *testing.T) {
	t.Parallel()
	accepted := map[string]float64{}
	for _, r := range ratios(measured(6, 2, 2000)) {
		accepted[r.Name] = r.Value
	}
	if len(accepted) != 3 {
		t.Fatalf("ratios: %v", accepted)
	}
	wrong := func(all []result) string { return said(regressions(all, ratios(all), accepted)) }
	// but is the run with something else in it.
	but := func(change func(all []result)) []result {
		all := measured(6, 2, 2000)
		change(all)
		return all
	}
	with := func(w window) []result { return append(measured(6, 2, 2000), result{Window: &w}) }
	group := func(p95 float64, sockets, due, came int) []result {
		return with(window{Scenario: "C", Case: "x", Subject: subjectParley, Sockets: sockets, Sends: 10, Due: due, Deliveries: came, Times: map[string]spread{time95: {N: 10, P95: p95}}})
	}
	sockets := func(p95 float64, held, failed int) []result {
		return with(window{Scenario: "A", Case: "x", Subject: subjectParley, Sockets: held, Failed: failed, Times: map[string]spread{timeEstablish: {P95: p95}}})
	}
	for name, all := range map[string][]result{
		"the same":                    measured(6, 2, 2000),
		"a slower machine":            measured(18, 6, 2000),
		"better":                      measured(2, 2, 4000),
		"within the noise":            measured(11, 2, 1300),
		"one of a thousand failed":    but(func(all []result) { all[1].Window.Failed, all[1].Window.Deliveries = 1, 999 }),
		"a group within the bound":    group(99, 1000, 10_000, 10_000),
		"a larger group has none":     group(300, 2000, 20_000, 20_000),
		"sockets within the bound":    sockets(499, 1000, 1),
		"more of them have none":      sockets(900, 5000, 0),
		"a rate that is too high":     with(window{Scenario: "D, step", Case: "x", Subject: subjectParley, Sends: 10, Failed: 10, GaveUp: true}),
		"only D was to be measured":   append([]result{{Run: &about{Only: "D"}}}, measured(6, 2, 2000)[3:]...),
		"a run with sizes of its own": {{Run: &about{Varied: true}}},
	} {
		if got := wrong(all); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
	refused := but(func(all []result) {
		w := all[1].Window
		w.Failed, w.Deliveries, w.Times, w.Values = w.Sends, 0, nil, nil
	})
	for name, test := range map[string]struct {
		all  []result
		want string
	}{
		"slower":                    {measured(13, 2, 2000), "read by the other"},
		"fewer":                     {measured(6, 2, 1000), "highest rate"},
		"beyond any bound":          {measured(101, 40, 2000), "101 ms"},
		"something is lost":         {with(window{Scenario: "C", Case: "x", Subject: subjectParley, Lost: 1}), "1 lost"},
		"doubled":                   {with(window{Scenario: "C", Case: "x", Subject: subjectParley, Doubled: 2}), "2 doubled"},
		"slow to come":              {sockets(501, 1000, 0), "establishment"},
		"sockets are refused":       {sockets(1, 1000, 2), "2 of 1002 sockets failed"},
		"no socket is taken":        {sockets(0, 0, 0), "sockets failed"},
		"every send is refused":     {refused, "1000 of 1000 sends failed"},
		"and none is delivered":     {refused, "0 of 1000 deliveries"},
		"two of a thousand failed":  {but(func(all []result) { all[1].Window.Failed, all[1].Window.Deliveries = 2, 998 }), "998 of 1000 deliveries"},
		"the floor's sends fail":    {but(func(all []result) { all[2].Window.Failed = 2 }), "2 of 1000 sends failed"},
		"nothing is sent":           {but(func(all []result) { all[1].Window.Sends = 0 }), "nothing was sent"},
		"a group is told late":      {group(101, 1000, 10_000, 10_000), "to 95 % of the members"},
		"a group is told in part":   {group(1, 1000, 10_000, 9_989), "9989 of 10000 deliveries"},
		"not all of it is measured": {measured(6, 2, 2000)[:3], "D highest rate: highest rate: not measured, it is missing; 0.50"},
		"a floor is missing":        {append(measured(6, 2, 2000)[:2], measured(6, 2, 2000)[3:]...), "B 200 sends/s: processor time for 1,000 sends: not measured, it is missing"},
		"a floor is too small":      {measured(6, 0, 2000), "too small to be measured; 3.00 was accepted"},
		"what was measured is not":  {but(func(all []result) { all[1].Window.Unmeasured = "the tool took all" }), "not measured, Parley: the tool took all; 3.00 was accepted"},
	} {
		if got := wrong(test.all); !strings.Contains(got, test.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
	t.Run("what was not measured is not worse, and need not be measured again once that is accepted", func(t *testing.T) {
		t.Parallel()
		all := measured(90, 2, 2000)
		all[1].Window.Unmeasured = "the tool took all"
		path := filepath.Join(t.TempDir(), "baseline.json")
		b, err := readBaseline(path)
		if err != nil {
			t.Fatal(err)
		}
		b.accept(false, ratios(measured(6, 2, 2000)))
		if len(b.Full) != 3 {
			t.Fatalf("accepted: %v", b.Full)
		}
		b.accept(false, ratios(all))
		if err := b.write(path); err != nil {
			t.Fatal(err)
		}
		b, err = readBaseline(path)
		if err != nil || len(b.Full) != 1 || len(b.Brief) != 0 || b.Full["D highest rate: highest rate"] != 0.5 {
			t.Errorf("%+v, %v", b, err)
		}
		if got := said(regressions(all, ratios(all), b.Full)); got != "" {
			t.Error(got)
		}
	})
	t.Run("a goal is reached from the right side", func(t *testing.T) {
		t.Parallel()
		if !(ratio{Value: 2, Goal: 3}).reached() || (ratio{Value: 4, Goal: 3}).reached() ||
			(ratio{Value: 0.4, Goal: 0.5, Higher: true}).reached() || !(ratio{Value: 0.6, Goal: 0.5, Higher: true}).reached() {
			t.Error("it is not")
		}
	})
}

// The short run compares what is steady, and only while the machine is itself.
func TestBriefGate(t *testing.T) {
	t.Parallel()
	short := func(p95, rate float64) []result {
		all := measured(p95, 2, rate)
		all[0].Run.Brief = true
		for _, one := range all[1:] {
			one.Window.Machine.Loop = 50
		}
		return all
	}
	var b baseline
	b.accept(true, ratios(short(6, 2000)))
	if len(b.Brief) != 2 || b.Brief["B 200 sends/s: processor time for 1,000 sends"] != 3 || b.Brief["D highest rate: highest rate"] != 0.5 {
		t.Fatalf("accepted: %v", b.Brief)
	}
	faults := func(all []result) []fault { return regressions(all, ratios(all), b.Brief) }
	if got := said(faults(short(60, 2000))); got != "" {
		t.Errorf("a tail is compared: %s", got)
	}
	slow := short(6, 2000)
	slow[1].Window.Values[valuePer1000] = 2.5
	if got := faults(slow); !strings.Contains(said(got), "5.00 times the floor") || !got[0].noise || got[0].scenario != "B" {
		t.Errorf("what costs more passes: %v", got)
	}
	for name, change := range map[string]func(*window){
		"the loop is slow": func(w *window) { w.Machine.Loop = 66 },
		"others are busy":  func(w *window) { w.Others = 0.26 },
		"so is the host":   func(w *window) { w.Steal = 0.26 },
	} {
		for _, which := range []int{1, 2} {
			all := short(120, 2000)
			all[1].Window.Values[valuePer1000] = 2.5
			if said(faults(all)) == "" {
				t.Fatal("without an excuse it passes")
			}
			change(all[which].Window)
			got := said(faults(all))
			if strings.Contains(got, "times the floor") || strings.Contains(got, "not measured") || strings.Contains(got, "120 ms") != (which == 2) {
				t.Errorf("%s: %s", name, got)
			}
			all[0].Run.Brief = false
			if got := said(faults(all)); !strings.Contains(got, "times the floor") {
				t.Errorf("%s: a long run is excused: %s", name, got)
			}
		}
	}
	lost := short(6, 2000)
	lost[1].Window.Machine.Loop, lost[1].Window.Lost = 500, 1
	if got := faults(lost); len(got) != 1 || got[0].noise {
		t.Errorf("what is lost is excused: %v", got)
	}
	// Accepting widens towards the worse, whichever side that is, and nothing narrows it.
	b.accept(true, ratios(slow))
	b.accept(true, ratios(short(6, 1000)))
	b.accept(true, ratios(short(6, 3000)))
	off := short(6, 100)
	off[3].Window.Machine.Loop = 500
	b.accept(true, ratios(off))
	if b.Brief["B 200 sends/s: processor time for 1,000 sends"] != 5 || b.Brief["D highest rate: highest rate"] != 0.25 || len(b.Brief) != 2 {
		t.Errorf("accepted: %v", b.Brief)
	}
}

// A scenario of a short run has a second try where noise may be why it failed, and what it was at first does not count.
func TestTwice(t *testing.T) {
	t.Parallel()
	short := func(cost float64, lost int) []result {
		all := measured(6, 2, 2000)[1:3]
		all[0].Window.Values[valuePer1000], all[0].Window.Lost = cost, lost
		return all
	}
	for name, test := range map[string]struct {
		tries              [][]result
		long, late, accept bool
		want               int
		wrong              string
	}{
		"it is well":            {tries: [][]result{short(1.5, 0)}, want: 1},
		"it is well in the end": {tries: [][]result{short(9, 0), short(1.5, 0)}, want: 2},
		"it is not":             {tries: [][]result{short(9, 0), short(8, 0), short(1, 0)}, want: 2, wrong: "16.00 times"},
		"something is lost":     {tries: [][]result{short(9, 1), short(1.5, 0)}, want: 1, wrong: "1 lost"},
		"a long run":            {tries: [][]result{short(9, 0), short(1.5, 0)}, long: true, want: 1, wrong: "18.00 times"},
		"there is no time":      {tries: [][]result{short(9, 0), short(1.5, 0)}, late: true, want: 1, wrong: "18.00 times"},
		"it is to be accepted":  {tries: [][]result{short(9, 0), short(1.5, 0)}, accept: true, want: 1, wrong: "18.00 times"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := os.Create(filepath.Join(t.TempDir(), "results"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			r := &run{
				about: about{Brief: !test.long, Only: "B"}, began: time.Now(), to: io.Discard, records: &records{file: f}, accepting: test.accept,
				accepted: map[string]float64{"B 200 sends/s: processor time for 1,000 sends": 3},
			}
			if test.late {
				r.began = r.began.Add(-longestBrief)
			}
			if err := r.records.add(result{Run: &r.about}); err != nil {
				t.Fatal(err)
			}
			tried := 0
			err = r.twice("B", func() error {
				for _, one := range test.tries[tried] {
					if err := r.records.add(one); err != nil {
						return err
					}
				}
				tried++
				return nil
			})
			got := said(regressions(r.records.all, ratios(r.records.all), r.accepted))
			if err != nil || tried != test.want || (got == "") != (test.wrong == "") || !strings.Contains(got, test.wrong) {
				t.Errorf("%d tries, %v: %s", tried, err, got)
			}
		})
	}
}

// A run is judged by what was accepted of its kind; where nothing was, it says so and passes.
func TestJudge(t *testing.T) {
	t.Parallel()
	judge := func(accepting bool, known baseline, change func(all []result)) (string, baseline, error) {
		folder := t.TempDir()
		var out strings.Builder
		r := &run{about: about{Brief: true}, out: folder, to: &out, accepting: accepting, accepted: known.Brief}
		var err error
		if r.records, err = newRecords(filepath.Join(folder, "results.jsonl")); err != nil {
			t.Fatal(err)
		}
		defer r.records.file.Close()
		r.records.all = measured(6, 2, 2000)
		r.records.all[0].Run.Brief = true
		if change != nil {
			change(r.records.all)
		}
		path := filepath.Join(folder, "baseline.json")
		err = r.judge(known, path)
		after, failed := readBaseline(path)
		if failed != nil {
			t.Fatal(failed)
		}
		return out.String(), after, err
	}
	if said, _, err := judge(false, baseline{}, nil); err != nil || !strings.Contains(said, "No ratios were ever accepted") {
		t.Errorf("%v: %s", err, said)
	}
	if said, _, err := judge(false, baseline{}, func(all []result) { all[1].Window.Lost = 1 }); err == nil || !strings.Contains(said, "NOT WELL: B 200 sends/s Parley: 1 lost") {
		t.Errorf("%v: %s", err, said)
	}
	known := baseline{Brief: map[string]float64{"D highest rate: highest rate": 2, "B 200 sends/s: processor time for 1,000 sends": 4}}
	if said, _, err := judge(false, known, nil); err == nil || !strings.Contains(said, "2.00 was accepted") {
		t.Errorf("%v: %s", err, said)
	}
	said, after, err := judge(true, known, nil)
	if err != nil || after.Brief["D highest rate: highest rate"] != 0.5 || after.Brief["B 200 sends/s: processor time for 1,000 sends"] != 4 {
		t.Errorf("%v, %v: %s", after, err, said)
	}
}

// A size of A is called as it was asked for, on whatever machine, and says how many were held.
func TestSteps(t *testing.T) {
	t.Parallel()
	r := &run{sizes: full, to: io.Discard, about: about{Files: 9_200}}
	if got, want := r.steps(), []step{{1_000, 1_000}, {5_000, 5_000}, {10_000, 9_000}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	var all []result
	for _, subject := range []string{subjectParley, subjectFloor} {
		all = append(all, result{Window: &window{
			Scenario: "A", Case: step{10_000, 9_000}.name(), Subject: subject, Asked: 10_000, Sockets: 9_000,
			Times: map[string]spread{timeEstablish: {N: 1, P95: 1}}, Values: map[string]float64{valuePerSocket: 1024},
		}})
	}
	for _, text := range []string{ratioTable(ratios(all), nil), scenarioTable(all, "A")} {
		if !strings.Contains(text, "10000 sockets") || !strings.Contains(text, "9,000") {
			t.Errorf("it does not say both:\n%s", text)
		}
	}
}

func TestSustained(t *testing.T) {
	t.Parallel()
	fine := window{Times: map[string]spread{timeDelivered: {N: 1, P95: enough}}}
	if !sustained(&fine, timeDelivered) {
		t.Error("a rate that holds does not")
	}
	for name, change := range map[string]func(*window){
		"lost": func(w *window) { w.Lost = 1 }, "doubled": func(w *window) { w.Doubled = 1 }, "failed": func(w *window) { w.Failed = 1 },
		"given up": func(w *window) { w.GaveUp = true }, "nothing came": func(w *window) { w.Times = nil },
		"slow": func(w *window) { w.Times = map[string]spread{timeDelivered: {N: 1, P95: enough + 1}} },
	} {
		w := fine
		if change(&w); sustained(&w, timeDelivered) {
			t.Errorf("%s: it holds", name)
		}
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	text, err := report(measured(6, 2, 2000), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| 3.00 ✓ | ≤ 3.00 | 6.00 ms | 2.00 ms |", "| 2,000/s |", "2 cores"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	// What somebody writes between the tables stays; the tables follow what was measured.
	text = strings.Replace(text, "Both have the conversation open.", "It is the disk.", 1)
	again, err := report(measured(8, 2, 2000), text)
	if err != nil || !strings.Contains(again, "It is the disk.") || !strings.Contains(again, "| 4.00 ✗ |") || strings.Contains(again, "| 3.00 ✓ | ≤ 3.00 | 6.00 ms") {
		t.Errorf("%v: %s", err, again)
	}
	same, err := report(measured(8, 2, 2000), again)
	if err != nil || same != again {
		t.Error("the same results make another report")
	}
	for _, wrong := range []string{"<!-- measured: B -->", "<!-- measured: Z -->\n<!-- end -->"} {
		if _, err := report(nil, wrong); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}

// The tables say what each part holds, and what Redis takes where there is one.
func TestTables(t *testing.T) {
	t.Parallel()
	all := measured(6, 2, 2000)
	for i, redis := range map[int]float64{1: 0.25, 2: 0} {
		w := all[i].Window
		w.Memory = map[string]int64{partServer: 30 << 20, partPostgres: 20 << 20, partTool: 10 << 20}
		if i == 2 {
			delete(w.Memory, partServer)
			continue
		}
		w.Processor = map[string]float64{partRedis: redis}
	}
	table := scenarioTable(all, "B")
	for _, want := range []string{"| Redis, s of processor time |", "| 30.0 / 20.0 / 10.0 |", "| – / 20.0 / 10.0 |", "| 0.25 |\n", "| – |\n"} {
		if !strings.Contains(table, want) {
			t.Errorf("the table lacks %q:\n%s", want, table)
		}
	}
	if said := all[1].Window.line(); !strings.Contains(said, "30.0 / 20.0 / 10.0 MiB") || !strings.Contains(said, "Redis 0.25 s") {
		t.Errorf("the line lacks them: %s", said)
	}
	all[1].Window.Processor = nil
	if table := scenarioTable(all, "B"); strings.Contains(table, "Redis") {
		t.Errorf("there is no Redis:\n%s", table)
	}
	for _, table := range []string{"A", "B", "C", "D, step", "H"} {
		w := *all[1].Window
		w.Scenario = table
		lines := strings.Split(scenarioTable([]result{{Window: &w}}, table), "\n")
		if strings.Count(lines[0], "|") != strings.Count(lines[2], "|") || !strings.Contains(lines[2], "20.0") {
			t.Errorf("%s: the columns do not fit:\n%s", table, strings.Join(lines, "\n"))
		}
	}
}

// What takes its time says how far it has come while it does, and nothing afterwards.
func TestDuring(t *testing.T) {
	t.Parallel()
	out := make(heard, 100)
	r := &run{often: time.Millisecond, to: out, began: time.Now()}
	progress, stop := r.counts(4_000, "pages")
	progress(1_234)
	for said := ""; !strings.Contains(said, "1,234 of 4,000 pages"); {
		select {
		case said = <-out:
		case <-time.After(10 * time.Second):
			t.Fatal("nothing is said")
		}
	}
	stop()
	for len(out) > 0 {
		<-out
	}
	r.say("the end")
	if said := <-out; !strings.Contains(said, "the end") {
		t.Errorf("it goes on: %s", said)
	}
	b := newBoard(1, schedule{rate: 10, length: time.Second}, 5)
	b.begin = time.Now()
	b.fired(0, b.begin)
	b.receive(0, true, b.begin)
	if got := b.far(); got != "1 of 10 sent, 1 of 50 deliveries, 0 failed" {
		t.Errorf("got %s", got)
	}
}

// heard hands on what is written.
type heard chan string

func (h heard) Write(b []byte) (int, error) {
	select {
	case h <- string(b):
	default: // nobody listens so fast
	}
	return len(b), nil
}

func TestPage(t *testing.T) {
	t.Parallel()
	all := measured(6, 2, 2000)
	all[1].Window.Times[timeDelivered] = spread{N: 9, P50: 1, P95: 6, Curve: [][2]float64{{50, 1}, {95, 6}, {100, 9}}}
	text, err := htmlPage(all, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<svg", "<table>", "B: direct conversations", "NaN"} {
		if strings.Contains(text, want) == (want == "NaN") {
			t.Errorf("%q", want)
		}
	}
	for _, fetched := range []string{"<script", "src=", "href=", "@import", "url("} {
		if strings.Contains(text, fetched) {
			t.Errorf("the page fetches: %s", fetched)
		}
	}
}
