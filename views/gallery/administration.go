package gallery

import (
	"time"

	"github.com/a-h/templ"

	"parley/chat"
	"parley/views"
)

// administrator is who looks at the pages of the administration.
var administrator = func() chat.Viewer {
	a := viewer
	a.Role = chat.RoleAdministrator
	return a
}()

// asAdministrator fills the layout for an administrator.
func asAdministrator(p views.Page) views.Page {
	p = loggedIn(p, chat.ID{})
	who := administrator
	p.Viewer = &who
	return p
}

func ago(d time.Duration) *time.Time {
	at := now.Add(-d)
	return &at
}

const day = 24 * time.Hour

// account is somebody who joined some days ago, and was here some hours ago (0: nobody knows).
func account(card chat.Card, days, hours int, changes ...func(*chat.Account)) chat.Account {
	a := chat.Account{
		Card: card, Email: card.Username + "@example.org", EmailConfirmed: true, Role: chat.RoleMember, State: chat.StateActive,
		CreatedAt: now.Add(-time.Duration(days) * day), Sessions: 2,
	}
	if hours > 0 {
		a.LastUsedAt = ago(time.Duration(hours) * time.Hour)
	}
	for _, change := range changes {
		change(&a)
	}
	return a
}

func is(role chat.Role) func(*chat.Account)       { return func(a *chat.Account) { a.Role = role } }
func stands(state chat.State) func(*chat.Account) { return func(a *chat.Account) { a.State = state } }

func cameBy(card chat.Card, note string) func(*chat.Account) {
	return func(a *chat.Account) { a.InvitedBy, a.InvitationID, a.InvitationNote = &card, id("invitation"), note }
}

func accounts() []chat.Account {
	return []chat.Account{
		account(sun, 0, 1, cameBy(lena, "For the boat crew")),
		account(tomas, 1, 3, cameBy(lena, "For the boat crew")),
		account(nour, 3, 20, cameBy(mira, "")),
		account(long, 9, 60, stands(chat.StateSuspended)),
		account(wang, 30, 5, is(chat.RoleModerator)),
		account(priya, 90, 700, stands(chat.StateClosed), func(a *chat.Account) { a.LastUsedAt = nil }),
		account(mira, 300, 2, is(chat.RoleAdministrator)),
		account(lena, 400, 1, is(chat.RoleAdministrator)),
	}
}

func invitation(name, note string, change func(*chat.Invitation)) chat.Invitation {
	i := chat.Invitation{
		ID: id(name), Note: note, By: lena, CreatedAt: now.Add(-2 * day), ExpiresAt: ago(-5 * day), MaxUses: 5, Uses: 2,
		State: chat.InvitationUsable,
	}
	change(&i)
	return i
}

func invitations() chat.InvitationPage {
	return chat.InvitationPage{Next: "more", Invitations: []chat.Invitation{
		invitation("new", "For the boat crew", func(i *chat.Invitation) { i.CreatedAt, i.Uses = *ago(time.Minute), 0 }),
		invitation("open", "", func(i *chat.Invitation) { i.ExpiresAt, i.MaxUses, i.Uses = nil, 0, 31 }),
		invitation("some", "لأصدقاء نور", func(i *chat.Invitation) { i.By = mira }),
		invitation("full", "Ana’s family", func(i *chat.Invitation) { i.Uses, i.State = 5, chat.InvitationUsedUp }),
		invitation("late", "Open day", func(i *chat.Invitation) { i.ExpiresAt, i.State = ago(20*day), chat.InvitationExpired }),
		invitation("gone", "Posted in the wrong place, so nobody who has it should be able to use it any more, whoever it is", func(i *chat.Invitation) {
			i.By, i.State = long, chat.InvitationRevoked
		}),
	}}
}

// auditLog is one entry of each kind, and some of people who are gone.
func auditLog() chat.AuditPage {
	var page chat.AuditPage
	add := func(actor *chat.Card, action chat.AuditAction, target *chat.Card, note string, before, after chat.AuditFacts) {
		n := len(page.Rows)
		row := chat.AuditRow{Actor: actor, Target: target, Note: note, AuditEntry: chat.AuditEntry{
			Seq: int64(40 - n), At: now.Add(-time.Duration(n*n) * time.Hour), Action: action, TargetID: id(note),
			Address: "192.0.2.7", Before: before, After: after,
		}}
		if actor != nil {
			row.ActorID = actor.ID
		} else {
			row.Address = ""
		}
		page.Rows = append(page.Rows, row)
	}
	add(&lena, chat.AuditInvite, nil, "For the boat crew", nil, chat.AuditFacts{"days": "7", "uses": "5"})
	add(&lena, chat.AuditSuspend, &long, "", chat.AuditFacts{"state": "active"},
		chat.AuditFacts{"state": "suspended", "sessions_ended": "3", "invitations_revoked": "1"})
	add(&mira, chat.AuditRole, &wang, "", chat.AuditFacts{"role": "member"}, chat.AuditFacts{"role": "moderator"})
	add(&mira, chat.AuditRegistration, nil, "", chat.AuditFacts{"registration": "open"}, chat.AuditFacts{"registration": "invite"})
	add(&lena, chat.AuditInvite, nil, "", nil, chat.AuditFacts{"days": "0", "uses": "0"})
	add(&lena, chat.AuditRevoke, nil, "Posted in the wrong place", chat.AuditFacts{"uses": "2"}, nil)
	add(&mira, chat.AuditResetLink, &nour, "", nil, nil)
	add(&mira, chat.AuditLogOut, &dmitri, "", nil, chat.AuditFacts{"sessions_ended": "1"})
	add(&lena, chat.AuditRestore, &yael, "", chat.AuditFacts{"state": "suspended"}, chat.AuditFacts{"state": "active"})
	add(nil, chat.AuditResetLink, nil, "", nil, nil)
	add(nil, chat.AuditCreate, &lena, "", nil, chat.AuditFacts{"role": "administrator"})
	add(&chat.Card{}, "of a later version", nil, "", nil, nil)
	page.Rows[len(page.Rows)-1].Actor, page.Rows[len(page.Rows)-1].ActorID = nil, id("gone")
	return page
}

const galleryToken = "3q2-7wAAbW9yZSBib2F0cyB0aGFuIHBlb3BsZQ0K_xY"

func administration() []Component {
	state := func(name string, page func(views.Page) templ.Component) State {
		return State{Name: name, Page: func(p views.Page) templ.Component { return page(asAdministrator(p)) }}
	}
	wrongPassword := &chat.Error{Kind: chat.KindInvalid, Code: chat.CodeInvalid, Fields: []chat.FieldError{
		{Field: "current_password", Code: chat.CodePasswordWrong},
	}}
	refused := func(code chat.Code) *chat.Error { return &chat.Error{Kind: chat.KindConflict, Code: code} }
	records := func(name string, filter chat.AccountFilter, page chat.AccountPage, change func(*views.RecordsProps)) State {
		props := views.NewRecords(filter, page, administrator, now)
		change(&props)
		return state(name, func(p views.Page) templ.Component { return views.RecordsPage(p, props) })
	}
	same := func(*views.RecordsProps) {}
	record := func(name string, a chat.Account, entries chat.AuditPage, done string, err *chat.Error) State {
		props := views.RecordPageProps{
			Record: views.NewRecord(a, administrator, now), Entries: views.NewAuditEntries(entries, 5, administrator, now), Done: done, Err: err,
		}
		return state(name, func(p views.Page) templ.Component { return views.RecordPage(p, props) })
	}
	step := func(a chat.Account, role chat.Role, err *chat.Error) views.RecordStepProps {
		return views.RecordStepProps{Record: views.NewRecord(a, administrator, now), Role: role, Err: err}
	}
	invited := func(name string, page chat.InvitationPage, change func(*views.InvitationsProps)) State {
		props := views.NewInvitations(page, administrator, now)
		change(&props)
		return state(name, func(p views.Page) templ.Component { return views.InvitationsPage(p, props) })
	}
	registration := func(name string, props views.RegistrationProps) State {
		return state(name, func(p views.Page) templ.Component { return views.RegistrationPage(p, props) })
	}
	audit := func(name string, page chat.AuditPage, about chat.ID, change func(*views.AuditProps)) State {
		props := views.NewAudit(page, about, administrator, now)
		change(&props)
		return state(name, func(p views.Page) templ.Component { return views.AuditPage(p, props) })
	}
	crew := views.NewInvitation(invitations().Invitations[0], administrator, now)
	older := auditLog()
	older.HasMore = true
	return []Component{
		{Name: "records-page", Group: "Administration", States: []State{
			records("people", chat.AccountFilter{}, chat.AccountPage{Accounts: accounts(), Next: "more"}, same),
			records("found", chat.AccountFilter{Query: "son", State: chat.StateSuspended}, chat.AccountPage{Accounts: accounts()[3:4]}, same),
			records("by-invitation", chat.AccountFilter{Invitation: crew.ID}, chat.AccountPage{Accounts: accounts()[:2]}, func(p *views.RecordsProps) {
				p.Invitation = &crew
			}),
			records("none", chat.AccountFilter{Query: "zzyzx", Role: chat.RoleModerator}, chat.AccountPage{}, same),
			records("refused", chat.AccountFilter{Query: "son"}, chat.AccountPage{}, func(p *views.RecordsProps) {
				p.Err = &chat.Error{Kind: chat.KindTooMany, Code: chat.CodeTooMany, Args: chat.Args{"Count": 3, "Seconds": 3}}
			}),
		}},
		{Name: "record-page", Group: "Administration", States: []State{
			record("member", accounts()[1], chat.AuditPage{}, "", nil),
			record("suspended", accounts()[3], auditLog(), "suspended", nil),
			record("administrator", accounts()[6], auditLog(), "role", nil),
			record("closed", accounts()[5], chat.AuditPage{}, "", nil),
			record("oneself", accounts()[7], auditLog(), "", nil),
			record("restored", account(nour, 3, 20, cameBy(mira, "")), auditLog(), "restored", nil),
			record("logged-out", account(yael, 3, 20, func(a *chat.Account) { a.Email, a.Sessions = "", 0 }), auditLog(), "logged-out", nil),
			record("refused", account(dmitri, 3, 20, func(a *chat.Account) { a.EmailConfirmed = false }), auditLog(), "", refused(chat.CodeAccountState)),
		}},
		{Name: "role-page", Group: "Administration", States: []State{
			state("plain", func(p views.Page) templ.Component {
				return views.RolePage(p, step(accounts()[4], chat.RoleModerator, nil))
			}),
			state("wrong", func(p views.Page) templ.Component {
				return views.RolePage(p, step(accounts()[4], chat.RoleAdministrator, wrongPassword))
			}),
			state("last", func(p views.Page) templ.Component {
				return views.RolePage(p, step(accounts()[7], chat.RoleMember, refused(chat.CodeLastAdministrator)))
			}),
		}},
		{Name: "suspension-page", Group: "Administration", States: []State{
			state("plain", func(p views.Page) templ.Component { return views.SuspensionPage(p, step(accounts()[1], "", nil)) }),
			state("wrong", func(p views.Page) templ.Component {
				return views.SuspensionPage(p, step(accounts()[3], "", wrongPassword))
			}),
		}},
		{Name: "reset-link-page", Group: "Administration", States: []State{
			state("plain", func(p views.Page) templ.Component { return views.ResetLinkPage(p, step(accounts()[2], "", nil)) }),
			state("wrong", func(p views.Page) templ.Component {
				return views.ResetLinkPage(p, step(accounts()[2], "", wrongPassword))
			}),
			state("made", func(p views.Page) templ.Component {
				props := step(accounts()[2], "", nil)
				props.Link = "https://chat.example.org" + views.ResetPath(galleryToken)
				return views.ResetLinkPage(p, props)
			}),
		}},
		{Name: "invitations-page", Group: "Administration", States: []State{
			invited("some", invitations(), func(*views.InvitationsProps) {}),
			invited("made", invitations(), func(p *views.InvitationsProps) { p.Link = "https://chat.example.org" + views.JoinPath(galleryToken) }),
			invited("revoked", invitations(), func(p *views.InvitationsProps) { p.Done = "revoked" }),
			invited("none", chat.InvitationPage{}, func(*views.InvitationsProps) {}),
			invited("wrong", chat.InvitationPage{}, func(p *views.InvitationsProps) {
				p.Values = views.InvitationValues{Note: "For everybody", Days: "3", Uses: "2"}
				p.Err = &chat.Error{Kind: chat.KindInvalid, Code: chat.CodeInvalid, Fields: []chat.FieldError{
					{Field: "note", Code: chat.CodeTooLong, Args: chat.Args{"Max": 100, "Count": 100}},
					{Field: "days", Code: chat.CodeChoice}, {Field: "uses", Code: chat.CodeChoice},
				}}
			}),
		}},
		{Name: "registration-page", Group: "Administration", States: []State{
			registration("open", views.RegistrationProps{Rule: chat.RegistrationRule{Registration: chat.RegistrationOpen}}),
			registration("saved", views.RegistrationProps{Rule: chat.RegistrationRule{Registration: chat.RegistrationInvite}, Saved: true}),
			registration("fixed", views.RegistrationProps{Rule: chat.RegistrationRule{Registration: chat.RegistrationClosed, Fixed: true}}),
			registration("wrong", views.RegistrationProps{
				Rule: chat.RegistrationRule{Registration: chat.RegistrationClosed},
				Err: &chat.Error{Kind: chat.KindInvalid, Code: chat.CodeInvalid, Fields: []chat.FieldError{
					{Field: "registration", Code: chat.CodeChoice},
				}},
			}),
		}},
		{Name: "audit-page", Group: "Administration", States: []State{
			audit("entries", older, chat.ID{}, func(*views.AuditProps) {}),
			audit("about", auditLog(), wang.ID, func(*views.AuditProps) {}),
			audit("whole", auditLog(), chat.ID{}, func(p *views.AuditProps) {
				p.Verdict = &chat.AuditVerdict{Entries: 40, Hash: []byte("thirty-two bytes, more or less..")}
			}),
			audit("broken", auditLog(), chat.ID{}, func(p *views.AuditProps) { p.Verdict = &chat.AuditVerdict{Entries: 6, Broken: 7} }),
			audit("refused", auditLog(), chat.ID{}, func(p *views.AuditProps) {
				p.Err = &chat.Error{Kind: chat.KindTooMany, Code: chat.CodeTooMany, Args: chat.Args{"Count": 3, "Seconds": 3}}
			}),
			audit("empty", chat.AuditPage{}, chat.ID{}, func(*views.AuditProps) {}),
		}},
	}
}

// joining are the pages at the gate that have to do with invitations.
func joining() []Component {
	register := func(name string, props views.RegisterProps) State {
		return State{Name: name, Page: func(p views.Page) templ.Component { return views.RegisterPage(p, props) }}
	}
	return []Component{
		{Name: "join-page", Group: "Pages at the gate", States: []State{
			register("empty", views.RegisterProps{Invited: &views.InvitedProps{Token: galleryToken, By: views.NewPerson(lena)}}),
			register("wrong", views.RegisterProps{
				Invited: &views.InvitedProps{Token: galleryToken, By: views.NewPerson(nour)}, Err: registerRefused,
				Values: views.RegisterValues{DisplayName: "Lena Sørensen", Username: "lena"},
			}),
			{Name: "member", Page: func(p views.Page) templ.Component {
				return views.AlreadyHerePage(p, views.AlreadyHereProps{Person: views.NewPerson(lena)})
			}},
		}},
	}
}
