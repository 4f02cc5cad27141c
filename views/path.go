package views

import (
	"net/url"
	"strconv"
	"strings"

	"parley/chat"
)

// Paths without a part to fill in.
const (
	HomePath          = "/"
	RegisterPath      = "/register"
	LoginPath         = "/login"
	LogoutPath        = "/logout"
	ForgotPath        = "/forgot"
	PeoplePath        = "/people"
	ConversationsPath = "/conversations"
	ArchivePath       = "/conversations/archive"
	GroupNewPath      = "/groups/new"
	SettingsPath      = "/settings"
	ProfilePath       = "/settings/profile"
	AccountPath       = "/settings/account"
	EmailPath         = "/settings/email"
	EmailAgainPath    = "/settings/email/again"
	EmailCancelPath   = "/settings/email/cancel"
	PasswordPath      = "/settings/password"
	SessionsPath      = "/settings/sessions"
	OtherSessionsPath = "/settings/sessions/others/end"
	ReachPath         = "/settings/reach"
	PresencePath      = "/settings/presence"
	StatusPath        = "/status"
	RequestsPath      = "/requests"
	BlocksPath        = "/settings/blocks"
	BlockNewPath      = "/settings/blocks/new"
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

// JoinPath is the link of an invitation.
func JoinPath(token string) string { return "/join/" + url.PathEscape(token) }

// ConfirmPath is the link with which somebody confirms an e-mail address.
func ConfirmPath(token string) string { return "/confirm/" + url.PathEscape(token) }

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
func ConversationsBeforePath(before string) string { return BeforePath(ConversationsPath, before) }

// BeforePath continues the list at a path behind a row.
func BeforePath(path, before string) string {
	return path + "?" + url.Values{"before": {before}}.Encode()
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

// UnreadPath is where a conversation is marked as unread from a message on.
func UnreadPath(conversation chat.ID) string { return ConversationPath(conversation) + "/unread" }

// ReceiversPath is who has read a message; after is the cursor of the page before.
func ReceiversPath(conversation, message chat.ID, after string) string {
	path := MessagesPath(conversation) + "/" + message.String() + "/receipts"
	if after != "" {
		path += "?" + url.Values{"after": {after}}.Encode()
	}
	return path
}

// BlockPersonPath says what a block of somebody does, and does it.
func BlockPersonPath(person chat.ID) string {
	return BlockNewPath + "?" + url.Values{"person": {person.String()}}.Encode()
}

// BlockEndPath is where a block is ended.
func BlockEndPath(person chat.ID) string { return BlocksPath + "/" + person.String() + "/end" }

// RequestAcceptPath and RequestDeclinePath are where a request is answered.
func RequestAcceptPath(conversation chat.ID) string {
	return RequestsPath + "/" + conversation.String() + "/acceptance"
}

// RequestDeclinePath is where it is declined.
func RequestDeclinePath(conversation chat.ID) string {
	return RequestsPath + "/" + conversation.String() + "/refusal"
}

// MessagePath is one message alone, which may be one that is concealed elsewhere.
func MessagePath(conversation, message chat.ID) string {
	return MessagesPath(conversation) + "/" + message.String()
}

// SessionEndPath is where one of the viewer's own sessions is ended.
func SessionEndPath(session chat.ID) string { return SessionsPath + "/" + session.String() + "/end" }

// DetailsPath is what there is to know about a conversation.
func DetailsPath(conversation chat.ID) string { return ConversationPath(conversation) + "/details" }

// ChoicesPath is where somebody says what to make of a conversation.
func ChoicesPath(conversation chat.ID) string { return ConversationPath(conversation) + "/choices" }

// GroupSettingsPath is what a group says of itself and lets people do.
func GroupSettingsPath(group chat.ID) string { return ConversationPath(group) + "/settings" }

// GroupLinksPath is where links to a group are made.
func GroupLinksPath(group chat.ID) string { return ConversationPath(group) + "/links" }

// GroupLinkEndPath is where one is ended.
func GroupLinkEndPath(group, link chat.ID) string {
	return GroupLinksPath(group) + "/" + link.String() + "/end"
}

// GroupJoinPath is a link to a group.
func GroupJoinPath(token string) string { return "/groups/join/" + url.PathEscape(token) }

// LeavePath is where one leaves a group.
func LeavePath(group chat.ID) string { return ConversationPath(group) + "/leave" }

// MembersPath is the list of a group's members.
func MembersPath(group chat.ID) string { return ConversationPath(group) + "/members" }

// MembersSearchPath searches it; after is the cursor of the page before.
func MembersSearchPath(group chat.ID, query, after string) string {
	return MembersPath(group) + strings.TrimPrefix(PeopleSearchPath(query, after), PeoplePath)
}

// MembersNewPath is the form for taking people in.
func MembersNewPath(group chat.ID) string { return MembersPath(group) + "/new" }

// MemberPath is what can be done about a member.
func MemberPath(group, person chat.ID) string { return MembersPath(group) + "/" + person.String() }

// MemberRolePath and MemberRemovePath are where it is done.
func MemberRolePath(group, person chat.ID) string { return MemberPath(group, person) + "/role" }

// MemberRemovePath is where somebody is removed from a group.
func MemberRemovePath(group, person chat.ID) string { return MemberPath(group, person) + "/removal" }

// GalleryComponentPath is one component's page in the gallery.
func GalleryComponentPath(component string) string {
	return GalleryPath + "/" + url.PathEscape(component)
}
