//go:build unix

package db_test

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/chat"
	"parley/chat/chattest"
)

// TestStore asks every method of the store: of what is there, of nothing, and without a database.
func TestStore(t *testing.T) {
	t.Parallel()
	ctx := context.WithoutCancel(t.Context())
	w := chattest.New(t)
	anna, ben, eve := w.Person(t, "Anna"), w.Person(t, "Ben"), w.Person(t, "Eve")
	id := w.Direct(t, anna, ben)
	message := draft(ben, id)
	value[chat.Message](t)(w.Store.InsertMessage(ctx, message))
	nobody := chat.NewID()
	var s chat.Store = w.Store
	link := func(person chat.Viewer) []byte {
		hash := []byte(chat.NewID().String())
		must(t, s.InsertPasswordReset(ctx, person.ID, hash, time.Hour))
		return hash
	}
	first, last := link(anna), link(ben)
	group, crew := w.Group(t, "Crew", anna, ben, eve), chat.GroupSettings{
		Name: "Crew", WhoAdds: chat.WhoMembers, WhoWrites: chat.WhoMembers, History: chat.HistoryAll,
	}
	door := chat.NewID()
	must(t, w.Store.InsertGroupLink(ctx, door, group, anna.ID, []byte("to revoke"), 0, 0, 100))
	must(t, w.Store.InsertGroupLink(ctx, chat.NewID(), group, anna.ID, []byte("open"), 0, 0, 100))
	invite := func(life time.Duration) (chat.Invitation, error) {
		i := chat.Invitation{ID: chat.NewID(), By: anna.Card}
		i.Note = i.ID.String() // and the hash of its link
		_, _, err := s.InsertInvitation(ctx, i, []byte(i.Note), life)
		return i, err
	}
	invitation, revoked := value[chat.Invitation](t)(invite(0)), value[chat.Invitation](t)(invite(0))
	wanting := func(name string) (chat.Viewer, []byte) {
		person, hash := w.Person(t, name), []byte(chat.NewID().String())
		email := strings.ToLower(name) + "@example.org"
		must(t, s.UpdateEmailWanted(ctx, person.ID, email, person.PasswordHash))
		must(t, s.ReplaceEmailConfirmation(ctx, person.ID, email, person.PasswordHash, hash, time.Hour))
		return person, hash
	}
	must(t, w.Store.Tokens().CommitCtx(ctx, "token", []byte{}, time.Now().Add(time.Hour)))
	cleo, forCleo := wanting("Cleo")
	_, _, err := s.UseEmailConfirmation(ctx, forCleo)
	must(t, err)
	_, looked := wanting("Dora")
	_, used := wanting("Finn")
	gina, _ := wanting("Gina")

	asked := w.Direct(t, eve, eve)

	// For each: how it succeeds, and how it answers to nothing at all ("" where that is no refusal).
	methods := map[string]struct {
		good    func() error
		bad     func() error
		refusal chat.Code
	}{
		"InTx":             {good: func() error { return s.InTx(ctx, func(chat.Store) error { return nil }) }},
		"Epoch":            {good: func() error { _, err := s.Epoch(ctx); return err }},
		"AnybodyThere":     {good: func() error { _, err := s.AnybodyThere(ctx); return err }},
		"EnsureSetupCode":  {good: func() error { _, err := s.EnsureSetupCode(ctx, "code"); return err }},
		"LockInstallation": {good: func() error { _, _, err := s.LockInstallation(ctx); return err }},
		"InsertPerson": {
			good:    func() error { return s.InsertPerson(ctx, newcomer()) },
			bad:     func() error { p := newcomer(); p.Username = "anna"; return s.InsertPerson(ctx, p) },
			refusal: chat.CodeUsernameTaken,
		},
		"FirstFreeUsername": {
			good: func() error { _, err := s.FirstFreeUsername(ctx, []string{"anna", "anna2"}); return err },
			bad:  func() error { _, err := s.FirstFreeUsername(ctx, nil); return err },
		},
		"PersonByLogin": {
			good:    func() error { _, err := s.PersonByLogin(ctx, "anna"); return err },
			bad:     func() error { _, err := s.PersonByLogin(ctx, ""); return err },
			refusal: chat.CodeNotFound,
		},
		"Cards": {
			good: func() error { _, err := s.Cards(ctx, ben.ID, []chat.ID{anna.ID}); return err },
			bad:  func() error { _, err := s.Cards(ctx, ben.ID, []chat.ID{nobody}); return err },
		},
		"ProfileByUsername": {
			good:    func() error { _, err := s.ProfileByUsername(ctx, ben.ID, "anna"); return err },
			bad:     func() error { _, err := s.ProfileByUsername(ctx, ben.ID, ""); return err },
			refusal: chat.CodeNotFound,
		},
		"SearchPeople": {
			good: func() error { _, err := s.SearchPeople(ctx, ben.ID, "anna", "", false, 20); return err },
			bad:  func() error { _, err := s.SearchPeople(ctx, ben.ID, "nobody", "x", true, 20); return err },
		},
		"Preferences": {
			good:    func() error { _, err := s.Preferences(ctx, anna.ID); return err },
			bad:     func() error { _, err := s.Preferences(ctx, nobody); return err },
			refusal: chat.CodeNotFound,
		},
		"UpdatePreferences": {
			good: func() error {
				_, _, err := s.UpdatePreferences(ctx, anna.ID, chat.Preferences{Theme: chat.ThemeAuto})
				return err
			},
			bad: func() error {
				_, _, err := s.UpdatePreferences(ctx, nobody, chat.Preferences{Theme: chat.ThemeAuto})
				return err
			},
			refusal: chat.CodeNotFound,
		},
		"UpdatePassword": {
			good:    func() error { return s.UpdatePassword(ctx, ben.ID, ben.PasswordHash, "") },
			bad:     func() error { return s.UpdatePassword(ctx, ben.ID, "x", "not the present one") },
			refusal: chat.CodeNotFound,
		},
		"UpdateRole": {
			good:    func() error { _, err := s.UpdateRole(ctx, ben.ID, chat.RoleModerator); return err },
			bad:     func() error { _, err := s.UpdateRole(ctx, nobody, chat.RoleModerator); return err },
			refusal: chat.CodeNotFound,
		},
		"UpdateState": {
			good:    func() error { _, err := s.UpdateState(ctx, ben.ID, chat.StateActive); return err },
			bad:     func() error { _, err := s.UpdateState(ctx, nobody, chat.StateActive); return err },
			refusal: chat.CodeNotFound,
		},
		"LockAdministrators": {
			good: func() error { _, err := s.LockAdministrators(ctx, anna.ID); return err },
			bad:  func() error { _, err := s.LockAdministrators(ctx, nobody); return err },
		},
		"Accounts": {
			good: func() error {
				_, err := s.Accounts(ctx, chat.AccountFilter{Query: "anna"}, "", 20, time.Hour)
				return err
			},
			bad: func() error {
				_, err := s.Accounts(ctx, chat.AccountFilter{Invitation: nobody}, "x", 20, time.Hour)
				return err
			},
		},
		"Account": {
			good:    func() error { _, err := s.Account(ctx, anna.ID, time.Hour); return err },
			bad:     func() error { _, err := s.Account(ctx, nobody, time.Hour); return err },
			refusal: chat.CodeNotFound,
		},
		"Registration":       {good: func() error { _, err := s.Registration(ctx); return err }},
		"UpdateRegistration": {good: func() error { return s.UpdateRegistration(ctx, chat.RegistrationOpen) }},
		"InsertInvitation":   {good: func() error { _, err := invite(time.Hour); return err }},
		"Invitations": {
			good: func() error { _, err := s.Invitations(ctx, "", 20); return err },
			bad:  func() error { _, err := s.Invitations(ctx, "x", 20); return err },
		},
		"Invitation": {
			good:    func() error { _, err := s.Invitation(ctx, invitation.ID); return err },
			bad:     func() error { _, err := s.Invitation(ctx, nobody); return err },
			refusal: chat.CodeNotFound,
		},
		"UsableInvitation": {
			good:    func() error { _, err := s.UsableInvitation(ctx, []byte(invitation.Note)); return err },
			bad:     func() error { _, err := s.UsableInvitation(ctx, nil); return err },
			refusal: chat.CodeInvitationLink,
		},
		"UseInvitation": {
			good:    func() error { _, err := s.UseInvitation(ctx, []byte(invitation.Note)); return err },
			bad:     func() error { _, err := s.UseInvitation(ctx, nil); return err },
			refusal: chat.CodeInvitationLink,
		},
		"UpdateInvitation": {
			good:    func() error { return s.UpdateInvitation(ctx, ben.ID, invitation.ID) },
			bad:     func() error { return s.UpdateInvitation(ctx, nobody, invitation.ID) },
			refusal: chat.CodeNotFound,
		},
		"RevokeInvitation": {
			good:    func() error { _, _, err := s.RevokeInvitation(ctx, revoked.ID); return err },
			bad:     func() error { _, _, err := s.RevokeInvitation(ctx, nobody); return err },
			refusal: chat.CodeNotFound,
		},
		"RevokeInvitationsOf": {
			good: func() error { _, err := s.RevokeInvitationsOf(ctx, ben.ID); return err },
			bad:  func() error { _, err := s.RevokeInvitationsOf(ctx, nobody); return err },
		},
		"AppendAudit": {good: func() error { return s.AppendAudit(ctx, chat.AuditEntry{Action: chat.AuditLogOut}) }},
		"Audit": {
			good: func() error { _, err := s.Audit(ctx, chat.ID{}, 0, 20); return err },
			bad:  func() error { _, err := s.Audit(ctx, nobody, 1, 20); return err },
		},
		"AuditAfter": {
			good: func() error { _, _, err := s.AuditAfter(ctx, 0, 20); return err },
			bad:  func() error { _, _, err := s.AuditAfter(ctx, 1000, 20); return err },
		},
		"RaiseViewSeq": {
			good: func() error { _, err := s.RaiseViewSeq(ctx, anna.ID); return err },
			bad:  func() error { _, err := s.RaiseViewSeq(ctx); return err },
		},
		"ViewSeqs": {
			good: func() error { _, err := s.ViewSeqs(ctx, []chat.ID{anna.ID}); return err },
			bad:  func() error { _, err := s.ViewSeqs(ctx, nil); return err },
		},
		"PersonByID": {
			good:    func() error { _, err := s.PersonByID(ctx, anna.ID); return err },
			bad:     func() error { _, err := s.PersonByID(ctx, nobody); return err },
			refusal: chat.CodeNotFound,
		},
		"InsertLetter": {good: func() error { return s.InsertLetter(ctx, chat.Letter{Kind: chat.LetterReset, Login: "anna"}) }},
		"UpdateEmailWanted": {
			good:    func() error { return s.UpdateEmailWanted(ctx, eve.ID, "eve@example.org", eve.PasswordHash) },
			bad:     func() error { return s.UpdateEmailWanted(ctx, eve.ID, "eve@example.org", "another") },
			refusal: chat.CodeNotFound,
		},
		"DeleteEmail": {
			good:    func() error { _, err := s.DeleteEmail(ctx, ben.ID, ben.PasswordHash); return err },
			bad:     func() error { _, err := s.DeleteEmail(ctx, ben.ID, "another"); return err },
			refusal: chat.CodeNotFound,
		},
		"ReplaceEmailConfirmation": {
			good: func() error {
				return s.ReplaceEmailConfirmation(ctx, gina.ID, "gina@example.org", gina.PasswordHash, first, time.Hour)
			},
			bad: func() error {
				return s.ReplaceEmailConfirmation(ctx, gina.ID, "another@example.org", gina.PasswordHash, first, time.Hour)
			},
			refusal: chat.CodeNotFound,
		},
		"PersonByEmailConfirmation": {
			good:    func() error { _, err := s.PersonByEmailConfirmation(ctx, looked); return err },
			bad:     func() error { _, err := s.PersonByEmailConfirmation(ctx, nil); return err },
			refusal: chat.CodeEmailLink,
		},
		"UseEmailConfirmation": {
			good:    func() error { _, _, err := s.UseEmailConfirmation(ctx, used); return err },
			bad:     func() error { _, _, err := s.UseEmailConfirmation(ctx, nil); return err },
			refusal: chat.CodeEmailLink,
		},
		"InsertPasswordResetByMail": {
			good: func() error {
				return s.InsertPasswordResetByMail(ctx, cleo.ID, "cleo@example.org", []byte(chat.NewID().String()), time.Hour)
			},
			bad:     func() error { return s.InsertPasswordResetByMail(ctx, cleo.ID, "cle@example.org", nil, time.Hour) },
			refusal: chat.CodeNotFound,
		},
		"VoidLinks": {
			good: func() error { return s.VoidLinks(ctx, eve.ID) },
			bad:  func() error { return s.VoidLinks(ctx, nobody) },
		},
		"InsertPasswordReset": {good: func() error { return s.InsertPasswordReset(ctx, anna.ID, []byte(chat.NewID().String()), time.Hour) }},
		"PersonByPasswordReset": {
			good:    func() error { _, err := s.PersonByPasswordReset(ctx, first); return err },
			bad:     func() error { _, err := s.PersonByPasswordReset(ctx, nil); return err },
			refusal: chat.CodeResetLink,
		},
		"UsePasswordReset": {
			good:    func() error { _, err := s.UsePasswordReset(ctx, last); return err },
			bad:     func() error { _, err := s.UsePasswordReset(ctx, nil); return err },
			refusal: chat.CodeResetLink,
		},
		"InsertSession": {
			good: func() error {
				return s.InsertSession(ctx, chat.Session{ID: chat.NewID(), PersonID: anna.ID}, anna.PasswordHash, time.Hour)
			},
			bad: func() error {
				return s.InsertSession(ctx, chat.Session{ID: chat.NewID(), PersonID: anna.ID}, "", time.Hour)
			},
			refusal: chat.CodeNotFound,
		},
		"ViewerBySession": {
			good:    func() error { _, _, err := s.ViewerBySession(ctx, anna.SessionID, time.Hour); return err },
			bad:     func() error { _, _, err := s.ViewerBySession(ctx, nobody, time.Hour); return err },
			refusal: chat.CodeNotFound,
		},
		"ViewerByToken": {
			good:    func() error { _, _, err := s.ViewerByToken(ctx, anna.SessionID, "token", time.Hour); return err },
			bad:     func() error { _, _, err := s.ViewerByToken(ctx, anna.SessionID, "another", time.Hour); return err },
			refusal: chat.CodeNotFound,
		},
		"TouchSession": {
			good: func() error { return s.TouchSession(ctx, anna.SessionID, "", 0) },
			bad:  func() error { return s.TouchSession(ctx, nobody, "", 0) },
		},
		"ClearRenew": {
			good: func() error { return s.ClearRenew(ctx, anna.SessionID) },
			bad:  func() error { return s.ClearRenew(ctx, nobody) },
		},
		"RevokeSession": {
			good: func() error { return s.RevokeSession(ctx, ben.SessionID) },
			bad:  func() error { return s.RevokeSession(ctx, nobody) },
		},
		"RevokeSessionOf": {
			good:    func() error { return s.RevokeSessionOf(ctx, eve.ID, eve.SessionID, time.Hour) },
			bad:     func() error { return s.RevokeSessionOf(ctx, anna.ID, eve.SessionID, time.Hour) },
			refusal: chat.CodeNotFound,
		},
		"RevokeSessionsOf": {
			good: func() error { _, err := s.RevokeSessionsOf(ctx, ben.ID, chat.ID{}); return err },
			bad:  func() error { _, err := s.RevokeSessionsOf(ctx, nobody, chat.ID{}); return err },
		},
		"UpsertDraft": {
			good:    func() error { return s.UpsertDraft(ctx, anna.ID, id, "begun") },
			bad:     func() error { return s.UpsertDraft(ctx, nobody, id, "begun") },
			refusal: chat.CodeNotFound,
		},
		"RenewSession": {
			good:    func() error { return s.RenewSession(ctx, anna.SessionID) },
			bad:     func() error { return s.RenewSession(ctx, nobody) },
			refusal: chat.CodeNotFound,
		},
		"SessionsOf": {
			good: func() error { _, err := s.SessionsOf(ctx, anna.ID, time.Hour); return err },
			bad:  func() error { _, err := s.SessionsOf(ctx, nobody, time.Hour); return err },
		},
		"UpdateDisplayName": {
			good:    func() error { _, _, err := s.UpdateDisplayName(ctx, anna.ID, "Anna"); return err },
			bad:     func() error { _, _, err := s.UpdateDisplayName(ctx, nobody, "Nobody"); return err },
			refusal: chat.CodeNotFound,
		},
		"CardsIn": {
			good: func() error { _, err := s.CardsIn(ctx, []chat.ID{id}, nil, time.Time{}); return err },
			bad:  func() error { _, err := s.CardsIn(ctx, nil, []chat.ID{nobody}, time.Time{}); return err },
		},
		"ChangedCards": {
			good: func() error { _, err := s.ChangedCards(ctx, time.Now().Add(-time.Hour)); return err },
			bad:  func() error { _, err := s.ChangedCards(ctx, time.Time{}); return err },
		},
		"ConversationsShowing": {
			good: func() error { _, err := s.ConversationsShowing(ctx, anna.ID); return err },
			bad:  func() error { _, err := s.ConversationsShowing(ctx, nobody); return err },
		},
		"SessionsAlive": {
			good: func() error { _, err := s.SessionsAlive(ctx, []chat.ID{anna.SessionID}, time.Hour); return err },
			bad:  func() error { _, err := s.SessionsAlive(ctx, nil, time.Hour); return err },
		},
		"DeleteEndedSessions": {good: func() error { _, err := s.DeleteEndedSessions(ctx, time.Hour); return err }},
		"EnsureDirect": {
			good:    func() error { _, _, err := s.EnsureDirect(ctx, chat.NewID(), anna.ID, ben.ID); return err },
			bad:     func() error { _, _, err := s.EnsureDirect(ctx, chat.NewID(), anna.ID, nobody); return err },
			refusal: chat.CodeNotFound,
		},
		"ConversationPage": {
			good:    func() error { _, err := s.ConversationPage(ctx, anna.ID, id, chat.Place{}, 50); return err },
			bad:     func() error { _, err := s.ConversationPage(ctx, nobody, id, chat.Place{}, 50); return err },
			refusal: chat.CodeNotFound,
		},
		"Member": {
			good:    func() error { _, err := s.Member(ctx, anna.ID, id); return err },
			bad:     func() error { _, err := s.Member(ctx, nobody, id); return err },
			refusal: chat.CodeNotFound,
		},
		"List": {
			good: func() error { _, err := s.List(ctx, anna.ID, false, nil, 1); return err },
			bad:  func() error { _, err := s.List(ctx, nobody, false, &chat.ListRow{}, 1); return err },
		},
		"Lists": {
			good: func() error { _, err := s.Lists(ctx, []chat.ID{anna.ID, ben.ID}, 1); return err },
			bad:  func() error { _, err := s.Lists(ctx, []chat.ID{nobody}, 1); return err },
		},
		"RowsOf": {
			good: func() error { _, err := s.RowsOf(ctx, []chat.ID{id}, []chat.ID{anna.ID}, nil); return err },
			bad:  func() error { _, err := s.RowsOf(ctx, nil, nil, nil); return err },
		},
		"QuietEnded": {
			good: func() error { _, err := s.QuietEnded(ctx, time.Now().Add(-time.Minute), time.Now()); return err },
			bad:  func() error { _, err := s.QuietEnded(ctx, time.Now(), time.Now()); return err },
		},
		"ListTotals": {
			good: func() error { _, err := s.ListTotals(ctx, []chat.ID{anna.ID}); return err },
			bad:  func() error { _, err := s.ListTotals(ctx, nil); return err },
		},
		"Heads": {
			good: func() error { _, err := s.Heads(ctx, []chat.ID{id}); return err },
			bad:  func() error { _, err := s.Heads(ctx, nil); return err },
		},
		"Active": {
			good: func() error { _, _, err := s.Active(ctx, time.Now()); return err },
			bad:  func() error { _, _, err := s.Active(ctx, time.Time{}); return err },
		},
		"InsertMessage": {
			good:    func() error { _, err := s.InsertMessage(ctx, draft(anna, id)); return err },
			bad:     func() error { _, err := s.InsertMessage(ctx, draft(anna, nobody)); return err },
			refusal: chat.CodeNotFound,
		},
		"MessageByClientID": {
			good: func() error {
				got, hash, err := s.MessageByClientID(ctx, ben.ID, message.ClientID)
				if err == nil && (got.ID != message.ID || !bytes.Equal(hash, message.RequestHash)) {
					t.Errorf("got %+v, %x", got, hash)
				}
				return err
			},
			bad:     func() error { _, _, err := s.MessageByClientID(ctx, anna.ID, message.ClientID); return err },
			refusal: chat.CodeNotFound,
		},
		"ChangesSince": {
			good:    func() error { _, err := s.ChangesSince(ctx, id, 0, 1); return err },
			bad:     func() error { _, err := s.ChangesSince(ctx, nobody, 0, 1); return err },
			refusal: chat.CodeNotFound,
		},
		"ChangesFor": {
			good:    func() error { _, _, err := s.ChangesFor(ctx, anna.ID, id, 0, 1); return err },
			bad:     func() error { _, _, err := s.ChangesFor(ctx, nobody, id, 0, 1); return err },
			refusal: chat.CodeNotFound,
		},
		"InsertGroup": {
			good:    func() error { return s.InsertGroup(ctx, chat.NewID(), anna.ID, crew, []chat.ID{ben.ID}) },
			bad:     func() error { return s.InsertGroup(ctx, chat.NewID(), anna.ID, crew, []chat.ID{nobody}) },
			refusal: chat.CodeNotFound,
		},
		"LockGroup": {
			good:    func() error { _, err := s.LockGroup(ctx, group, []chat.ID{anna.ID, ben.ID}); return err },
			bad:     func() error { _, err := s.LockGroup(ctx, id, []chat.ID{anna.ID}); return err },
			refusal: chat.CodeNotFound,
		},
		"UpsertMembers": {
			good: func() error {
				p := newcomer()
				if err := s.InsertPerson(ctx, p); err != nil {
					return err
				}
				return s.UpsertMembers(ctx, group, anna.ID, []chat.ID{p.ID})
			},
			bad:     func() error { return s.UpsertMembers(ctx, group, anna.ID, []chat.ID{nobody}) },
			refusal: chat.CodeNotFound,
		},
		"EndMembership": {
			good:    func() error { return s.EndMembership(ctx, group, eve.ID, true) },
			bad:     func() error { return s.EndMembership(ctx, group, nobody, true) },
			refusal: chat.CodeNotFound,
		},
		"CountOwners": {
			good: func() error { _, err := s.CountOwners(ctx, group, nobody); return err },
			bad:  func() error { _, err := s.CountOwners(ctx, nobody, nobody); return err },
		},
		"UpdateMemberRole": {
			good:    func() error { return s.UpdateMemberRole(ctx, group, ben.ID, chat.MemberAdministrator) },
			bad:     func() error { return s.UpdateMemberRole(ctx, group, nobody, chat.MemberAdministrator) },
			refusal: chat.CodeNotFound,
		},
		"UpdateGroup": {
			good:    func() error { return s.UpdateGroup(ctx, group, crew) },
			bad:     func() error { return s.UpdateGroup(ctx, nobody, crew) },
			refusal: chat.CodeNotFound,
		},
		"InsertEvent": {
			good: func() error {
				return s.InsertEvent(ctx, group, anna.ID, nil, chat.GroupEvent{Code: chat.EventRules, Members: 3})
			},
			bad:     func() error { return s.InsertEvent(ctx, nobody, anna.ID, nil, chat.GroupEvent{Code: chat.EventRules}) },
			refusal: chat.CodeNotFound,
		},
		"Details": {
			good:    func() error { _, err := s.Details(ctx, anna.ID, group); return err },
			bad:     func() error { _, err := s.Details(ctx, nobody, group); return err },
			refusal: chat.CodeNotFound,
		},
		"GroupMember": {
			good:    func() error { _, err := s.GroupMember(ctx, anna.ID, group, ben.ID); return err },
			bad:     func() error { _, err := s.GroupMember(ctx, anna.ID, id, ben.ID); return err },
			refusal: chat.CodeNotFound,
		},
		"Members": {
			good:    func() error { _, err := s.Members(ctx, anna.ID, group, "b", "", 10); return err },
			bad:     func() error { _, err := s.Members(ctx, nobody, group, "", "", 10); return err },
			refusal: chat.CodeNotFound,
		},
		"InsertGroupLink": {
			good: func() error {
				return s.InsertGroupLink(ctx, chat.NewID(), group, anna.ID, []byte(chat.NewID().String()), time.Hour, 1, 100)
			},
			bad: func() error {
				return s.InsertGroupLink(ctx, chat.NewID(), group, anna.ID, []byte(chat.NewID().String()), time.Hour, 1, 0)
			},
			refusal: chat.CodeTooManyLinks,
		},
		"GroupLinks": {
			good: func() error { _, err := s.GroupLinks(ctx, group); return err },
			bad:  func() error { _, err := s.GroupLinks(ctx, nobody); return err },
		},
		"RevokeGroupLink": {
			good:    func() error { return s.RevokeGroupLink(ctx, group, door) },
			bad:     func() error { return s.RevokeGroupLink(ctx, nobody, door) },
			refusal: chat.CodeNotFound,
		},
		"GroupByLink": {
			good:    func() error { _, err := s.GroupByLink(ctx, anna.ID, []byte("open")); return err },
			bad:     func() error { _, err := s.GroupByLink(ctx, anna.ID, nil); return err },
			refusal: chat.CodeGroupLink,
		},
		"UseGroupLink": {
			good:    func() error { return s.UseGroupLink(ctx, ben.ID, []byte("open")) },
			bad:     func() error { return s.UseGroupLink(ctx, ben.ID, nil) },
			refusal: chat.CodeGroupLink,
		},
		"LockPeople": {good: func() error { return s.LockPeople(ctx, anna.ID, ben.ID, nobody) }},
		"InsertBlock": {
			good:    func() error { _, err := s.InsertBlock(ctx, eve.ID, gina.ID); return err },
			bad:     func() error { _, err := s.InsertBlock(ctx, eve.ID, nobody); return err },
			refusal: chat.CodeNotFound,
		},
		"DeleteBlock": {
			good: func() error { _, err := s.DeleteBlock(ctx, eve.ID, gina.ID); return err },
			bad:  func() error { _, err := s.DeleteBlock(ctx, eve.ID, nobody); return err },
		},
		"UpdateClosed": {
			good: func() error { return s.UpdateClosed(ctx, anna.ID, gina.ID) },
			bad:  func() error { return s.UpdateClosed(ctx, nobody, nobody) },
		},
		"Relations": {
			good: func() error { _, err := s.Relations(ctx, anna.ID, []chat.ID{ben.ID}); return err },
			bad:  func() error { _, err := s.Relations(ctx, nobody, nil); return err },
		},
		"Reach": {
			good:    func() error { _, err := s.Reach(ctx, anna.ID); return err },
			bad:     func() error { _, err := s.Reach(ctx, nobody); return err },
			refusal: chat.CodeNotFound,
		},
		"DecideRequests": {
			good: func() error { return s.DecideRequests(ctx, gina.ID) },
			bad:  func() error { return s.DecideRequests(ctx, nobody) },
		},
		"UpdateReach": {
			good: func() error {
				return s.UpdateReach(ctx, gina.ID, chat.Reach{Writes: "nobody", Adds: "groups", Finds: "everybody"})
			},
			bad: func() error {
				return s.UpdateReach(ctx, nobody, chat.Reach{Writes: "nobody", Adds: "groups", Finds: "everybody"})
			},
			refusal: chat.CodeNotFound,
		},
		"Requests": {
			good: func() error { _, err := s.Requests(ctx, anna.ID, 10); return err },
			bad:  func() error { _, err := s.Requests(ctx, nobody, 10); return err },
		},
		"UpdateRequest": {
			good: func() error {
				w.Exec(t, "UPDATE members SET request = 'pending' WHERE person_id = $1 AND conversation_id = $2", eve.ID, asked)
				return s.UpdateRequest(ctx, eve.ID, asked, "")
			},
			bad:     func() error { return s.UpdateRequest(ctx, nobody, asked, "") },
			refusal: chat.CodeNotFound,
		},
		"Sights": {
			good: func() error {
				sights, _, err := s.Sights(ctx, []chat.Pair{{Viewer: anna.ID, Person: ben.ID}})
				if err == nil && len(sights) != 1 {
					err = errors.New("no sight")
				}
				return err
			},
			bad: func() error { _, _, err := s.Sights(ctx, []chat.Pair{{Viewer: nobody, Person: anna.ID}}); return err },
		},
		"PresenceFacts": {
			good: func() error { _, err := s.PresenceFacts(ctx, []chat.ID{anna.ID}); return err },
			bad:  func() error { _, err := s.PresenceFacts(ctx, []chat.ID{nobody}); return err },
		},
		"UpdateLastSeen": {
			good: func() error { return s.UpdateLastSeen(ctx, map[chat.ID]time.Duration{gina.ID: time.Second}) },
			bad:  func() error { return s.UpdateLastSeen(ctx, map[chat.ID]time.Duration{nobody: time.Second}) },
		},
		"PresenceChoices": {
			good:    func() error { _, err := s.PresenceChoices(ctx, gina.ID); return err },
			bad:     func() error { _, err := s.PresenceChoices(ctx, nobody); return err },
			refusal: chat.CodeNotFound,
		},
		"UpdatePresenceChoices": {
			good: func() error {
				_, _, err := s.UpdatePresenceChoices(ctx, gina.ID, chat.PresenceChoices{Presence: "shared", LastSeen: "nobody"})
				return err
			},
			bad: func() error {
				_, _, err := s.UpdatePresenceChoices(ctx, nobody, chat.PresenceChoices{Presence: "shared", LastSeen: "nobody"})
				return err
			},
			refusal: chat.CodeNotFound,
		},
		"UpdateStatus": {
			good:    func() error { _, err := s.UpdateStatus(ctx, gina.ID, chat.Status{Text: "x"}); return err },
			bad:     func() error { _, err := s.UpdateStatus(ctx, nobody, chat.Status{}); return err },
			refusal: chat.CodeNotFound,
		},
		"Writing": {
			good:    func() error { _, err := s.Writing(ctx, anna.ID, id); return err },
			bad:     func() error { _, err := s.Writing(ctx, gina.ID, id); return err },
			refusal: chat.CodeNotFound,
		},
		"PersonToBlock": {
			good:    func() error { _, err := s.PersonToBlock(ctx, anna.ID, ben.ID); return err },
			bad:     func() error { _, err := s.PersonToBlock(ctx, anna.ID, nobody); return err },
			refusal: chat.CodeNotFound,
		},
		"Blocked": {
			good: func() error { _, err := s.Blocked(ctx, anna.ID, "", 10); return err },
			bad:  func() error { _, err := s.Blocked(ctx, nobody, "x", 10); return err },
		},
		"UpdateChoices": {
			good:    func() error { _, err := s.UpdateChoices(ctx, anna.ID, group, chat.NewChoices{}); return err },
			bad:     func() error { _, err := s.UpdateChoices(ctx, nobody, group, chat.NewChoices{}); return err },
			refusal: chat.CodeNotFound,
		},
		"UpdatePositions": {
			good: func() error {
				_, _, err := s.UpdatePositions(ctx, []chat.Position{{PersonID: anna.ID, ConversationID: id, Read: 1}})
				return err
			},
			bad: func() error { _, _, err := s.UpdatePositions(ctx, nil); return err },
		},
		"Moved": {good: func() error { _, err := s.Moved(ctx, time.Now()); return err }},
		"UpdateUnreadFrom": {
			good:    func() error { _, err := s.UpdateUnreadFrom(ctx, anna.ID, id, 0); return err },
			bad:     func() error { _, err := s.UpdateUnreadFrom(ctx, nobody, id, 0); return err },
			refusal: chat.CodeNotFound,
		},
		"ReceiptSources": {
			good: func() error {
				sources, _, err := s.ReceiptSources(ctx, []chat.Authorship{{ConversationID: id, PersonID: anna.ID}})
				if err == nil && len(sources) != 1 {
					err = errors.New("no source")
				}
				return err
			},
			bad: func() error { _, _, err := s.ReceiptSources(ctx, nil); return err },
		},
		"ReceiptMarks": {
			good: func() error { _, err := s.ReceiptMarks(ctx, []chat.ID{id}); return err },
			bad:  func() error { _, err := s.ReceiptMarks(ctx, nil); return err },
		},
		"MembershipsAmong": {
			good: func() error { _, err := s.MembershipsAmong(ctx, anna.ID, []chat.ID{id}); return err },
			bad:  func() error { _, err := s.MembershipsAmong(ctx, nobody, nil); return err },
		},
		"Receivers": {
			good:    func() error { _, err := s.Receivers(ctx, ben.ID, id, message.ID, "", 5); return err },
			bad:     func() error { _, err := s.Receivers(ctx, anna.ID, id, message.ID, "", 5); return err },
			refusal: chat.CodeNotFound,
		},
	}
	if n := reflect.TypeFor[chat.Store]().NumMethod(); n != len(methods) {
		t.Errorf("%d methods are asked, and there are %d", len(methods), n)
	}
	for name, m := range methods {
		if err := m.good(); err != nil {
			t.Errorf("%s: got %v", name, err)
		}
		if m.bad == nil {
			continue
		}
		if err := m.bad(); chat.CodeOf(err) != m.refusal || (m.refusal == "") != (err == nil) {
			t.Errorf("%s of nothing: got %v", name, err)
		}
	}
	w.Store.Close()
	for name, m := range methods {
		unavailable(t, m.good())
		if t.Failed() {
			t.Fatalf("%s without a database", name)
		}
	}
}

func TestInstallation(t *testing.T) {
	t.Parallel()
	w := chattest.New(t)
	ctx := t.Context()

	t.Run("while nobody asked for a code there is one that nobody knows", func(t *testing.T) {
		first, one, err := w.Store.LockInstallation(ctx)
		_, other, _ := w.Store.LockInstallation(ctx)
		if err != nil || !first || len(one) < 32 || one == other {
			t.Errorf("got %v, %q, %q, %v", first, one, other, err)
		}
	})
	t.Run("of several who ask at once all get the same", func(t *testing.T) {
		held := w.Hold(t, "SELECT FROM installation FOR UPDATE")
		codes := make([]string, 3)
		done := later(func() error {
			return together(len(codes), func(i int) (err error) {
				codes[i], err = w.Store.EnsureSetupCode(ctx, string(rune('a'+i)))
				return err
			})[0]
		})
		w.AwaitWaiting(t, len(codes))
		held.Commit()
		must(t, <-done)
		if codes[0] == "" || len(slices.Compact(codes)) != 1 {
			t.Errorf("got %v", codes)
		}
		if first, code, err := w.Store.LockInstallation(ctx); err != nil || !first || code != codes[0] {
			t.Errorf("got %v, %q, %v", first, code, err)
		}
	})
	t.Run("the epoch says which history of which server this is", func(t *testing.T) {
		one := value[string](t)(w.Store.Epoch(ctx))
		if again := value[string](t)(w.Store.Epoch(ctx)); again != one {
			t.Errorf("got %s and %s", one, again)
		}
		w.Exec(t, "UPDATE installation SET epoch = gen_random_uuid()")
		if restored := value[string](t)(w.Store.Epoch(ctx)); restored == one || restored[36:] != one[36:] || len(one) < 36+10+8 {
			t.Errorf("got %s, before %s", restored, one)
		}
	})
	t.Run("once somebody is there nobody is first, and there is no code", func(t *testing.T) {
		must(t, w.Store.InsertPerson(ctx, newcomer()))
		if first, _, err := w.Store.LockInstallation(ctx); err != nil || first {
			t.Errorf("got %v, %v", first, err)
		}
		if code := value[string](t)(w.Store.EnsureSetupCode(ctx, "x")); code != "" {
			t.Errorf("got %q", code)
		}
	})
}

func TestPersonByLogin(t *testing.T) {
	t.Parallel()
	w := chattest.New(t)
	anna, ben := w.Person(t, "Anna"), w.Person(t, "Ben")
	w.Exec(t, "UPDATE people SET email_wanted = 'a@example.org' WHERE id = $1", anna.ID)
	w.Exec(t, "UPDATE people SET email = 'a@example.org', email_confirmed_at = now() WHERE id = $1", ben.ID)
	if person := value[chat.Person](t)(w.Store.PersonByLogin(t.Context(), "a@example.org")); person.ID != ben.ID || person.EmailConfirmedAt == nil {
		t.Errorf("the address is %s's", person.Username)
	}
	for name, sql := range map[string]string{
		"an address that is not confirmed":   "UPDATE people SET email = 'b@example.org', email_confirmed_at = NULL WHERE id = $1",
		"a confirmation that has no address": "UPDATE people SET email = NULL, email_confirmed_at = now() WHERE id = $1",
	} {
		if _, err := w.DB.Pool().Exec(t.Context(), sql, anna.ID); err == nil {
			t.Errorf("%s can be stored", name)
		}
	}
	// An address is somebody's once it is confirmed, and then nobody else's, whatever its case.
	_, err := w.DB.Pool().Exec(t.Context(), "UPDATE people SET email = 'A@Example.org', email_confirmed_at = now() WHERE id = $1", anna.ID)
	if err == nil {
		t.Error("two people have one address")
	}
	if free := value[string](t)(w.Store.FirstFreeUsername(t.Context(), []string{"anna", "ben", "cleo", "dora"})); free != "cleo" {
		t.Errorf("got %q", free)
	}
}
