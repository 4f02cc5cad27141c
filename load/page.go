//go:build linux

package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// htmlPage is the report of results: one page that fetches nothing.
func htmlPage(all []result, _ string) (string, error) {
	runs := runsOf(all)
	if len(runs) > 0 {
		all = runs[len(runs)-1]
	}
	var b strings.Builder
	b.WriteString("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">" +
		"<title>Parley: what it costs</title><style>" + pageStyle + "</style><main><h1>What Parley costs</h1>")
	fmt.Fprintf(&b, "<p>%s</p>", html.EscapeString(strings.ReplaceAll(machineText(all), "**", "")))
	section := func(title, table string, charts ...string) {
		if table == "" {
			return
		}
		fmt.Fprintf(&b, "<h2>%s</h2><div class=\"charts\">%s</div>%s", html.EscapeString(title), strings.Join(charts, ""), htmlTable(table))
	}
	section("Ratios to the floor", ratioTable(ratios(all), nil))
	section("A: idle sockets", scenarioTable(all, "A"),
		bySockets(all, "memory for a socket, KiB", func(w *window) float64 { return w.value(valuePerSocket) / 1024 }),
		bySockets(all, "establishment p95, ms", func(w *window) float64 { return w.Times[timeEstablish].P95 }),
		bySockets(all, "idle, % of a core", func(w *window) float64 { return 100 * w.value(valueIdle) }))
	section("B: direct conversations", scenarioTable(all, "B"), curves(all, "B", "from due, ms, by percentile", timeDelivered, timeStored))
	section("C: one group", scenarioTable(all, "C"), curves(all, "C", "to 95 % of the members, ms, by percentile", time95, time95))
	section("D: a rising rate", scenarioTable(all, "D, step"), byRate(all))
	section("E: who writes, and who is there", scenarioTable(all, "E1"), curves(all, "E1", "from due, ms, by percentile", timeDelivered, timeDelivered))
	section("E: many come and go", scenarioTable(all, "E2"))
	section("E: all of a group at once", scenarioTable(all, "E3"))
	section("H: starting", scenarioTable(all, "H"))
	section("Beside others", peersTable(all))
	b.WriteString("</main></html>\n")
	return b.String(), nil
}

const pageStyle = `body{font:15px/1.5 system-ui,sans-serif;margin:0;color:#1b1d22;background:#fff}main{max-width:70rem;margin:auto;padding:1rem}` +
	`table{border-collapse:collapse;font-size:13px;display:block;overflow-x:auto}td,th{padding:.25rem .6rem;border-bottom:1px solid #ddd;text-align:start;vertical-align:top}` +
	`.charts{display:flex;flex-wrap:wrap;gap:1rem}svg{max-width:100%}svg text{font:11px system-ui,sans-serif;fill:currentColor}.grid{stroke:#8884;fill:none}` +
	`@media(prefers-color-scheme:dark){body{background:#16181d;color:#e6e8ec}td,th{border-color:#383c45}}`

// htmlTable turns a table of ours into markup.
func htmlTable(table string) string {
	var b strings.Builder
	b.WriteString("<table>")
	for i, line := range strings.Split(strings.TrimSpace(table), "\n") {
		if i == 1 {
			continue
		}
		cell := "td"
		if i == 0 {
			cell = "th"
		}
		b.WriteString("<tr>")
		for _, text := range strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "| "), " |"), " | ") {
			fmt.Fprintf(&b, "<%s>%s</%s>", cell, html.EscapeString(text), cell)
		}
		b.WriteString("</tr>")
	}
	return b.String() + "</table>"
}

// series is one line of a chart.
type series struct {
	name   string
	points [][2]float64
	dashed bool
}

// The colours of lines; each can be told from its neighbours also by who does not see colours, together with the dashes.
var colours = []string{"#2563eb", "#c2410c", "#15803d", "#7e22ce", "#0e7490"}

// chart draws lines. Both axes may be logarithmic; x is where the points' first number goes.
func chart(title string, all []series, logX, logY bool, label func(x float64) string) string {
	const width, height, left, right, top, bottom = 460.0, 280.0, 52.0, 30.0, 28.0, 54.0
	minX, maxX, minY, maxY := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	var xs []float64
	for _, s := range all {
		for _, p := range s.points {
			minX, maxX, minY, maxY = min(minX, p[0]), max(maxX, p[0]), min(minY, p[1]), max(maxY, p[1])
			if len(xs) == 0 || p[0] > xs[len(xs)-1] {
				xs = append(xs, p[0])
			}
		}
	}
	if math.IsInf(minX, 0) {
		return ""
	}
	if maxY <= 0 {
		maxY = 1
	}
	if logY {
		minY = max(minY, maxY/1e5, 1e-3)
	} else {
		minY = 0
	}
	scale := func(n, low, high float64, logarithmic bool) float64 {
		if logarithmic {
			n, low, high = math.Log(max(n, low)), math.Log(low), math.Log(high)
		}
		if high <= low {
			return 0.5
		}
		return (n - low) / (high - low)
	}
	x := func(n float64) float64 { return left + scale(n, minX, maxX, logX)*(width-left-right) }
	y := func(n float64) float64 { return height - bottom - scale(n, minY, maxY, logY)*(height-top-bottom) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %g %g" width="%g" height="%g" role="img" aria-label="%s"><text x="%g" y="16" font-weight="600">%s</text>`,
		width, height, width, height, html.EscapeString(title), left, html.EscapeString(title))
	for i := range 5 {
		at := float64(i) / 4
		n := minY + at*(maxY-minY)
		if logY {
			n = minY * math.Pow(maxY/minY, at)
		}
		fmt.Fprintf(&b, `<path class="grid" d="M%.1f %.1fH%.1f"/><text x="%.1f" y="%.1f" text-anchor="end">%s</text>`, left, y(n), width-right, left-6, y(n)+4, short(n))
	}
	last := math.Inf(-1)
	for _, n := range xs {
		if x(n)-last < 34 {
			continue
		}
		last = x(n)
		fmt.Fprintf(&b, `<path class="grid" d="M%.1f %.1fV%.1f"/><text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`, x(n), top, height-bottom, x(n), height-bottom+15, label(n))
	}
	legend := left
	for i, s := range all {
		colour, dash := colours[i/2%len(colours)], ""
		if s.dashed {
			dash = ` stroke-dasharray="5 4"`
		}
		var path strings.Builder
		for j, p := range s.points {
			step := 'L'
			if j == 0 {
				step = 'M'
			}
			fmt.Fprintf(&path, "%c%.1f %.1f", step, x(p[0]), y(p[1]))
		}
		fmt.Fprintf(&b, `<path d="%s" fill="none" stroke="%s" stroke-width="2"%s/>`, path.String(), colour, dash)
		for _, p := range s.points {
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="2.5" fill="%s"/>`, x(p[0]), y(p[1]), colour)
		}
		row := height - 26 + float64(i%2)*16
		fmt.Fprintf(&b, `<path d="M%.1f %.1fh18" stroke="%s" stroke-width="2"%s/><text x="%.1f" y="%.1f">%s</text>`, legend, row, colour, dash, legend+23, row+4, html.EscapeString(s.name))
		if i%2 == 1 {
			legend += 130
		}
	}
	return b.String() + "</svg>"
}

// both draws Parley's line and the floor's beside it.
func both(line func(subject string) [][2]float64) []series {
	return []series{{name: subjectParley, points: line(subjectParley)}, {name: subjectFloor, points: line(subjectFloor), dashed: true}}
}

func bySockets(all []result, title string, figure func(*window) float64) string {
	lines := both(func(subject string) (points [][2]float64) {
		for _, of := range cases(all, "A") {
			if w := find(all, "A", of, subject); w != nil {
				points = append(points, [2]float64{float64(w.Sockets), figure(w)})
			}
		}
		return points
	})
	return chart(title, lines, false, false, short)
}

func byRate(all []result) string {
	lines := both(func(subject string) (points [][2]float64) {
		for _, of := range cases(all, "D, step") {
			w := find(all, "D, step", of, subject)
			if w == nil {
				continue
			}
			t := w.Times[timeDelivered]
			if subject == subjectFloor {
				t = w.Times[timeStored]
			}
			if t.N > 0 {
				points = append(points, [2]float64{w.Rate, t.P95})
			}
		}
		sortPoints(points)
		return points
	})
	return chart("p95 from due, ms, by sends a second", lines, true, true, short)
}

func sortPoints(points [][2]float64) {
	for i := range points { // a handful
		for j := i; j > 0 && points[j][0] < points[j-1][0]; j-- {
			points[j], points[j-1] = points[j-1], points[j]
		}
	}
}

// curves draws how times are spread: to the right each step has ten times fewer above it.
func curves(all []result, scenario, title, own, floor string) string {
	var lines []series
	rare := func(percentile float64) float64 { return 100 / max(0.01, 100-percentile) }
	for _, of := range cases(all, scenario) {
		for _, subject := range []string{subjectParley, subjectFloor} {
			w := find(all, scenario, of, subject)
			if w == nil {
				continue
			}
			name, dashed := own, false
			if subject == subjectFloor {
				name, dashed = floor, true
			}
			s := series{name: subject + ", " + of, dashed: dashed}
			for _, p := range w.Times[name].Curve {
				if p[0] >= 25 && p[0] < 100 {
					s.points = append(s.points, [2]float64{rare(p[0]), p[1]})
				}
			}
			lines = append(lines, s)
		}
	}
	return chart(title, lines, true, true, func(x float64) string { return fmt.Sprintf("p%.4g", 100-100/x) })
}
