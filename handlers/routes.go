package handlers

import (
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
)

// who says for whom a route is.
type who string

const (
	// nobodyAsked: the answer is the same for everybody, and the session is not even looked at.
	nobodyAsked who = "nobody asked"
	// anybody: logged in or not.
	anybody who = "anybody"
	// anonymous: whoever is logged in has no business here and is sent home.
	anonymous who = "anonymous"
	// person: whoever is logged in; others are asked to log in first.
	person who = "person"
	// administrator: for whoever else is logged in it is not there; others are asked to log in first.
	administrator who = "administrator"
)

// route is one row of the sitemap.
type route struct {
	method  string
	path    string
	may     who
	handler echo.HandlerFunc
	// body bounds the request's body in bytes; 0 means maxBody.
	body int64
	// program: what asks here is a script or a machine, which is told in a few words and never sent to a page.
	program bool
	// crowded says how long whoever asks should stay away, before anything is asked about who that is.
	crowded func() time.Duration
	// fresh: who is asking is read from rows, because it lasts as long as a socket, or because addresses and the password are
	// needed. What is for administrators is fresh in any case.
	fresh bool
	// quiet: asked so often that its line in the log is for debugging.
	quiet bool
}

// routes is the sitemap. A GET route answers HEAD too.
func (h *Handlers) routes() []route {
	routes := []route{
		// The front
		{method: http.MethodGet, path: "/", may: anybody, handler: h.HomeShow},

		// Accounts
		{method: http.MethodGet, path: "/register", may: anonymous, handler: h.AccountNew},
		{method: http.MethodPost, path: "/register", may: anonymous, handler: h.AccountCreate},

		// Invitations
		{method: http.MethodGet, path: "/join/:token", may: anybody, handler: h.JoinNew},
		{method: http.MethodPost, path: "/join/:token", may: anybody, handler: h.JoinCreate},

		// Sessions
		{method: http.MethodGet, path: "/login", may: anonymous, handler: h.SessionNew},
		{method: http.MethodPost, path: "/login", may: anonymous, handler: h.SessionCreate},
		{method: http.MethodPost, path: "/logout", may: anybody, handler: h.SessionDelete},

		// Lost passwords
		{method: http.MethodGet, path: "/forgot", may: anybody, handler: h.ForgotNew},
		{method: http.MethodPost, path: "/forgot", may: anybody, handler: h.ForgotCreate},
		{method: http.MethodGet, path: "/reset/:token", may: anybody, handler: h.ResetEdit},
		{method: http.MethodPost, path: "/reset/:token", may: anybody, handler: h.ResetUpdate},

		// E-mail addresses
		{method: http.MethodGet, path: "/confirm/:token", may: anybody, handler: h.ConfirmationNew},
		{method: http.MethodPost, path: "/confirm/:token", may: anybody, handler: h.ConfirmationCreate},

		// People
		{method: http.MethodGet, path: "/people", may: person, handler: h.PeopleIndex},
		{method: http.MethodGet, path: "/people/:username", may: person, handler: h.PersonShow},

		// Conversations
		{method: http.MethodGet, path: "/conversations", may: person, handler: h.ConversationIndex},
		{method: http.MethodPost, path: "/conversations", may: person, handler: h.ConversationCreate},
		{method: http.MethodGet, path: "/conversations/archive", may: person, handler: h.ArchiveIndex},
		{method: http.MethodGet, path: "/conversations/:id", may: person, handler: h.ConversationShow},

		{method: http.MethodGet, path: "/conversations/:id/details", may: person, handler: h.DetailsShow},
		{method: http.MethodPost, path: "/conversations/:id/choices", may: person, handler: h.ChoicesUpdate},

		// Groups
		{method: http.MethodGet, path: "/groups/new", may: person, handler: h.GroupNew},
		{method: http.MethodGet, path: "/groups/join/:token", may: person, handler: h.GroupJoinShow},
		{method: http.MethodPost, path: "/groups/join/:token", may: person, handler: h.GroupJoinCreate},
		{method: http.MethodGet, path: "/conversations/:id/settings", may: person, handler: h.GroupSettingsEdit},
		{method: http.MethodPost, path: "/conversations/:id/settings", may: person, handler: h.GroupSettingsUpdate},
		{method: http.MethodGet, path: "/conversations/:id/links", may: person, handler: h.GroupLinkIndex},
		{method: http.MethodPost, path: "/conversations/:id/links", may: person, handler: h.GroupLinkCreate},
		{method: http.MethodPost, path: "/conversations/:id/links/:link/end", may: person, handler: h.GroupLinkEnd},
		{method: http.MethodPost, path: "/conversations/:id/leave", may: person, handler: h.GroupLeave},

		// Members
		{method: http.MethodGet, path: "/conversations/:id/members", may: person, handler: h.MemberIndex},
		{method: http.MethodPost, path: "/conversations/:id/members", may: person, handler: h.MemberCreate},
		{method: http.MethodGet, path: "/conversations/:id/members/new", may: person, handler: h.MemberNew},
		{method: http.MethodGet, path: "/conversations/:id/members/:person", may: person, handler: h.MemberShow},
		{method: http.MethodPost, path: "/conversations/:id/members/:person/role", may: person, handler: h.MemberRoleUpdate},
		{method: http.MethodPost, path: "/conversations/:id/members/:person/removal", may: person, handler: h.MemberDelete},

		// Messages
		{method: http.MethodPost, path: "/conversations/:id/messages", may: person, handler: h.MessageCreate, body: maxMessageBody},
		{method: http.MethodPost, path: "/conversations/:id/draft", may: person, handler: h.DraftUpdate, body: maxDraftBody, quiet: true},
		{method: http.MethodGet, path: "/conversations/:id/messages/:message", may: person, handler: h.MessageShow},

		// What was read
		{method: http.MethodPost, path: "/conversations/:id/read", may: person, handler: h.ReadCreate},
		{method: http.MethodPost, path: "/conversations/:id/unread", may: person, handler: h.UnreadCreate},
		{method: http.MethodGet, path: "/conversations/:id/messages/:message/receipts", may: person, handler: h.ReceiverIndex},

		// Live
		{method: http.MethodGet, path: "/conversations/:id/changes", may: person, handler: h.ChangeIndex, program: true, quiet: true},
		{method: http.MethodGet, path: "/ws", may: person, handler: h.SocketShow, program: true, fresh: true, crowded: h.config.Crowded},

		// Settings
		{method: http.MethodGet, path: "/settings", may: person, handler: h.SettingsEdit},
		{method: http.MethodPost, path: "/settings", may: person, handler: h.SettingsUpdate},
		{method: http.MethodPost, path: "/settings/profile", may: person, handler: h.ProfileUpdate},
		{method: http.MethodGet, path: "/settings/account", may: person, handler: h.AccountEdit, fresh: true},
		{method: http.MethodPost, path: "/settings/email", may: person, handler: h.EmailUpdate, fresh: true},
		{method: http.MethodPost, path: "/settings/email/again", may: person, handler: h.EmailAgain, fresh: true},
		{method: http.MethodPost, path: "/settings/email/cancel", may: person, handler: h.EmailCancel, fresh: true},
		{method: http.MethodPost, path: "/settings/password", may: person, handler: h.PasswordUpdate, fresh: true},
		{method: http.MethodGet, path: "/settings/sessions", may: person, handler: h.SessionIndex},
		{method: http.MethodPost, path: "/settings/sessions/others/end", may: person, handler: h.OtherSessionsEnd},
		{method: http.MethodPost, path: "/settings/sessions/:id/end", may: person, handler: h.SessionEnd},

		// Presence
		{method: http.MethodGet, path: "/settings/presence", may: person, handler: h.PresenceEdit},
		{method: http.MethodPost, path: "/settings/presence", may: person, handler: h.PresenceUpdate},
		{method: http.MethodGet, path: "/status", may: person, handler: h.StatusEdit},
		{method: http.MethodPost, path: "/status", may: person, handler: h.StatusUpdate},

		// Who may reach one
		{method: http.MethodPost, path: "/settings/reach", may: person, handler: h.ReachUpdate},
		{method: http.MethodGet, path: "/requests", may: person, handler: h.RequestIndex},
		{method: http.MethodPost, path: "/requests/:id/acceptance", may: person, handler: h.RequestAccept},
		{method: http.MethodPost, path: "/requests/:id/refusal", may: person, handler: h.RequestDecline},

		// Blocks
		{method: http.MethodGet, path: "/settings/blocks", may: person, handler: h.BlockIndex},
		{method: http.MethodPost, path: "/settings/blocks", may: person, handler: h.BlockCreate},
		{method: http.MethodGet, path: "/settings/blocks/new", may: person, handler: h.BlockNew},
		{method: http.MethodPost, path: "/settings/blocks/:person/end", may: person, handler: h.BlockEnd},

		// Administration
		{method: http.MethodGet, path: "/administration", may: administrator, handler: h.AdministrationShow},
		{method: http.MethodGet, path: "/administration/people", may: administrator, handler: h.RecordIndex},
		{method: http.MethodGet, path: "/administration/people/:id", may: administrator, handler: h.RecordShow},
		{method: http.MethodGet, path: "/administration/people/:id/role", may: administrator, handler: h.RoleEdit},
		{method: http.MethodPost, path: "/administration/people/:id/role", may: administrator, handler: h.RoleUpdate},
		{method: http.MethodGet, path: "/administration/people/:id/suspension", may: administrator, handler: h.SuspensionNew},
		{method: http.MethodPost, path: "/administration/people/:id/suspension", may: administrator, handler: h.SuspensionCreate},
		{method: http.MethodPost, path: "/administration/people/:id/suspension/end", may: administrator, handler: h.SuspensionEnd},
		{method: http.MethodPost, path: "/administration/people/:id/sessions/end", may: administrator, handler: h.RecordSessionsEnd},
		{method: http.MethodGet, path: "/administration/people/:id/reset", may: administrator, handler: h.ResetLinkNew},
		{method: http.MethodPost, path: "/administration/people/:id/reset", may: administrator, handler: h.ResetLinkCreate},
		{method: http.MethodGet, path: "/administration/invitations", may: administrator, handler: h.InvitationIndex},
		{method: http.MethodPost, path: "/administration/invitations", may: administrator, handler: h.InvitationCreate},
		{method: http.MethodPost, path: "/administration/invitations/:id/revoke", may: administrator, handler: h.InvitationRevoke},
		{method: http.MethodGet, path: "/administration/registration", may: administrator, handler: h.RegistrationEdit},
		{method: http.MethodPost, path: "/administration/registration", may: administrator, handler: h.RegistrationUpdate},
		{method: http.MethodGet, path: "/administration/log", may: administrator, handler: h.AuditIndex},

		// Health
		{method: http.MethodGet, path: "/healthz", may: nobodyAsked, handler: h.HealthShow, program: true, quiet: true},
		{method: http.MethodGet, path: "/readyz", may: nobodyAsked, handler: h.ReadyShow, program: true, quiet: true},
		{method: http.MethodGet, path: "/version", may: nobodyAsked, handler: h.VersionShow, program: true},

		// Files
		{method: http.MethodGet, path: "/static/*", may: nobodyAsked, handler: h.StaticShow, quiet: true},
		{method: http.MethodGet, path: "/favicon.ico", may: nobodyAsked, handler: h.FaviconShow, quiet: true},
		{method: http.MethodGet, path: "/robots.txt", may: nobodyAsked, handler: h.RobotsShow, quiet: true},
	}
	if h.config.Dev {
		routes = append(routes,
			// For designers
			route{method: http.MethodGet, path: "/gallery", may: nobodyAsked, handler: h.GalleryIndex},
			route{method: http.MethodGet, path: "/gallery/:component", may: nobodyAsked, handler: h.GalleryShow},
		)
	}
	return routes
}

// mount puts the sitemap into the router.
func (h *Handlers) mount(e *echo.Echo) {
	for _, row := range h.routes() {
		handler := h.at(row)
		e.Add(row.method, row.path, handler)
		if row.method == http.MethodGet {
			e.Add(http.MethodHead, row.path, handler)
		}
	}
}

// at is what every route does before its handler.
func (h *Handlers) at(row route) echo.HandlerFunc {
	if row.body == 0 {
		row.body = maxBody
	}
	return func(c echo.Context) error {
		r := c.Request()
		visitOf(r.Context()).route = &row
		if row.crowded != nil {
			if wait := row.crowded(); wait > 0 {
				c.Response().Header().Set("Retry-After", strconv.Itoa(seconds(wait)))
				return plain(c.Response(), http.StatusServiceUnavailable, "come back later")
			}
		}
		if err := limitBody(c.Response(), r, row.body); err != nil {
			return err
		}
		if row.may != nobodyAsked {
			if err := h.enter(c, row); err != nil {
				return err
			}
		}
		if done, err := h.admit(c, row); done || err != nil {
			return err
		}
		return row.handler(c)
	}
}
