package realtime

import (
	"context"
	"html"
	"net/http"
	"strconv"
	"strings"
	"time"

	"parley/chat"
)

// ServeChanges answers a page that has no socket, because something in between forbids it: the same frames that the
// socket would send from the page's cursor on, as elements with data-frame.
//
// Errors: not_found and whatever reading fails with, for the caller to answer.
func (h *Hub) ServeChanges(w http.ResponseWriter, r *http.Request, viewer chat.Viewer, conversation chat.ID) error {
	member, err := h.chat.Membership(r.Context(), viewer, conversation)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	after, afterErr := strconv.ParseInt(query.Get("after"), 10, 64)
	view, viewErr := strconv.ParseInt(query.Get("view"), 10, 64)
	var b strings.Builder
	epoch, err := h.chat.Epoch(r.Context())
	if err != nil {
		return err
	}
	// A program that gives only its place in the conversation is taken at its word; a page gives the whole cursor.
	sameView := (query.Get("epoch") == "" || query.Get("epoch") == epoch) &&
		(query.Get("view") == "" || viewErr == nil && view == viewer.ViewSeq)
	switch {
	case afterErr != nil || after < 0 || !sameView:
		writeReset(&b, conversation, viewer.ViewSeq)
	case member.Present(): // otherwise nothing that happens there is this person's any more, nor what anybody is called
		at, _ := strconv.ParseInt(query.Get("at"), 10, 64) // what is no moment asks for no cards
		if err := h.writeChanges(r.Context(), &b, viewer, conversation, after, at); err != nil {
			return err
		}
		if err := h.writeReceipts(r.Context(), &b, chat.Authorship{ConversationID: conversation, PersonID: viewer.ID}); err != nil {
			return err
		}
	}
	b.WriteString(`<div data-frame="preferences" data-zone="` + html.EscapeString(viewer.TimeZone) +
		`" data-theme="` + html.EscapeString(string(viewer.Theme)) + "\"></div>\n")
	list, err := h.chat.List(r.Context(), viewer, nil)
	if err != nil {
		return err
	}
	b.WriteString(`<div data-frame="list" data-epoch="` + html.EscapeString(epoch) + `" data-total="` + strconv.Itoa(list.UnreadTotal) +
		`" data-archived="` + strconv.Itoa(list.Archived) + `" data-requests="` + strconv.Itoa(list.Requests) + `">`)
	b.WriteString(renderRows(viewer, list.Rows, time.Now()))
	b.WriteString("</div>\n")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, err = w.Write([]byte(b.String()))
	return err
}

// writeChanges writes what has changed in a conversation since a page was drawn, and whose cards. Who may see it is asked
// once it has been read: whoever was removed meanwhile sees nothing of what came behind the removal.
func (h *Hub) writeChanges(
	ctx context.Context, b *strings.Builder, viewer chat.Viewer, conversation chat.ID, after, at int64,
) error {
	cards, err := cardsSince(ctx, h.chat, viewer, conversation, at)
	if err != nil {
		return err
	}
	member, changes, err := h.chat.ChangesFor(ctx, viewer, conversation, after, chat.MaxReplayChanges+1)
	if err != nil {
		return err
	}
	if !member.Present() {
		writeReset(b, conversation, viewer.ViewSeq)
		return nil
	}
	text := newRendering(changes).htmlFor(viewer, member)
	if after > changes.Head || len(changes.Messages) > chat.MaxReplayChanges || len(text) > chat.MaxReplayBytes {
		writeReset(b, conversation, viewer.ViewSeq)
		return nil
	}
	b.WriteString(`<div data-frame="changes" data-conversation="` + conversation.String() +
		`" data-from="` + strconv.FormatInt(changes.From, 10) + `" data-to="` + strconv.FormatInt(changes.To, 10) + `">`)
	b.WriteString(text)
	b.WriteString("</div>\n")
	if len(cards) > 0 {
		b.WriteString(`<div data-frame="people" data-conversation="` + conversation.String() + `">` + renderCards(cards) + "</div>\n")
	}
	return nil
}

func writeReset(b *strings.Builder, conversation chat.ID, view int64) {
	b.WriteString(`<div data-frame="reset" data-conversation="` + html.EscapeString(conversation.String()) +
		`" data-view="` + strconv.FormatInt(view, 10) + "\"></div>\n")
}
