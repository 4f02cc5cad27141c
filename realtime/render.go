package realtime

import (
	"context"
	"slices"
	"strings"
	"time"

	"parley/chat"
	"parley/views"
)

// rendering holds the frames of one stretch of changes, each made once per kind of viewer and shared by all of them.
//
// A kind is the language together with what differs from message to message: hidden from this viewer, the viewer's own or
// about the viewer, by somebody whom the viewer has blocked, or somebody else's. Who has blocked the author is read together
// with the message: so no feed shows what was said by somebody who was blocked before, however late the hint comes. Times,
// day lines and grouping are the page's to derive: in a frame they would multiply the kinds.
type rendering struct {
	changes chat.Changes
	items   map[item]string
	frames  map[string][]byte
}

type item struct {
	index    int
	language string
	viewer   chat.ID // where it makes a difference: the author, or one of those whom it is about
	// concealed: for those who have blocked the author.
	concealed bool
}

func newRendering(changes chat.Changes) *rendering {
	return &rendering{changes: changes, items: map[item]string{}, frames: map[string][]byte{}}
}

// concerns says whether a message is drawn for this viewer alone: it is the viewer's own, or about the viewer.
func concerns(message chat.Message, viewer chat.ID) bool {
	if message.Author.ID == viewer {
		return true
	}
	return message.Event != nil && slices.ContainsFunc(message.Event.Subjects, func(c chat.Card) bool { return c.ID == viewer })
}

// frameFor returns the frame for a viewer: the whole span, and of the messages those that the member may see.
func (r *rendering) frameFor(viewer chat.Viewer, member chat.Member) []byte {
	kind := make([]byte, 0, len(viewer.Language)+len(r.changes.Messages)+1)
	kind = append(append(kind, viewer.Language...), ' ')
	for _, message := range r.changes.Messages {
		switch {
		case !member.Sees(message):
			kind = append(kind, 'h')
		case r.changes.Conceals(message, viewer.ID):
			kind = append(kind, 'c')
		case concerns(message, viewer.ID):
			kind = append(append(kind, 'm'), viewer.ID[:]...)
		default:
			kind = append(kind, 'o')
		}
	}
	if encoded, ok := r.frames[string(kind)]; ok {
		return encoded
	}
	encoded := changesFrame(member.ConversationID, r.changes.From, r.changes.To, r.htmlFor(viewer, member)).encode()
	r.frames[string(kind)] = encoded
	return encoded
}

// htmlFor returns those of the messages that the member may see.
func (r *rendering) htmlFor(viewer chat.Viewer, member chat.Member) string {
	var html strings.Builder
	for i, message := range r.changes.Messages {
		if member.Sees(message) {
			key := item{index: i, language: viewer.Language}
			switch {
			case r.changes.Conceals(message, viewer.ID):
				key.concealed = true
			case concerns(message, viewer.ID):
				key.viewer = viewer.ID
			}
			html.WriteString(r.item(key))
		}
	}
	return html.String()
}

func (r *rendering) item(key item) string {
	if html, ok := r.items[key]; ok {
		return html
	}
	message := r.changes.Messages[key.index]
	if key.concealed {
		message = message.Conceal()
	}
	html := renderMessage(views.WithLanguage(context.Background(), key.language), message, key.viewer)
	r.items[key] = html
	return html
}

func renderMessage(ctx context.Context, message chat.Message, viewer chat.ID) string {
	var b strings.Builder
	// A builder takes everything, and a message's component only fails when its writer does.
	_ = views.MessageItem(views.NewMessageItem(message, viewer, nil)).Render(ctx, &b)
	return b.String()
}

// renderRows renders rows of one person's list.
func renderRows(viewer chat.Viewer, rows []chat.ListRow, now time.Time) string {
	ctx := views.WithLanguage(context.Background(), viewer.Language)
	zone := views.Zone(viewer.TimeZone)
	var b strings.Builder
	for _, row := range rows {
		if row.Waiting { // it changes a number, and stands in no list
			continue
		}
		_ = views.ListRow(views.NewListRow(row, viewer.ID, zone, now, chat.ID{})).Render(ctx, &b)
	}
	return b.String()
}
