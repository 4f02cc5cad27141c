package realtime

import (
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"parley/chat"
)

// FuzzFrame looks for frames of a page that make receiving panic, or put into the queue what no page may say.
func FuzzFrame(f *testing.F) {
	const id = `"0193b1c8-6f2a-7c3e-9d4b-1f2e3d4c5b6a"`
	for _, seed := range []string{
		"", "{", "[]", "null", "\x00\xff", `{"type":7}`, `{"type":"dance"}`, `{"type":"typing"}`, `{"type":"leave"}`, `{"type":"open"}`,
		`{"type":"open","conversation":` + id + `,"epoch":"e","after":7,"view":3,"at":1,"drafted":true}`,
		`{"type":"open","conversation":` + id + `,"after":1e99}`, `{"type":"open","conversation":"x"}`, `{"TYPE":"open","type":"leave"}`,
		`{"type":"ack"}`, `{"type":"ack","positions":null}`, `{"type":"ack","positions":{"x":{}}}`,
		`{"type":"ack","positions":{` + id + `:{"delivered":5,"read":4}}}`, `{"type":"ack","positions":{` + id + `:{"delivered":-1,"read":4}}}`,
		`{"type":"ack","positions":{` + id + `:{"read":9223372036854775807},"{0193b1c8-6f2a-7c3e-9d4b-1f2e3d4c5b6a}":{"read":1}}}`,
		`{"type":"watch"}`, `{"type":"watch","people":[` + id + `,` + id + `]}`, `{"type":"watch","people":["x"]}`, `{"type":"watch","people":{}}`,
		`{"type":"activity","state":"hidden"}`, `{"type":"activity","state":"active"}`, `{"type":"activity","state":7}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		h := New(slog.New(slog.DiscardHandler), Timing{})
		h.ended = true // what a frame sets off is another test's; here is looked at what it may set off
		s := &Socket{hub: h, viewer: chat.Viewer{Person: chat.Person{Card: chat.Card{ID: chat.NewID()}}}, limit: rate.NewLimiter(rate.Inf, 1), acks: rate.NewLimiter(rate.Inf, 1)}
		s.use = h.roster.enter(s.viewer.ID, false, time.Now(), time.Now())
		s.receive(message)
		if n := len(s.shown.looks); n > chat.MaxWatched || n > 0 && !json.Valid(message) {
			t.Errorf("%q lets %d be watched", message, n)
		}
		if s.sub != nil || s.visit > 1 {
			t.Errorf("%q opened %v on visit %d", message, s.sub, s.visit)
		}
		positions := h.positions.take()
		if len(positions) > maxPositions || len(positions) > 0 && !json.Valid(message) {
			t.Errorf("%q gave %d positions", message, len(positions))
		}
		for _, p := range positions {
			if p.PersonID != s.viewer.ID || p.Delivered < 0 || p.Read < 0 {
				t.Errorf("%q gave %+v", message, p)
			}
		}
	})
}
