package views

import "parley/chat"

// The ids of the elements that fragments and scripts look for.
const (
	SidebarID       = "sidebar"
	ListID          = "list"
	PaneID          = "pane"
	OlderID         = "older"
	NewerID         = "newer"
	ComposerID      = "composer"
	ComposerBodyID  = "composer-body"
	ComposerErrorID = "composer-error"
	ClientIDID      = "composer-client-id"
	UnsentID        = "unsent"
	MarkReadID      = "mark-read"
	PeopleResultsID = "people-results"
	PeopleMoreID    = "people-more"
	PeopleQueryID   = "people-query"
	ConnectionID    = "connection"
	PillID          = "pill"
	AnnouncerID     = "announcer"
	StringsID       = "strings"
	PendingID       = "pending-template"
	FailedActionsID = "failed-actions"
	DayTemplateID   = "day-template"
	UnreadLineID    = "unread-template"
	ErrorSummaryID  = "error-summary"
	PickerResultsID = "picker-results"
	DetailsID       = "details"
	MembersID       = "members"
	MembersMoreID   = "members-more"
	ReceiversMoreID = "receivers-more"
	FirstUnreadID   = "first-unread"
	ReadByID        = "read-by-template"
	MessageMenuID   = "message-menu-template"
	MembersQueryID  = "members-query"
	OpenedID        = "opened" // what scripts ask for who put one message into the log
)

// MessageID is the id of a message's element, and the end of a link to it.
func MessageID(message chat.ID) string { return "m-" + message.String() }

// MessagesID is the id of a conversation's log.
func MessagesID(conversation chat.ID) string { return "messages-" + conversation.String() }

// RowID is the id of a conversation's row in the list.
func RowID(conversation chat.ID) string { return "row-" + conversation.String() }
