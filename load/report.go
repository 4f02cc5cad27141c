//go:build linux

package main

import (
	_ "embed"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// line is what a window says on a terminal.
func (w *window) line() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-6s %-14s", w.Subject, w.Case)
	say := func(name, of string) {
		if t, there := w.Times[of]; there && t.N > 0 {
			fmt.Fprintf(&b, "  %s %s/%s/%s ms", name, short(t.P50), short(t.P95), short(t.P99))
		}
	}
	say("sign up", "register")
	say("log in", "login")
	say("hello", timeEstablish)
	say("delivered", timeDelivered)
	say("stored", timeStored)
	say("to 95 %", time95)
	for _, v := range []struct {
		name, words string
		scale       float64
		unit        string
	}{
		{valuePerSocket, "a socket", 1.0 / 1024, "KiB"}, {valueIdle, "idle", 100, "% of a core"}, {valuePer1000, "1,000 sends", 1, "s"},
		{valuePerDelivery, "a delivery", 1, "µs"}, {valueHighest, "highest", 1, "sends/s"}, {valueCold, "cold", 1000, "ms"},
		{valueWarm, "warm", 1000, "ms"}, {valueResident, "memory", 1.0 / (1 << 20), "MiB"}, {valueBinary, "binary", 1.0 / (1 << 20), "MiB"},
		{valueBrought, "heard", 100, "%"}, {valueCores, "server", 100, "% of a core"}, {valuePresence, "of it presence", 100, "%"},
		{valueSignFrames, "presence in", 1, "frames"}, {valueBack, "back after", 1, "s"},
	} {
		if value, there := w.Values[v.name]; there {
			fmt.Fprintf(&b, "  %s %s %s", v.words, short(value*v.scale), v.unit)
		}
	}
	if w.Lost+w.Doubled+w.Failed > 0 && !w.GaveUp {
		fmt.Fprintf(&b, "  LOST %d, DOUBLED %d, FAILED %d", w.Lost, w.Doubled, w.Failed)
	}
	if len(w.Memory) > 0 {
		fmt.Fprintf(&b, "  %s MiB", w.memories())
	}
	if seconds, there := w.Processor[partRedis]; there {
		fmt.Fprintf(&b, "  Redis %s s", short(seconds))
	}
	fmt.Fprintf(&b, "  (tool %.0f %%, others %.0f %%, loop %.0f ms)", 100*w.Tool, 100*w.Others, w.Machine.Loop)
	if w.GaveUp {
		b.WriteString("  given up")
	}
	if w.Unmeasured != "" {
		b.WriteString("  UNMEASURED: " + w.Unmeasured)
	}
	return b.String()
}

// short writes a number with as many digits as mean something.
func short(n float64) string {
	switch {
	case n == 0:
		return "0"
	case n < 10:
		return fmt.Sprintf("%.2f", n)
	case n < 100:
		return fmt.Sprintf("%.1f", n)
	case n < 1000:
		return fmt.Sprintf("%.0f", n)
	}
	digits := fmt.Sprintf("%.0f", n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// whole writes a number of things.
func whole[N int | int64](n N) string {
	if n < 1000 {
		return strconv.FormatInt(int64(n), 10)
	}
	return short(float64(n))
}

// markdown is a table.
func markdown(head []string, rows [][]string) string {
	var b strings.Builder
	b.WriteString("| " + strings.Join(head, " | ") + " |\n|" + strings.Repeat("---|", len(head)) + "\n")
	for _, row := range rows {
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
	}
	return b.String()
}

// ratioTable is what a run came to; accepted may be nil.
func ratioTable(now []ratio, accepted map[string]float64) string {
	var rows [][]string
	for _, r := range now {
		value, goal := short(r.Value), "≤ "+short(r.Goal)
		if r.Higher {
			goal = "≥ " + short(r.Goal)
		}
		switch {
		case r.Unmeasured != "":
			value = "unmeasured (" + r.Unmeasured + ")"
		case r.Off != "":
			value += " (the machine was not itself: " + r.Off + ")"
		case r.reached():
			value += " ✓"
		default:
			value += " ✗"
		}
		name := r.Name
		if r.Held > 0 {
			name += " (" + whole(r.Held) + " held)"
		}
		row := []string{name, value, goal, short(r.Parley) + " " + r.Unit, short(r.Floor) + " " + r.Unit}
		if accepted != nil {
			last := "–"
			if a, there := accepted[r.Name]; there {
				last = short(a)
			}
			row = append(row, last)
		}
		rows = append(rows, row)
	}
	head := []string{"", "Ratio to the floor", "Goal", "Parley", "Floor"}
	if accepted != nil {
		head = append(head, "Accepted")
	}
	return markdown(head, rows)
}

// runOf is what the last run was; nil where none says so.
func runOf(all []result) (last *about) {
	for _, one := range all {
		if one.Run != nil {
			last = one.Run
		}
	}
	return last
}

// runsOf splits results into those of each run.
func runsOf(all []result) (runs [][]result) {
	for _, one := range all {
		if one.Run != nil || len(runs) == 0 {
			runs = append(runs, nil)
		}
		runs[len(runs)-1] = append(runs[len(runs)-1], one)
	}
	return runs
}

// machineText says where and how it was measured.
func machineText(all []result) string {
	a := runOf(all)
	if a == nil {
		return "Nothing is known of the machine.\n"
	}
	var loops, others []float64
	for _, one := range all {
		if w := one.Window; w != nil && w.Machine.Loop > 0 {
			loops, others = append(loops, w.Machine.Loop), append(others, w.Others)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Measured %s, Parley %s, by `%s`: %d cores (%s), %s GiB, Linux %s, %s.", a.At.UTC().Format("2006-01-02 15:04 UTC"), a.Version,
		a.Command, a.Cores, a.Processor, short(float64(a.Memory)/(1<<30)), a.Kernel, a.Go)
	fmt.Fprintf(&b, " Server, PostgreSQL and this tool share them. There were %s people, %s conversations and %s messages.",
		short(float64(a.People)), short(float64(a.Talks)), short(float64(a.Messages)))
	if !a.Acks {
		b.WriteString(" Pages did not say what they had got.")
	}
	if a.Redis {
		b.WriteString(" The server had a Redis.")
	}
	if a.Forgets {
		b.WriteString(" **The data lay in memory: nothing was durable.**")
	}
	if len(loops) > 0 {
		sort.Float64s(loops)
		sort.Float64s(others)
		fmt.Fprintf(&b, " The calibration loop took %s to %s ms (median %s), and all else took up to %.0f %% of the machine.",
			short(loops[0]), short(loops[len(loops)-1]), short(loops[len(loops)/2]), 100*others[len(others)-1])
	}
	return b.String() + "\n"
}

func triple(t spread) string {
	if t.N == 0 {
		return "–"
	}
	return short(t.P50) + " / " + short(t.P95) + " / " + short(t.P99)
}

func percent(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }

// noted is a figure, and what has to be known of it.
func (w *window) noted(text string) string {
	switch {
	case w.Unmeasured != "":
		return text + " (unmeasured)"
	case w.GaveUp:
		return text + " (given up)"
	}
	return text
}

// table is one scenario's absolute figures.
func scenarioTable(all []result, scenario string) string {
	const held = "Memory of server / PostgreSQL / tool, MiB"
	redis := slices.ContainsFunc(all, func(one result) bool {
		if one.Window == nil {
			return false
		}
		_, there := one.Window.Processor[partRedis]
		return there
	})
	heads := map[string][]string{
		"A":       {"", "", "Held", "Agreed, p50 / p95 / p99 ms", "Greeted, p50 / p95 / p99 ms", "A socket, KiB", "Idle, % of a core", "Processor time for one, ms", "Failed", held, "Tool"},
		"B":       {"", "", "Due → read by the other or stored, p50 / p95 / p99 ms", "Due → answered", "Server, s for 1,000", "PostgreSQL, s for 1,000", "Sent", "Lost, doubled, failed", held, "Tool"},
		"C":       {"", "", "To 50 %, p50 / p95 / p99 ms", "To 95 %", "To all", "Server, µs a delivery", "Frame, bytes", "Lost, doubled, failed", held, "Tool"},
		"D, step": {"", "", "Due → read by the other or stored, p50 / p95 / p99 ms", "Due → answered", "Server, s for 1,000", "PostgreSQL, s for 1,000", "Sent", "Lost, doubled, failed", held, "Tool"},
		"E1":      {"", "", "Due → heard by the other, p50 / p95 / p99 ms", "Heard", "Frame, bytes", "Said", "Failed", held, "Tool"},
		"E2":      {"", "Sockets", "Went and came back", "Server, % of a core", "Of it for presence", "PostgreSQL, % of a core", "Frames of presence", held, "Tool"},
		"E3":      {"", "Sockets", "All back after, s", "Frames of presence", "For a socket", "People in them", "Server, s", "PostgreSQL, s", held, "Tool"},
		"H":       {"", "Cold, s", "Warm, s", "Idle memory, MiB", "PostgreSQL's, MiB", "The tool's, MiB", "Idle, % of a core", "Binary, MiB"},
	}
	var rows [][]string
	for _, of := range cases(all, scenario) {
		for _, subject := range []string{subjectParley, subjectFloor} {
			w := find(all, scenario, of, subject)
			if w == nil {
				continue
			}
			who := []string{of, subject}
			bad := fmt.Sprintf("%d, %d, %d", w.Lost, w.Doubled, w.Failed)
			if w.GaveUp {
				bad = fmt.Sprintf("%d, %d, –", w.Lost, w.Doubled)
			}
			mib := func(bytes float64) string { return short(bytes / (1 << 20)) }
			per1000 := func(part string) string {
				if w.GaveUp {
					return "–"
				}
				return short(1000 * w.Processor[part] / float64(max(1, w.Sends)))
			}
			switch scenario {
			case "A":
				rows = append(rows, append(who, whole(w.Sockets), triple(w.Times[timeUpgrade]), w.noted(triple(w.Times[timeEstablish])), short(w.value(valuePerSocket)/1024),
					short(100*w.value(valueIdle)), short(w.value("processor_per_socket_ms")), fmt.Sprint(w.Failed+w.Lost), w.memories(), percent(w.Tool)))
			case "B", "D, step":
				way := w.Times[timeDelivered]
				if subject == subjectFloor {
					way = w.Times[timeStored]
				}
				rows = append(rows, append(who, w.noted(triple(way)), triple(w.Times[timeAnswered]), per1000(partServer), per1000(partPostgres),
					fmt.Sprint(w.Sends), bad, w.memories(), percent(w.Tool)))
			case "C":
				rows = append(rows, append(who, triple(w.Times[time50]), w.noted(triple(w.Times[time95])), triple(w.Times[time100]),
					short(w.value(valuePerDelivery)), short(w.value(valueFrame)), bad, w.memories(), percent(w.Tool)))
			case "E1":
				rows = append(rows, append(who, w.noted(triple(w.Times[timeDelivered])), fmt.Sprintf("%.2f %%", 100*w.value(valueBrought)),
					short(w.value(valueFrame)), fmt.Sprint(w.Sends), fmt.Sprint(w.Failed), w.memories(), percent(w.Tool)))
			case "E2":
				presence := "–"
				if took, there := w.Values[valuePresence]; there {
					presence = fmt.Sprintf("%.1f", 100*took)
				}
				rows = append(rows, []string{of, whole(w.Sockets), w.noted(fmt.Sprint(w.Sends - w.Failed)), short(100 * w.value(valueCores)), presence,
					short(100 * w.Processor[partPostgres] / max(1, w.Seconds)), whole(int(w.value(valueSignFrames))), w.memories(), percent(w.Tool)})
			case "E3":
				rows = append(rows, []string{of, whole(w.Sockets), w.noted(short(w.value(valueBack))), whole(int(w.value(valueSignFrames))),
					short(w.value(valueSignSocket)), whole(int(w.value(valueSignPeople))), short(w.Processor[partServer]), short(w.Processor[partPostgres]),
					w.memories(), percent(w.Tool)})
			case "H":
				rows = append(rows, []string{of, short(w.value(valueCold)), short(w.value(valueWarm)), mib(w.value(valueResident)),
					mib(float64(w.Memory[partPostgres])), mib(float64(w.Memory[partTool])), short(100 * w.value(valueIdle)), mib(w.value(valueBinary))})
			}
			if redis {
				took := "–"
				if seconds, there := w.Processor[partRedis]; there {
					took = short(seconds)
				}
				rows[len(rows)-1] = append(rows[len(rows)-1], took)
			}
		}
	}
	if len(rows) == 0 {
		return ""
	}
	head := heads[scenario]
	if redis {
		head = append(head, "Redis, s of processor time")
	}
	return markdown(head, rows)
}

// memories are what those held who have a part in a window, at its end; a floor has no PostgreSQL of its own.
func (w *window) memories() string {
	var all []string
	for _, part := range []string{partServer, partPostgres, partTool} {
		bytes, there := w.Memory[part]
		if !there {
			all = append(all, "–")
			continue
		}
		all = append(all, short(float64(bytes)/(1<<20)))
	}
	return strings.Join(all, " / ")
}

// growthTable compares runs with different numbers of messages: what B costs as a database grows.
func growthTable(all []result) string {
	var rows [][]string
	for _, one := range runsOf(all) {
		a := runOf(one)
		if a == nil {
			continue
		}
		for _, of := range cases(one, "B") {
			if w := find(one, "B", of, subjectParley); w != nil {
				rows = append(rows, []string{short(float64(a.Messages)), short(float64(a.People)), of, w.noted(triple(w.Times[timeDelivered])), short(w.value(valuePer1000))})
			}
		}
	}
	if len(rows) < 2 {
		return ""
	}
	return markdown([]string{"Messages before", "People", "", "Due → read by the other, p50 / p95 / p99 ms", "Server and PostgreSQL, s for 1,000"}, rows)
}

// peersTable has the peers' figures beside ours; theirs were measured on a machine of the same size, with ranges, since
// machines are noisy.
func peersTable(all []result) string {
	value := func(scenario, of string, figure func(*window) string) string {
		if w := find(all, scenario, of, subjectParley); w != nil {
			return w.noted(figure(w))
		}
		return "–"
	}
	rows := [][]string{
		{"D: highest rate with p95 ≤ 100 ms, nothing lost", value("D", highest, func(w *window) string { return short(w.value(valueHighest)) + "/s" }), "≥ 2,000/s", "180 to 300/s", "10,100/s"},
		{"B: p50 / p95 at 200/s", value("B", "200 sends/s", func(w *window) string {
			t := w.Times[timeDelivered]
			return short(t.P50) + " / " + short(t.P95) + " ms"
		}), "≤ 2 / 5 ms", "2.9 / 5 to 16 ms", "0.47 / 0.62 ms"},
		{"B: server and PostgreSQL for 1,000 sends", value("B", "200 sends/s", func(w *window) string { return short(w.value(valuePer1000)) + " s" }), "≤ 0.6 s", "5.6 s", "0.5 s"},
		{"C: 1,000 members, time to 95 %, at 10/s", value("C", "10 sends/s", func(w *window) string { return short(w.Times[time95].P50) + " ms" }), "≤ 12 ms", "33 ms", "17 ms"},
		{"C: server time for a delivery", value("C", "10 sends/s", func(w *window) string { return short(w.value(valuePerDelivery)) + " µs" }), "≤ 12 µs", "41 µs", "21 µs"},
		{"A: memory for an idle socket at 10,000", value("A", "10000 sockets", func(w *window) string { return short(w.value(valuePerSocket)/1024) + " KiB" }), "≤ 20 KiB", "74 KiB", "46 KiB"},
		{"A: establishment p95, 64 at once", value("A", "10000 sockets", func(w *window) string { return short(w.Times[timeEstablish].P95) + " ms" }), "≤ 45 ms", "100 ms", "20 ms"},
		{"H: warm start; idle memory", value("H", "start", func(w *window) string {
			return short(w.value(valueWarm)) + " s; " + short(w.value(valueResident)/(1<<20)) + " MiB"
		}), "≤ 0.3 s; ≤ 50 MB", "0.4 s; 124 MB", "0.1 s; 55 MB"},
	}
	for _, of := range cases(all, "E1") {
		rows = append(rows, []string{"E: " + of + ", p95", value("E1", of, func(w *window) string { return short(w.Times[timeDelivered].P95) + " ms" }), "≤ 1 ms", "–", "–"})
	}
	return markdown([]string{"", "Parley", "Aim", "Mattermost 10.9", "Centrifugo 6, which stores nothing"}, rows)
}

// frame is docs/performance.md before anything was measured.
//
//go:embed performance.md
var frame string

// The marks between which the tables stand: what is written by hand around them stays.
const (
	tableBegin = "<!-- measured: "
	tableEnd   = "<!-- end -->"
)

// report is docs/performance.md with the tables of these results. Only what stands between its marks is replaced; before is
// the file as it is, or empty.
func report(all []result, before string) (string, error) {
	if before == "" {
		before = frame
	}
	last := all
	for _, one := range runsOf(all) { // the last whole one: others vary a single thing
		if len(cases(one, "D")) > 0 && len(cases(one, "A")) > 0 {
			last = one
		}
	}
	tables := map[string]func() string{
		"machine": func() string { return machineText(last) },
		"ratios":  func() string { return ratioTable(ratios(last), nil) },
		"peers":   func() string { return peersTable(last) },
		"growth":  func() string { return growthTable(all) },
	}
	for _, scenario := range []string{"A", "B", "C", "E1", "E2", "E3", "H"} {
		tables[scenario] = func() string { return scenarioTable(last, scenario) }
	}
	tables["D"] = func() string { return scenarioTable(last, "D, step") }
	var b strings.Builder
	for rest := before; ; {
		begin := strings.Index(rest, tableBegin)
		if begin < 0 {
			b.WriteString(rest)
			return b.String(), nil
		}
		name, _, ok := strings.Cut(rest[begin+len(tableBegin):], " -->")
		end := strings.Index(rest[begin:], tableEnd)
		if !ok || end < 0 {
			return "", fmt.Errorf("the mark %.40q has no end", rest[begin:])
		}
		table, known := tables[name]
		if !known {
			return "", fmt.Errorf("nothing is measured that is called %q", name)
		}
		b.WriteString(rest[:begin] + tableBegin + name + " -->\n\n")
		if text := table(); text != "" {
			b.WriteString(text + "\n")
		}
		b.WriteString(tableEnd)
		rest = rest[begin+end+len(tableEnd):]
	}
}
