package demo

import "time"

// rhythm is when people of a conversation are awake for it. Time in it runs only then, so that pauses of any length end
// at a believable hour: a position is how much of such time has passed since a Monday long ago.
type rhythm struct {
	zone     *time.Location
	from, to time.Duration // of the day
	days     int           // 7, or 5 without the weekend
}

// longAgo is a Monday before everything.
var longAgo = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)

func (r rhythm) length() time.Duration { return r.to - r.from }

// at is the moment of a position.
func (r rhythm) at(position time.Duration) time.Time {
	days, rest := int(position/r.length()), position%r.length()
	days = days/r.days*7 + days%r.days
	year, month, date := longAgo.AddDate(0, 0, days).Date()
	return time.Date(year, month, date, 0, 0, 0, 0, r.zone).Add(r.from + rest)
}

// position is that of a moment; of one at which nobody is awake, that of the evening before.
func (r rhythm) position(t time.Time) time.Duration {
	t = t.In(r.zone)
	year, month, date := t.Date()
	days := int(time.Date(year, month, date, 0, 0, 0, 0, time.UTC).Sub(longAgo) / day)
	midnight := time.Date(year, month, date, 0, 0, 0, 0, r.zone)
	rest := min(max(t.Sub(midnight)-r.from, -1), r.length()-1)
	week, weekday := days/7, days%7
	if weekday >= r.days {
		weekday, rest = r.days, -1
	}
	return time.Duration(week*r.days+weekday)*r.length() + rest
}
