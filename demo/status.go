package demo

import "parley/chat"

// statuses are what some people tell of themselves. None of them ends, so that a demo looks the same for as long as it is kept.
var statuses = []chat.Status{
	{Emoji: "☕", Text: "On a break"},
	{Emoji: "📅", Text: "In a meeting", Busy: true},
	{Emoji: "🏖️"},
	{Text: "Working from home"},
	{Emoji: "🎧", Busy: true},
}

// every is how many people there are for each who tells something.
const every = 7

// StatusOf is the status of the n-th person; most have none, and so has the first.
func StatusOf(n int) chat.Status {
	if n == 0 || n%every != 0 {
		return chat.Status{}
	}
	return statuses[n/every%len(statuses)]
}
