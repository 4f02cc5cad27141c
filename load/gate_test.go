//go:build linux

package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// measured is a run of B and D with figures that are easily compared.
func measured(p95, floor, rate float64) []result {
	return []result{
		{Run: &about{Cores: 2, Messages: 1000}},
		{Window: &window{Scenario: "B", Case: "200 sends/s", Subject: subjectParley, Times: map[string]spread{timeDelivered: {N: 9, P50: 1, P95: p95}}, Values: map[string]float64{valuePer1000: 1.5}}},
		{Window: &window{Scenario: "B", Case: "200 sends/s", Subject: subjectFloor, Times: map[string]spread{timeStored: {N: 9, P95: floor}}, Values: map[string]float64{valuePer1000: 0.5}}},
		{Window: &window{Scenario: "D", Case: highest, Subject: subjectParley, Values: map[string]float64{valueHighest: rate}}},
		{Window: &window{Scenario: "D", Case: highest, Subject: subjectFloor, Values: map[string]float64{valueHighest: 4000}}},
	}
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
	wrong := func(all []result) string { return strings.Join(regressions(all, ratios(all), accepted), "\n") }
	for name, all := range map[string][]result{
		"the same":           measured(6, 2, 2000),
		"a slower machine":   measured(18, 6, 2000),
		"better":             measured(2, 2, 4000),
		"within the noise":   measured(11, 2, 1300),
		"nothing to compare": {measured(6, 2, 2000)[1]},
	} {
		if got := wrong(all); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
	for name, test := range map[string]struct {
		all  []result
		want string
	}{
		"slower":            {measured(13, 2, 2000), "read by the other"},
		"fewer":             {measured(6, 2, 1000), "highest rate"},
		"beyond any bound":  {measured(101, 40, 2000), "101 ms"},
		"something is lost": {append(measured(6, 2, 2000), result{Window: &window{Scenario: "C", Case: "x", Subject: subjectParley, Lost: 1}}), "1 lost"},
		"doubled":           {append(measured(6, 2, 2000), result{Window: &window{Scenario: "C", Case: "x", Subject: subjectParley, Doubled: 2}}), "2 doubled"},
		"slow to come":      {[]result{{Window: &window{Scenario: "A", Case: "x", Subject: subjectParley, Sockets: 1000, Times: map[string]spread{timeEstablish: {P95: 501}}}}}, "establishment"},
	} {
		if got := wrong(test.all); !strings.Contains(got, test.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
	t.Run("what was not measured is neither worse nor accepted", func(t *testing.T) {
		t.Parallel()
		all := measured(90, 2, 2000)
		all[1].Window.Unmeasured = "the tool took all"
		if got := wrong(all); got != "" {
			t.Error(got)
		}
		path := filepath.Join(t.TempDir(), "baseline.json")
		b, err := readBaseline(path)
		if err != nil {
			t.Fatal(err)
		}
		b.accept(true, ratios(all))
		if err := b.write(path); err != nil {
			t.Fatal(err)
		}
		b, err = readBaseline(path)
		if err != nil || len(b.Brief) != 1 || len(b.Full) != 0 || b.Brief["D highest rate: highest rate"] != 0.5 {
			t.Errorf("%+v, %v", b, err)
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
