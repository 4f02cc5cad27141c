package views

import (
	"context"
	"time"

	"parley/chat"
)

// StatusProps is the page of what one tells of oneself for a while.
type StatusProps struct {
	Input chat.StatusInput
	Set   bool // there is one, which can be taken away
	Saved string
	Err   *chat.Error
}

// NewStatus makes props of the viewer's present status. Its end stands there as the time at which it is.
func NewStatus(status chat.Status, zone *time.Location) StatusProps {
	in := chat.StatusInput{Busy: status.Busy, Emoji: status.Emoji, Text: status.Text, Ends: chat.StatusStays}
	if status.Until != nil {
		in.Ends, in.At = chat.StatusAt, status.Until.In(zone).Format("15:04")
	}
	return StatusProps{Input: in, Set: !status.Empty()}
}

// statusEmoji are suggested; any other can be filled in.
func statusEmoji() []string {
	return []string{"☕", "📅", "🎧", "🍽️", "🚆", "🏠", "🏖️", "🤒", "🌙"}
}

func statusEnds(ctx context.Context) (options []OptionProps) {
	for _, end := range chat.StatusEnds() {
		option := OptionProps{Value: string(end)}
		switch end {
		case chat.StatusStays:
			option.Label = T(ctx, "status.never")
		case chat.StatusHalfHour:
			option.Label = T(ctx, "status.half_hour")
		case chat.StatusHour:
			option.Label = T(ctx, "status.hour")
		case chat.StatusHours:
			option.Label = T(ctx, "status.four_hours")
		case chat.StatusToday:
			option.Label = T(ctx, "status.today")
		case chat.StatusAt:
			option.Label = T(ctx, "status.at")
		}
		options = append(options, option)
	}
	return options
}

// statusSentence says what has just been done, by a word of the page's address; any other word says nothing.
func statusSentence(ctx context.Context, saved string) string {
	switch saved {
	case "yes":
		return T(ctx, "settings.saved")
	case "removed":
		return T(ctx, "status.removed")
	}
	return ""
}
