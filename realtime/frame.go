package realtime

import (
	"bytes"
	"encoding/json"

	"parley/chat"
)

// frameType names a kind of frame that the server sends; docs/protocol.md has what each means.
type frameType string

// The frames that the server sends. Who may get which is a row of the matrix in matrix_test.go.
const (
	frameHello       frameType = "hello"
	frameList        frameType = "list"
	frameRows        frameType = "rows"
	frameChanges     frameType = "changes"
	framePeople      frameType = "people"
	frameReceipts    frameType = "receipts"
	frameDraft       frameType = "draft"
	frameResumed     frameType = "resumed"
	frameReset       frameType = "reset"
	frameView        frameType = "view"
	framePreferences frameType = "preferences"
	frameClosed      frameType = "closed"
	framePresence    frameType = "presence"
	frameBeat        frameType = "beat"
	frameTyping      frameType = "typing"
)

// frame is what the server sends.
type frame struct {
	Type         frameType  `json:"type"`
	Conversation string     `json:"conversation,omitempty"`
	Epoch        string     `json:"epoch,omitempty"`
	View         int64      `json:"view,omitempty"`
	Beat         int        `json:"beat,omitempty"`
	From         *int64     `json:"from,omitempty"`
	To           *int64     `json:"to,omitempty"`
	At           int64      `json:"at,omitempty"`
	Runs         [][4]int64 `json:"runs,omitempty"`
	HTML         string     `json:"html,omitempty"`
	Total        *int       `json:"total,omitempty"`
	Archived     *int       `json:"archived,omitempty"`
	Requests     *int       `json:"requests,omitempty"`
	Text         *string    `json:"text,omitempty"`
	Zone         string     `json:"zone,omitempty"`
	Theme        string     `json:"theme,omitempty"`
}

var beatFrame = frame{Type: frameBeat}.encode()

func (f frame) encode() []byte { return encode(f) }

// encode makes what is sent of a frame.
func encode(f any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // it is text in a socket, not in a page; escaped it would be half as long again
	if err := encoder.Encode(f); err != nil {
		panic(err) // strings and numbers alone: cannot fail
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

func changesFrame(conversation chat.ID, from, to int64, html string) frame {
	return frame{Type: frameChanges, Conversation: conversation.String(), From: &from, To: &to, HTML: html}
}

// inbound is what a page sends.
type inbound struct {
	Type         string               `json:"type"`
	Conversation chat.ID              `json:"conversation"`
	Epoch        string               `json:"epoch"`
	After        int64                `json:"after"`
	View         int64                `json:"view"`
	At           int64                `json:"at"`
	Drafted      bool                 `json:"drafted"`
	Stopped      bool                 `json:"stopped"`
	Positions    map[chat.ID]progress `json:"positions"`
	State        string               `json:"state"`
	People       []chat.ID            `json:"people"`
}

// progress is how far a page has come in one conversation.
type progress struct {
	Delivered int64  `json:"delivered"`
	Read      int64  `json:"read"`
	Marks     *int64 `json:"marks"`
}

// cursor is a page's place in the history: which history, which change of the conversation, and what the person was
// allowed to see; and the moment when the names in the page were read, in microseconds since 1970.
type cursor struct {
	Epoch string
	After int64
	View  int64
	At    int64
	// Drafted: the page shows a draft that it believes to be stored.
	Drafted bool
}
