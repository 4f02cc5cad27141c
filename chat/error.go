package chat

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind says what sort of refusal an [Error] is; each edge has one table from kinds to its own codes.
type Kind string

// The kinds. Anything that is not an Error is internal.
const (
	KindInvalid         Kind = "invalid"
	KindUnauthenticated Kind = "unauthenticated"
	KindForbidden       Kind = "forbidden"
	KindNotFound        Kind = "not_found"
	KindConflict        Kind = "conflict"
	KindTooMany         Kind = "too_many"
	KindUnavailable     Kind = "unavailable"
)

// Code names the reason; the message catalogue has a sentence for each, under "error." + code.
type Code string

// The codes.
const (
	CodeInvalid            Code = "invalid"             // look at Fields
	CodeRequired           Code = "required"            // a field is empty
	CodeTooLong            Code = "too_long"            // Args: Max
	CodeTooShort           Code = "too_short"           // Args: Min
	CodeBadText            Code = "bad_text"            // NUL, control characters or invalid UTF-8
	CodeUsernameForm       Code = "username_form"       // not a username's form
	CodeUsernameTaken      Code = "username_taken"      // Args: Suggestion (may be empty)
	CodeEmailForm          Code = "email_form"          // not an e-mail address
	CodeEmailTaken         Code = "email_taken"         // another account has confirmed the address meanwhile
	CodeEmailLink          Code = "email_link"          // used, expired, replaced or unknown link
	CodeNoMail             Code = "no_mail"             // this server sends no mail
	CodePasswordCommon     Code = "password_common"     // on the list of common passwords
	CodePasswordTooLong    Code = "password_too_long"   // over 72 bytes
	CodePasswordTooShort   Code = "password_too_short"  // under 8 bytes
	CodePasswordLikeName   Code = "password_like_name"  // the username or address itself
	CodePasswordWrong      Code = "password_wrong"      // not the current password
	CodeTimeZone           Code = "time_zone"           // no such time zone
	CodeTheme              Code = "theme"               // no such theme
	CodeSetupCode          Code = "setup_code"          // the code from the log is missing or wrong
	CodeClientID           Code = "client_id"           // not a UUID
	CodeLogin              Code = "login"               // unknown name or wrong password; never which
	CodeLogInFirst         Code = "log_in_first"        // no session
	CodeSomebodyElse       Code = "somebody_else"       // the form is of a page of somebody else's than who is logged in
	CodeRegistrationClosed Code = "registration_closed" // nobody may register
	CodeRegistrationFixed  Code = "registration_fixed"  // the operator decides who may register
	CodeInvitationNeeded   Code = "invitation_needed"   // nobody may register without an invitation
	CodeInvitationLink     Code = "invitation_link"     // used up, expired, revoked or unknown link
	CodeChoice             Code = "choice"              // none of what there is to choose from
	CodeEmoji              Code = "emoji"               // not one emoji
	CodeTime               Code = "time"                // not a time of day
	CodeLastAdministrator  Code = "last_administrator"  // without whom there would be none
	CodeOneself            Code = "oneself"             // not possible with the own account
	CodeAccountState       Code = "account_state"       // the account is suspended or closed
	CodeNotFound           Code = "not_found"           // not there, or not yours: never which
	CodeClosed             Code = "closed"              // new messages are not possible here
	CodeClientIDReused     Code = "client_id_reused"    // the id of an earlier send, with another content
	CodeTooMany            Code = "too_many"            // Args: Seconds
	CodeResetLink          Code = "reset_link"          // used, expired or unknown link
	CodeNotYoursToDo       Code = "not_yours_to_do"     // one's role in the group does not allow it
	CodeNotMember          Code = "not_member"          // was in the group, and is no more
	CodeLastOwner          Code = "last_owner"          // somebody else must own the group first
	CodeTooManyMembers     Code = "too_many_members"    // Args: Max
	CodeTooManyLinks       Code = "too_many_links"      // Args: Max
	CodeGroupLink          Code = "group_link"          // used up, expired, revoked or unknown link to a group
	CodeUnavailable        Code = "unavailable"         // the database does not answer
	CodeBusy               Code = "busy"                // too many people log in at once
	CodeForbidden          Code = "forbidden"           // not for you
	CodeCrossOrigin        Code = "cross_origin"        // the request came from another site
	CodeBodyTooLarge       Code = "body_too_large"      // the request is larger than allowed
	CodeMessageTooLarge    Code = "message_too_large"   // the same of a message; Args: Count, the characters it may have
	CodeMethodNotAllowed   Code = "method_not_allowed"  // no such method here
	CodeUnreadable         Code = "unreadable"          // the request cannot be parsed
)

// Args fill the gaps of a code's sentence.
type Args map[string]any

// FieldError is what is wrong with one field of a form.
type FieldError struct {
	Field string
	Code  Code
	Args  Args
}

// Error is a refusal that a person can be told. Err is for the log alone.
type Error struct {
	Kind       Kind
	Code       Code
	Args       Args
	Fields     []FieldError
	RetryAfter time.Duration // with KindTooMany and KindUnavailable
	Err        error
}

// Error describes the refusal for the log.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", e.Kind, e.Code)
	for _, f := range e.Fields {
		fmt.Fprintf(&b, " %s=%s", f.Field, f.Code)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Field returns what is wrong with the named field, if anything.
func (e *Error) Field(name string) (FieldError, bool) {
	for _, f := range e.Fields {
		if f.Field == name {
			return f, true
		}
	}
	return FieldError{}, false
}

// KindOf returns the kind of err, or "" for an internal error and for nil.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

// CodeOf returns the code of err, or "" for an internal error and for nil.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// NotFound is the one answer for what is not there and for what is not yours.
func NotFound() error { return &Error{Kind: KindNotFound, Code: CodeNotFound} }

// Unauthenticated is the answer where a session is needed and none stands.
func Unauthenticated() error { return &Error{Kind: KindUnauthenticated, Code: CodeLogInFirst} }

// Unavailable says that what everything rests on does not answer now.
func Unavailable(err error) error {
	return &Error{Kind: KindUnavailable, Code: CodeUnavailable, RetryAfter: 5 * time.Second, Err: err}
}

// Conflict says that the request contradicts what is stored.
func Conflict(code Code, err error) error { return &Error{Kind: KindConflict, Code: code, Err: err} }

// fieldErrors gathers what is wrong with a form, all at once.
type fieldErrors []FieldError

func (f *fieldErrors) add(field string, code Code, args Args) {
	*f = append(*f, FieldError{Field: field, Code: code, Args: args})
}

func (f fieldErrors) err() error {
	if len(f) == 0 {
		return nil
	}
	return &Error{Kind: KindInvalid, Code: CodeInvalid, Fields: f}
}

// invalid is the refusal of one field.
func invalid(field string, code Code, args Args) error {
	return fieldErrors{{Field: field, Code: code, Args: args}}.err()
}
