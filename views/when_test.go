package views

import (
	"context"
	"testing"
	"time"
)

func moment(t *testing.T, zone, s string) time.Time {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04", s, Zone(zone))
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestListTime(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, test := range []struct {
		name, zone, at, now, want string
	}{
		{"this minute", "Europe/Berlin", "2026-11-21 14:40", "2026-11-21 14:40", "14:40"},
		{"this morning", "Europe/Berlin", "2026-11-21 00:00", "2026-11-21 23:59", "00:00"},
		{"a clock that is ahead", "Europe/Berlin", "2026-11-22 00:03", "2026-11-21 23:59", "00:03"},
		{"yesterday, a minute before midnight", "Europe/Berlin", "2026-11-20 23:59", "2026-11-21 00:00", "Yesterday"},
		{"two days ago", "Europe/Berlin", "2026-11-19 12:00", "2026-11-21 12:00", "Thu"},
		{"six days ago", "Europe/Berlin", "2026-11-15 00:00", "2026-11-21 23:59", "Sun"},
		{"seven days ago", "Europe/Berlin", "2026-11-14 23:59", "2026-11-21 00:01", "14 Nov"},
		{"last year, six days ago", "Europe/Berlin", "2025-12-28 12:00", "2026-01-03 12:00", "Sun"},
		{"last year", "Europe/Berlin", "2025-12-24 12:00", "2026-01-03 12:00", "24 Dec 2025"},
		{"yesterday, when the clocks went forward", "Europe/Berlin", "2026-03-29 01:30", "2026-03-30 00:15", "Yesterday"},
		{"today, when the clocks go back", "Europe/Berlin", "2026-10-25 00:10", "2026-10-25 23:50", "00:10"},
		{"six days over a change of clocks", "America/New_York", "2026-10-27 23:30", "2026-11-02 00:30", "Tue"},
		{"a day that was skipped", "Pacific/Apia", "2011-12-29 12:00", "2011-12-31 12:00", "Thu"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			at, now := moment(t, test.zone, test.at).UTC(), moment(t, test.zone, test.now).UTC()
			if got := ListTime(ctx, at, now, Zone(test.zone)); got != test.want {
				t.Errorf("got %q, wanted %q", got, test.want)
			}
		})
	}
	t.Run("the same moment is another day elsewhere", func(t *testing.T) {
		t.Parallel()
		at, now := moment(t, "UTC", "2026-11-21 02:00"), moment(t, "UTC", "2026-11-21 12:00")
		if got := ListTime(ctx, at, now, Zone("America/Los_Angeles")); got != "Yesterday" {
			t.Errorf("in Los Angeles: %q", got)
		}
		if got := ListTime(ctx, at, now, Zone("Asia/Kathmandu")); got != "07:45" {
			t.Errorf("in Kathmandu: %q", got)
		}
		if got := ListTime(ctx, at, now, nil); got != "02:00" {
			t.Errorf("without a zone: %q", got)
		}
	})
}

func TestDayName(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	now := moment(t, "Europe/Berlin", "2026-11-21 14:40")
	for at, want := range map[string]string{
		"2026-11-21 00:00": "Today",
		"2026-11-20 23:59": "Yesterday",
		"2026-11-19 12:00": "Thursday, 19 November",
		"2026-01-01 12:00": "Thursday, 1 January",
		"2025-12-31 12:00": "Wednesday, 31 December 2025",
		"2026-11-22 00:10": "Sunday, 22 November",
	} {
		if got := DayName(ctx, moment(t, "Europe/Berlin", at), now, Zone("Europe/Berlin")); got != want {
			t.Errorf("%s: got %q, wanted %q", at, got, want)
		}
	}
	if got := FullTime(ctx, now, Zone("Europe/Berlin")); got != "21 November 2026, 14:40" {
		t.Errorf("in full: %q", got)
	}
	if got := FullTime(WithLanguage(ctx, PseudoLanguage), now, nil); got != "⟦21 Ñóṽéɱƀéŕ 2026, 13:40⟧" {
		t.Errorf("in full, in the pseudo-language: %q", got)
	}
}

func TestZone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Nowhere/Land", "../../etc/passwd"} {
		if got := Zone(name); got != time.UTC {
			t.Errorf("%s is %v", name, got)
		}
	}
	if a, b := Zone("Europe/Berlin"), Zone("Europe/Berlin"); a != b || a.String() != "Europe/Berlin" {
		t.Error("a zone is not kept")
	}
}

func TestSplitPattern(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]int{"": 0, "{day} {mon}": 3, "plain": 1, "a } b": 1, "{broken": 1} {
		if got := splitPattern(pattern); len(got) != want {
			t.Errorf("%q: %q", pattern, got)
		}
	}
}
