package views

import (
	"net/url"
	"strconv"

	"parley/chat"
)

// Paths of the administration without a part to fill in.
const (
	AdministrationPath             = "/administration"
	AdministrationPeoplePath       = AdministrationPath + "/people"
	AdministrationInvitationsPath  = AdministrationPath + "/invitations"
	AdministrationRegistrationPath = AdministrationPath + "/registration"
	AdministrationLogPath          = AdministrationPath + "/log"
)

// AdministrationPeopleSearchPath lists people; after is the cursor of the page before.
func AdministrationPeopleSearchPath(filter chat.AccountFilter, after string) string {
	values := url.Values{}
	set := func(name, value string) {
		if value != "" {
			values.Set(name, value)
		}
	}
	set("q", filter.Query)
	set("role", string(filter.Role))
	set("state", string(filter.State))
	set("after", after)
	if filter.Invitation != (chat.ID{}) {
		set("invitation", filter.Invitation.String())
	}
	return withQuery(AdministrationPeoplePath, values)
}

// AdministrationPersonPath is what administrators see of a person.
func AdministrationPersonPath(person chat.ID) string {
	return AdministrationPeoplePath + "/" + person.String()
}

// AdministrationPersonDonePath is the same, saying that something has been done.
func AdministrationPersonDonePath(person chat.ID, done string) string {
	return withQuery(AdministrationPersonPath(person), url.Values{"done": {done}})
}

// RolePath is where a person gets another role.
func RolePath(person chat.ID) string { return AdministrationPersonPath(person) + "/role" }

// SuspensionPath is where a person is suspended.
func SuspensionPath(person chat.ID) string { return AdministrationPersonPath(person) + "/suspension" }

// RestorePath is where a person is let in again.
func RestorePath(person chat.ID) string { return SuspensionPath(person) + "/end" }

// SessionsEndPath is where every session of a person is ended.
func SessionsEndPath(person chat.ID) string {
	return AdministrationPersonPath(person) + "/sessions/end"
}

// ResetLinkPath is where a link for a person's new password is made, and shown once.
func ResetLinkPath(person chat.ID) string { return AdministrationPersonPath(person) + "/reset" }

// AdministrationInvitationsAfterPath continues the list of invitations.
func AdministrationInvitationsAfterPath(after string) string {
	return withQuery(AdministrationInvitationsPath, url.Values{"after": {after}})
}

// RevocationPath is where an invitation is revoked.
func RevocationPath(invitation chat.ID) string {
	return AdministrationInvitationsPath + "/" + invitation.String() + "/revoke"
}

// AdministrationLogOfPath is the log about one person or invitation (the zero ID: about all), before a seq (0: the newest).
func AdministrationLogOfPath(about chat.ID, before int64) string {
	values := url.Values{}
	if about != (chat.ID{}) {
		values.Set("about", about.String())
	}
	if before > 0 {
		values.Set("before", strconv.FormatInt(before, 10))
	}
	return withQuery(AdministrationLogPath, values)
}

// AdministrationLogCheckPath is the log, checked.
func AdministrationLogCheckPath() string {
	return withQuery(AdministrationLogPath, url.Values{"check": {"yes"}})
}

func withQuery(path string, values url.Values) string {
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}
