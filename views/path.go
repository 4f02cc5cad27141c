package views

import (
	"net/url"
	"strconv"

	"parley/chat"
)

// Paths without a part to fill in.
const (
	HomePath          = "/"
	RegisterPath      = "/register"
	LoginPath         = "/login"
	LogoutPath        = "/logout"
	PeoplePath        = "/people"
	ConversationsPath = "/conversations"
	SettingsPath      = "/settings"
	ProfilePath       = "/settings/profile"
	AccountPath       = "/settings/account"
	PasswordPath      = "/settings/password"
	SessionsPath      = "/settings/sessions"
	OtherSessionsPath = "/settings/sessions/others/end"
	GalleryPath       = "/gallery"
)

// LoginNextPath leads to the page for logging in, and from there to next.
func LoginNextPath(next string) string {
	if next == "" || next == HomePath {
		return LoginPath
	}
	return LoginPath + "?" + url.Values{"next": {next}}.Encode()
}

// ResetPath is the link with which somebody sets a new password.
func ResetPath(token string) string { return "/reset/" + url.PathEscape(token) }

// PeopleSearchPath searches for people; after is the cursor of the page before.
func PeopleSearchPath(query, after string) string {
	values := url.Values{}
	if query != "" {
		values.Set("q", query)
	}
	if after != "" {
		values.Set("after", after)
	}
	if len(values) == 0 {
		return PeoplePath
	}
	return PeoplePath + "?" + values.Encode()
}

// PersonPath is somebody's profile.
func PersonPath(username string) string { return PeoplePath + "/" + url.PathEscape(username) }

// ConversationsBeforePath continues the list behind a row.
func ConversationsBeforePath(before string) string {
	return ConversationsPath + "?" + url.Values{"before": {before}}.Encode()
}

// ConversationPath is the newest page of a conversation.
func ConversationPath(conversation chat.ID) string {
	return ConversationsPath + "/" + conversation.String()
}

// OlderPath is the page of the messages before seq.
func OlderPath(conversation chat.ID, seq int64) string {
	return ConversationPath(conversation) + "?before=" + strconv.FormatInt(seq, 10)
}

// NewerPath is the page of the messages after seq.
func NewerPath(conversation chat.ID, seq int64) string {
	return ConversationPath(conversation) + "?after=" + strconv.FormatInt(seq, 10)
}

// messagePath is the link to one message.
func messagePath(conversation, message string) string {
	return ConversationsPath + "/" + conversation + "?around=" + message + "#m-" + message
}

// MessagesPath is where a conversation's messages are sent to.
func MessagesPath(conversation chat.ID) string { return ConversationPath(conversation) + "/messages" }

// ReadPath is where a conversation is marked as read.
func ReadPath(conversation chat.ID) string { return ConversationPath(conversation) + "/read" }

// SessionEndPath is where one of the viewer's own sessions is ended.
func SessionEndPath(session chat.ID) string { return SessionsPath + "/" + session.String() + "/end" }

// GalleryComponentPath is one component's page in the gallery.
func GalleryComponentPath(component string) string {
	return GalleryPath + "/" + url.PathEscape(component)
}
