package views

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"
)

// datePatterns are a language's ways of writing dates.
type datePatterns struct {
	short, shortYear, long, longYear, full, at   []string // words and {gaps} in turn
	weekdays, weekdaysShort, months, monthsShort []string
}

func newDatePatterns(plain map[string]string) datePatterns {
	names := func(id string) []string { return strings.Fields(strings.Trim(plain[id], "⟦⟧")) }
	return datePatterns{
		short: splitPattern(plain["date.short"]), shortYear: splitPattern(plain["date.short_year"]),
		long: splitPattern(plain["date.long"]), longYear: splitPattern(plain["date.long_year"]),
		full: splitPattern(plain["date.full"]), at: splitPattern(plain["date.at"]),
		weekdays: names("date.weekdays"), weekdaysShort: names("date.weekdays_short"),
		months: names("date.months"), monthsShort: names("date.months_short"),
	}
}

// splitPattern cuts "a {b} c" into "a ", "{b}", " c".
func splitPattern(pattern string) []string {
	var parts []string
	for pattern != "" {
		open, end := strings.IndexByte(pattern, '{'), strings.IndexByte(pattern, '}')
		switch {
		case open < 0 || end < open:
			return append(parts, pattern)
		case open > 0:
			parts = append(parts, pattern[:open])
		}
		parts = append(parts, pattern[open:end+1])
		pattern = pattern[end+1:]
	}
	return parts
}

func (d *datePatterns) format(parts []string, t time.Time) string {
	b := make([]byte, 0, 48)
	for _, part := range parts {
		switch part {
		case "{day}":
			b = strconv.AppendInt(b, int64(t.Day()), 10)
		case "{month}":
			b = append(b, d.months[t.Month()-1]...)
		case "{mon}":
			b = append(b, d.monthsShort[t.Month()-1]...)
		case "{weekday}":
			b = append(b, d.weekdays[t.Weekday()]...)
		case "{year}":
			b = strconv.AppendInt(b, int64(t.Year()), 10)
		case "{time}":
			b = t.AppendFormat(b, "15:04")
		default:
			b = append(b, part...)
		}
	}
	return string(b)
}

func zoneOrUTC(zone *time.Location) *time.Location {
	if zone == nil {
		return time.UTC
	}
	return zone
}

// dayNumber counts calendar days, so that days of 23 and 25 hours are days too.
func dayNumber(t time.Time) int64 {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86_400
}

// ListTime says when something was, as briefly as a list needs it: the time of today, yesterday, the weekday within six
// days, otherwise the date.
func ListTime(ctx context.Context, at, now time.Time, zone *time.Location) string {
	zone = zoneOrUTC(zone)
	at, now = at.In(zone), now.In(zone)
	dates := &speech(ctx).dates
	switch age := dayNumber(now) - dayNumber(at); {
	case age <= 0:
		return at.Format("15:04") // a clock that is ahead is no reason to show a date
	case age == 1:
		return T(ctx, "date.yesterday")
	case age <= 6:
		return dates.weekdaysShort[at.Weekday()]
	case at.Year() == now.Year():
		return dates.format(dates.short, at)
	default:
		return dates.format(dates.shortYear, at)
	}
}

// DayName names a day for the line above its messages.
func DayName(ctx context.Context, at, now time.Time, zone *time.Location) string {
	zone = zoneOrUTC(zone)
	at, now = at.In(zone), now.In(zone)
	dates := &speech(ctx).dates
	switch age := dayNumber(now) - dayNumber(at); {
	case age == 0:
		return T(ctx, "date.today")
	case age == 1:
		return T(ctx, "date.yesterday")
	case at.Year() == now.Year():
		return dates.format(dates.long, at)
	default:
		return dates.format(dates.longYear, at)
	}
}

// FullTime is date and time, for whoever hovers.
func FullTime(ctx context.Context, at time.Time, zone *time.Location) string {
	dates := &speech(ctx).dates
	return dates.format(dates.full, at.In(zoneOrUTC(zone)))
}

// machineTime is a moment for scripts: RFC 3339 in UTC, whole seconds.
func machineTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

var zones sync.Map // name → *time.Location; only names that can be loaded, so it is bounded

// Zone loads a person's time zone; a name that cannot be loaded means UTC.
func Zone(name string) *time.Location {
	if zone, ok := zones.Load(name); ok {
		return zone.(*time.Location)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	zones.Store(name, zone)
	return zone
}
