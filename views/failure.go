package views

import (
	"context"
	"strconv"

	"parley/chat"
)

// ErrorProps is a page or a pane that says what went wrong, and how to go on.
type ErrorProps struct {
	Status    int
	RequestID string
	Err       *chat.Error // nil for an internal error
	LoggedIn  bool
	// Retry is the path of what was asked for, where asking again makes sense.
	Retry string
	// Unsent is the text of a message that was not sent.
	Unsent string
}

func (p *ErrorProps) title(ctx context.Context) string {
	id := "failure." + strconv.Itoa(p.Status)
	if title := T(ctx, id); title != id {
		return title
	}
	return T(ctx, "failure.500")
}

func (p *ErrorProps) sentence(ctx context.Context) string {
	if p.Err != nil && len(p.Err.Fields) > 0 {
		return FieldSentence(ctx, p.Err.Fields[0])
	}
	return Sentence(ctx, p.Err)
}
