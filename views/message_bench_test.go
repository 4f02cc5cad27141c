package views

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"parley/chat"
)

func benchMessage(n int, body string) chat.Message {
	author := chat.Card{ID: chat.NewID(), Username: "mira", DisplayName: "Mira Okafor"}
	return chat.Message{
		ID: chat.NewID(), ConversationID: chat.NewID(), Seq: int64(n), ChangeSeq: int64(n), Author: author,
		Kind: chat.MessageText, Body: body, ClientID: chat.NewID(), CreatedAt: time.Date(2026, 11, 21, 14, n%60, 0, 0, time.UTC),
	}
}

// A pushed message: props and drawing. The aim is 3 µs.
func BenchmarkMessageItem(b *testing.B) {
	for name, body := range map[string]string{
		"plain": "They can do the posters by Thursday if we send the final file tonight.",
		"link":  "Same as last year’s sheet: https://print.example/sheets/2025/a2-poster",
		"emoji": "🎉",
		"long":  strings.Repeat("A line that goes on for a while, as lines do.\n", 200),
	} {
		m := benchMessage(7, body)
		ctx := WithLanguage(context.Background(), "en")
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = MessageItem(NewMessageItem(m, chat.ID{}, nil)).Render(ctx, io.Discard)
			}
		})
	}
}

// A page of fifty messages. The aim is 150 µs.
func BenchmarkMessageList(b *testing.B) {
	page := chat.ConversationPage{}
	for n := range 50 {
		page.Messages = append(page.Messages, benchMessage(n, fmt.Sprintf("Message number %d says that the boat leaves at seven.", n)))
	}
	viewer := chat.Viewer{Person: chat.Person{TimeZone: "Europe/Berlin"}}
	ctx := WithLanguage(context.Background(), "en")
	now := time.Date(2026, 11, 21, 15, 0, 0, 0, time.UTC)
	b.ReportAllocs()
	for b.Loop() {
		_ = MessageList(NewMessageList(page, viewer, now)).Render(ctx, io.Discard)
	}
}

func BenchmarkListRow(b *testing.B) {
	row := chat.ListRow{
		ConversationID: chat.NewID(), Kind: chat.KindDirect, Other: chat.Card{ID: chat.NewID(), DisplayName: "Mira Okafor"},
		ActivityAt: time.Date(2026, 11, 21, 14, 0, 0, 0, time.UTC), Unread: 3,
		Last: &chat.LastMessage{Kind: chat.MessageText, Body: "Shall we do a test print?"},
	}
	ctx := WithLanguage(context.Background(), "en")
	now := time.Date(2026, 11, 21, 15, 0, 0, 0, time.UTC)
	b.ReportAllocs()
	for b.Loop() {
		_ = ListRow(NewListRow(row, chat.ID{}, time.UTC, now, chat.ID{})).Render(ctx, io.Discard)
	}
}
