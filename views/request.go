package views

import (
	"time"

	"parley/chat"
)

// RequestsProps are the conversations that wait for the viewer's answer.
type RequestsProps struct {
	Rows []ListRowProps
	Err  *chat.Error
}

// NewRequests makes props of them.
func NewRequests(rows []chat.ListRow, viewer chat.Viewer, now time.Time) RequestsProps {
	var p RequestsProps
	for _, row := range rows {
		p.Rows = append(p.Rows, NewListRow(row, viewer.ID, Zone(viewer.TimeZone), now, chat.ID{}))
	}
	return p
}
