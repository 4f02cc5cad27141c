//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/olahol/melody"

	"parley/chaos/process"
)

func TestStates(t *testing.T) {
	t.Parallel()
	frame := presenceFrame("anna", stateAway) + `</span><span data-presence=\"ben\"></span><span class=\"presence\" data-presence=\"cem\" data-state=\"\"></span>"}`
	var found []string
	states([]byte(frame), func(person, state []byte) { found = append(found, string(person)+" "+string(state)) })
	if !slices.Equal(found, []string{"anna away", "cem "}) {
		t.Errorf("found %q", found)
	}
	if !heardOf([]byte(frame), "anna", stateAway) || heardOf([]byte(frame), "anna", stateOnline) || heardOf([]byte(frame), "cem", stateAway) {
		t.Error("what is heard of whom is not told apart")
	}
	for text, want := range map[string]bool{
		`{"type":"typing","conversation":"c","html":"<p>Anna writes</p>"}`: true, `{"type":"typing","conversation":"c","html":""}`: false,
		`{"type":"typing","conversation":"c"}`: false,
	} {
		if writes([]byte(text)) != want {
			t.Errorf("%s: writing is %t", text, !want)
		}
	}
}

// trial is a run whose scenarios are over soon.
func trial(t *testing.T) *run {
	t.Helper()
	r := &run{
		to: io.Discard, began: time.Now(), folder: t.TempDir(),
		sizes: sizes{warm: 100 * time.Millisecond, length: 400 * time.Millisecond, gone: 20, away: 100 * time.Millisecond, watched: 4},
	}
	var err error
	if r.records, err = newRecords(filepath.Join(r.folder, "results")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.records.file.Close() })
	return r
}

var here = []part{{partServer, os.Getpid(), false}, {partTool, os.Getpid(), false}}

// What one page says and another one is brought is measured by the sockets that the floor relays between.
func TestSigns(t *testing.T) {
	t.Parallel()
	addr, err := process.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = bareMelody(addr) }()
	c := &caller{addr: addr}
	t.Cleanup(c.close)
	if err := process.Until(t.Context(), 10*time.Second, func(ctx context.Context) error {
		_, err := c.do(ctx, request{method: "GET", path: "/"})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	const pairs = 20 // so that nobody's next sign is due before the last one can have come
	var people []string
	var plain []int
	for i, g := range crowd(pairs) {
		people, plain = append(people, g.id), append(plain, i)
	}
	fill := func(name, to string) *hall {
		t.Helper()
		h := &hall{addr: addr}
		t.Cleanup(h.leave)
		nothing := newTimes()
		failed, err := h.fill(t.Context(), 2*pairs, func(n int) (string, guest) {
			return fmt.Sprintf("/ws?hello=0&seat=%s%d&to=%s%d&frame=300&of=%s", name, n, to, n^1, people[n/2]), guest{}
		}, nothing, nothing, func(int) {})
		if err != nil || failed > 0 {
			t.Fatalf("%d failed, %v", failed, err)
		}
		h.sort()
		return h
	}
	r := trial(t)
	kinds := []signals{typing(pairs, 2), edges(plain, people, 50)}
	err = r.together(t.Context(), []*hall{fill("writers", "writers"), fill("restless", "restless")}, kinds, subjectFloor, here)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		of    string
		sends int
	}{{"typing, 80/s", 32}, {"presence, 50/s", 20}} {
		w := r.records.all[i].Window
		if w.Case != want.of || w.Sends != want.sends || w.Deliveries != want.sends || w.value(valueBrought) != 1 || w.Failed+w.Lost+w.Doubled != 0 ||
			w.value(valueFrame) != 300 || w.Sockets != 2*pairs || w.Times[timeDelivered].P50 <= 0 {
			t.Errorf("%+v", w)
		}
	}
	// Where nothing comes, that is seen: a signal has no number, and nothing else may be taken for it.
	r = trial(t)
	if err := r.together(t.Context(), []*hall{fill("lonely", "nobody")}, kinds[1:], subjectParley, here); err != nil {
		t.Fatal(err)
	}
	if got := said(regressions(r.records.all, nil, nil)); !strings.Contains(got, "nothing of it was heard") {
		t.Errorf("it is well that nothing is heard: %s", got)
	}
}

// fake is a server that knows who is there, and nothing else.
type fake struct {
	deaf bool // it is from before presence

	mu       sync.Mutex
	there    map[string]int
	watchers map[string]map[*melody.Session]bool
}

func (f *fake) serve(t *testing.T) (addr string) {
	t.Helper()
	f.there, f.watchers = map[string]int{}, map[string]map[*melody.Session]bool{}
	m := melody.New()
	m.Config.MaxMessageSize = 16 << 10
	state := func(person string) string {
		if f.there[person] > 0 {
			return stateOnline
		}
		return "offline"
	}
	moves := func(s *melody.Session, by int) {
		who, _ := s.Get("who")
		f.mu.Lock()
		defer f.mu.Unlock()
		f.there[who.(string)] += by
		for watcher := range f.watchers[who.(string)] {
			_ = watcher.Write([]byte(presenceFrame(who.(string), state(who.(string))) + `"}`))
		}
	}
	m.HandleConnect(func(s *melody.Session) {
		_ = s.Write([]byte(`{"type":"hello"}`))
		moves(s, 1)
	})
	m.HandleDisconnect(func(s *melody.Session) {
		f.mu.Lock()
		for _, all := range f.watchers {
			delete(all, s)
		}
		f.mu.Unlock()
		moves(s, -1)
	})
	m.HandleMessage(func(s *melody.Session, text []byte) {
		var said struct {
			Type   string   `json:"type"`
			People []string `json:"people"`
		}
		if err := json.Unmarshal(text, &said); err != nil || said.Type != "watch" || f.deaf {
			return
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		var answer strings.Builder
		answer.WriteString(`{"type":"presence","html":"`)
		for _, person := range said.People {
			if f.watchers[person] == nil {
				f.watchers[person] = map[*melody.Session]bool{}
			}
			f.watchers[person][s] = true
			fmt.Fprintf(&answer, `<span data-presence=\"%s\" data-state=\"%s\"></span>`, person, state(person))
		}
		answer.WriteString(`"}`)
		_ = s.Write([]byte(answer.String()))
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, err := r.Cookie("who")
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_ = m.HandleRequestWithKeys(w, r, map[string]any{"who": who.Value})
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// crowd is so many people.
func crowd(n int) (people []guest) {
	for i := range n {
		people = append(people, guest{id: fmt.Sprintf("person%d", i), cookie: fmt.Sprintf("who=person%d", i)})
	}
	return people
}

func TestAnswered(t *testing.T) {
	t.Parallel()
	people := crowd(4)
	ask := func(f *fake, watch map[int]string, patience time.Duration) (map[int]string, error) {
		h := &hall{addr: f.serve(t)}
		t.Cleanup(h.leave)
		nothing := newTimes()
		if failed, err := h.fill(t.Context(), len(people), func(n int) (string, guest) { return "/ws", people[n] }, nothing, nothing, func(int) {}); err != nil || failed > 0 {
			t.Fatalf("%d failed, %v", failed, err)
		}
		h.sort()
		return answered(t.Context(), h, watch, patience)
	}
	r := trial(t)
	got, err := ask(&fake{}, map[int]string{1: "person0", 3: "person2"}, time.Minute)
	if err != nil || got[1] != stateOnline || got[3] != stateOnline {
		t.Errorf("%v, %v", got, err)
	}
	if plain, err := r.plain(got, 2); err != nil || !slices.Equal(plain, []int{0, 1}) {
		t.Errorf("%v, %v", plain, err)
	}
	got, err = ask(&fake{}, map[int]string{1: "nobody", 3: "person2"}, 500*time.Millisecond)
	if plain, failed := r.plain(got, 2); err != nil || failed != nil || !slices.Equal(plain, []int{1}) {
		t.Errorf("%v, %v, %v", plain, err, failed)
	}
	if _, err := r.plain(map[int]string{1: "busy"}, 1); err == nil || errors.Is(err, errNoPresence) {
		t.Errorf("nobody to be seen: %v", err)
	}
	// A server from before presence answers nobody: that is said, and no failure.
	got, err = ask(&fake{deaf: true}, map[int]string{1: "person0"}, 100*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	out := make(heard, 10)
	r.to = out
	parts := 0
	err = r.unlessOlder(t.Context(), func(context.Context) error {
		_, err := r.plain(got, 1)
		return err
	}, func(context.Context) error { parts++; return nil })
	if said := <-out; err != nil || parts != 0 || !strings.Contains(said, "skipped: the server does not answer who watches") {
		t.Errorf("%v, %d parts went on: %s", err, parts, said)
	}
	failure := errTest{}
	if err := r.unlessOlder(t.Context(), func(context.Context) error { parts++; return nil }, func(context.Context) error { return failure }); !errors.Is(err, failure) || parts != 1 {
		t.Errorf("%v after %d parts", err, parts)
	}
	if err := r.presence(t.Context()); err != nil || !strings.Contains(<-out, "skipped: the short run") {
		t.Errorf("the short run has one: %v", err)
	}
}

// Sockets go and come back, and what is heard of that is counted.
func TestChurn(t *testing.T) {
	t.Parallel()
	r, people := trial(t), crowd(40)
	f := &fake{}
	h := &hall{addr: f.serve(t)}
	t.Cleanup(h.leave)
	nothing := newTimes()
	if failed, err := h.fill(t.Context(), len(people), func(n int) (string, guest) { return "/ws", people[n] }, nothing, nothing, func(int) {}); err != nil || failed > 0 {
		t.Fatalf("%d failed, %v", failed, err)
	}
	h.sort()
	for turn, many := range []int{0, 3} {
		before := slices.Clone(h.seats)
		w := &window{Scenario: "E2", Subject: subjectParley}
		if err := r.churn(t.Context(), h, people, many, turn, here, w); err != nil {
			t.Fatal(err)
		}
		var others []int
		for i, s := range h.seats {
			if s != before[i] {
				others = append(others, i)
			}
			select {
			case <-s.ended:
				t.Errorf("the socket %d did not come back", i)
			default:
			}
		}
		if len(others) != 12 || others[0] != turn || w.Sends != 8 || w.Failed != 0 || w.Sockets != 40 || w.Seconds <= 0 {
			t.Errorf("%d went: %v; %+v", len(others), others, w)
		}
		if frames := w.value(valueSignFrames); (frames > 0) != (many > 0) {
			t.Errorf("each watches %d: %g frames", many, frames)
		}
	}
	r.sizes.gone = 100
	if err := r.churn(t.Context(), h, people, 0, 0, here, &window{}); err == nil {
		t.Error("more go than there are")
	}
}

// Everybody goes at once and comes back at once, and what they hear of each other is counted until nothing more comes.
func TestStorm(t *testing.T) {
	t.Parallel()
	r, people := trial(t), crowd(10)
	f := &fake{}
	h := &hall{addr: f.serve(t)}
	t.Cleanup(h.leave)
	if err := r.arrive(t.Context(), h, people); err != nil {
		t.Fatal(err)
	}
	dropped := false
	w := &window{Scenario: "E3", Case: "x", Subject: subjectParley}
	err := r.storm(t.Context(), h, people, func() error {
		dropped = len(h.seats) == 0
		return nil
	}, func() []part { return here }, w)
	// Each has one answer of four people, and hears of each of the four who come later, and of old sockets that end late.
	frames, of := w.value(valueSignFrames), w.value(valueSignPeople)
	if err != nil || !dropped || w.Sockets != 10 || frames < 10 || frames > 10+2*10*4 || of != frames-10+10*4 || w.value(valueBack) <= 0 || w.value(valueSignSocket) != frames/10 {
		t.Errorf("%v, %t, %+v", err, dropped, w)
	}
	if got := said(regressions([]result{{Window: w}}, nil, nil)); got != "" {
		t.Error(got)
	}
}

// What is wrong with presence is told, each with its twin that is well.
func TestPresenceGate(t *testing.T) {
	t.Parallel()
	values := func(name string, value float64, more ...float64) map[string]float64 {
		v := map[string]float64{name: value}
		if len(more) > 0 {
			v[valueSignFrames] = more[0]
		}
		return v
	}
	heard := func(of string, p95, brought float64, failed int) window {
		return window{Scenario: "E1", Case: of, Subject: subjectParley, Sends: 1000, Failed: failed, Times: map[string]spread{timeDelivered: {N: 9, P95: p95}}, Values: values(valueBrought, brought)}
	}
	for name, test := range map[string]struct {
		w    window
		want string
	}{
		"who writes is heard of":           {heard("typing, 1/s", 49, 0.5, 1), ""},
		"too late":                         {heard("typing, 1/s", 50, 1, 0), "after 50 ms"},
		"never":                            {heard("typing, 1/s", 0, 0, 0), "nothing of it was heard"},
		"it cannot be said":                {heard("typing, 1/s", 1, 1, 2), "2 of 1000 could not be said"},
		"nothing is said":                  {window{Scenario: "E1", Case: "typing, 1/s", Subject: subjectParley}, "nothing was said"},
		"who is there is heard of":         {heard("presence, 1/s", 49, 0.999, 0), ""},
		"not of all":                       {heard("presence, 1/s", 49, 0.998, 0), "99.80 % of it was heard"},
		"coming and going is cheap":        {window{Scenario: "E2", Subject: subjectParley, Sends: 1000, Failed: 1, Values: values(valuePresence, 0.05, 9)}, ""},
		"and is not":                       {window{Scenario: "E2", Subject: subjectParley, Values: values(valuePresence, 0.051, 9)}, "5.1 % of a core"},
		"nobody hears of it":               {window{Scenario: "E2", Subject: subjectParley, Values: values(valuePresence, 0, 0)}, "nothing is heard"},
		"nobody watches":                   {window{Scenario: "E2", Subject: subjectParley, Values: values(valueCores, 0.1)}, ""},
		"some do not come back":            {window{Scenario: "E2", Subject: subjectParley, Sends: 1000, Failed: 2}, "2 of 1000 did not come back"},
		"a storm is small":                 {window{Scenario: "E3", Subject: subjectParley, Values: values(valueSignFrames, mostFrames-1)}, ""},
		"a storm is large":                 {window{Scenario: "E3", Subject: subjectParley, Values: values(valueSignFrames, mostFrames)}, "400000 frames"},
		"a storm of which nobody is heard": {window{Scenario: "E3", Subject: subjectParley}, "0 frames"},
	} {
		got := said(regressions([]result{{Window: &test.w}}, nil, nil))
		if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
	// Beside the floor there is a bound, whatever was accepted.
	pair := func(p95 float64) []result {
		own, floor := heard("typing, 1/s", p95, 1, 0), heard("typing, 1/s", 2, 1, 0)
		floor.Subject = subjectFloor
		return []result{{Window: &own}, {Window: &floor}}
	}
	if got := said(regressions(pair(8), ratios(pair(8)), nil)); got != "" {
		t.Error(got)
	}
	if got := said(regressions(pair(9), ratios(pair(9)), nil)); !strings.Contains(got, "4.50 times the floor; 4 is the bound") {
		t.Errorf("got %q", got)
	}
	for _, table := range []string{"E1", "E2", "E3"} {
		w := heard("x", 1, 1, 0)
		w.Scenario = table
		lines := strings.Split(scenarioTable([]result{{Window: &w}}, table), "\n")
		if len(lines) < 3 || strings.Count(lines[0], "|") != strings.Count(lines[2], "|") {
			t.Errorf("%s: the columns do not fit:\n%s", table, strings.Join(lines, "\n"))
		}
	}
}
