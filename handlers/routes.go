package handlers

import (
	"net/http"

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
		{method: http.MethodGet, path: "/conversations/:id", may: person, handler: h.ConversationShow},

		// Messages
		{method: http.MethodPost, path: "/conversations/:id/messages", may: person, handler: h.MessageCreate, body: maxMessageBody},

		// What was read
		{method: http.MethodPost, path: "/conversations/:id/read", may: person, handler: h.ReadCreate},

		// Live
		{method: http.MethodGet, path: "/conversations/:id/changes", may: person, handler: h.ChangeIndex, program: true, quiet: true},
		{method: http.MethodGet, path: "/ws", may: person, handler: h.SocketShow, program: true},

		// Settings
		{method: http.MethodGet, path: "/settings", may: person, handler: h.SettingsEdit},
		{method: http.MethodPost, path: "/settings", may: person, handler: h.SettingsUpdate},
		{method: http.MethodPost, path: "/settings/profile", may: person, handler: h.ProfileUpdate},
		{method: http.MethodGet, path: "/settings/account", may: person, handler: h.AccountEdit},
		{method: http.MethodPost, path: "/settings/email", may: person, handler: h.EmailUpdate},
		{method: http.MethodPost, path: "/settings/email/again", may: person, handler: h.EmailAgain},
		{method: http.MethodPost, path: "/settings/email/cancel", may: person, handler: h.EmailCancel},
		{method: http.MethodPost, path: "/settings/password", may: person, handler: h.PasswordUpdate},
		{method: http.MethodGet, path: "/settings/sessions", may: person, handler: h.SessionIndex},
		{method: http.MethodPost, path: "/settings/sessions/others/end", may: person, handler: h.OtherSessionsEnd},
		{method: http.MethodPost, path: "/settings/sessions/:id/end", may: person, handler: h.SessionEnd},

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
