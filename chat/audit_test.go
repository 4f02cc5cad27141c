//go:build unix

package chat_test

import (
	"bytes"
	"slices"
	"testing"

	"parley/chat"
	"parley/chat/chattest"
)

// history is a world in which something was done: six entries.
func history(t *testing.T) (*chattest.World, chat.Viewer) {
	t.Helper()
	w := chattest.New(t)
	boss, anna := w.Administrator(t, "Boss"), w.Person(t, "Anna")
	must(t, w.Chat.ChangeRole(t.Context(), boss, desk, anna.ID, chat.RoleModerator, chattest.Password))
	must(t, w.Chat.Suspend(t.Context(), boss, desk, anna.ID, chattest.Password))
	must(t, w.Chat.Restore(t.Context(), boss, desk, anna.ID))
	_, _, err := w.Chat.Invite(t.Context(), boss, desk, chat.InvitationInput{Note: "<&>"})
	must(t, err)
	must(t, w.Chat.SetRegistration(t.Context(), boss, desk, chat.RegistrationInvite))
	must(t, w.Chat.LogOutEverywhere(t.Context(), boss, desk, anna.ID))
	return w, boss
}

func TestVerifyAudit(t *testing.T) {
	t.Parallel()

	t.Run("what was never touched is whole, from nothing on", func(t *testing.T) {
		t.Parallel()
		empty := chattest.New(t)
		if v := value[chat.AuditVerdict](t)(empty.Chat.VerifyAudit(t.Context())); v.Entries != 0 || v.Broken != 0 || len(v.Hash) != 0 {
			t.Errorf("got %+v", v)
		}
		w, boss := history(t)
		first := value[chat.AuditVerdict](t)(w.Chat.CheckAudit(t.Context(), boss))
		if first.Entries != 6 || first.Broken != 0 || len(first.Hash) != 32 {
			t.Errorf("got %+v", first)
		}
		_, err := w.Chat.MakeResetLink(t.Context(), "anna")
		must(t, err)
		if v := value[chat.AuditVerdict](t)(w.Chat.VerifyAudit(t.Context())); v.Entries != 7 || v.Broken != 0 || bytes.Equal(v.Hash, first.Hash) {
			t.Errorf("got %+v", v)
		}
	})

	t.Run("nobody changes, removes or empties it by ordinary means", func(t *testing.T) {
		t.Parallel()
		w, _ := history(t)
		for _, sql := range []string{
			"UPDATE audit SET actor_id = NULL", "UPDATE audit SET address = address WHERE seq = 1", "DELETE FROM audit", "DELETE FROM audit WHERE seq = 6", "TRUNCATE audit",
		} {
			if _, err := w.DB.Pool().Exec(t.Context(), sql); err == nil {
				t.Errorf("%s: done", sql)
			}
		}
		if n := entries(t, w); n != 6 {
			t.Errorf("%d entries", n)
		}
	})

	// Whoever has the database to themselves can do it all the same, and is found out.
	for sql, broken := range map[string]int64{
		"UPDATE audit SET actor_id = NULL WHERE seq = 1":                      1,
		"UPDATE audit SET actor_id = gen_random_uuid() WHERE seq = 2":         2,
		"UPDATE audit SET target_id = NULL WHERE seq = 3":                     3,
		"UPDATE audit SET action = 'invite' WHERE seq = 3":                    3,
		"UPDATE audit SET address = '192.0.2.1' WHERE seq = 4":                4,
		"UPDATE audit SET at = at + interval '1 microsecond' WHERE seq = 5":   5,
		`UPDATE audit SET before = '{"role": "administrator"}' WHERE seq = 1`: 1,
		`UPDATE audit SET after = after || '{"x": "y"}' WHERE seq = 2`:        2,
		`UPDATE audit SET after = '{"sessions_ended": 1}' WHERE seq = 6`:      6,
		`UPDATE audit SET after = 'null' WHERE seq = 6`:                       6,
		"UPDATE audit SET hash = sha256('x') WHERE seq = 4":                   4,
		"DELETE FROM audit WHERE seq = 1":                                     1,
		"DELETE FROM audit WHERE seq = 3":                                     3,
		"DELETE FROM audit WHERE seq = 6":                                     6,
		"DELETE FROM audit WHERE seq >= 5":                                    5,
		"DELETE FROM audit":                                                   1,
		"UPDATE audit SET seq = -seq; UPDATE audit SET seq = seq + 7":         1,
		"UPDATE audit SET seq = 10 WHERE seq = 6":                             6,
		"UPDATE audit SET seq = CASE seq WHEN 2 THEN 103 ELSE 102 END WHERE seq IN (2, 3); UPDATE audit SET seq = seq - 100 WHERE seq > 100": 2,
		"UPDATE audit_head SET seq = 5":            6,
		"UPDATE audit_head SET seq = 7":            7,
		"UPDATE audit_head SET hash = sha256('x')": 6,
	} {
		t.Run(sql, func(t *testing.T) {
			t.Parallel()
			w, _ := history(t)
			if v := value[chat.AuditVerdict](t)(w.Chat.VerifyAudit(t.Context())); v.Broken != 0 {
				t.Fatalf("premise: %+v", v)
			}
			w.Exec(t, "ALTER TABLE audit DISABLE TRIGGER USER")
			if _, err := w.DB.Conn().Exec(t.Context(), sql); err != nil {
				t.Fatal(err)
			}
			if v := value[chat.AuditVerdict](t)(w.Chat.VerifyAudit(t.Context())); v.Broken != broken {
				t.Errorf("broken at %d, want %d", v.Broken, broken)
			}
		})
	}

	t.Run("many at once make one chain", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		boss, other := w.Administrator(t, "Boss"), w.Administrator(t, "Other")
		both := []chat.Viewer{boss, other}
		for _, err := range together(20, func(i int) error {
			_, _, err := w.Chat.Invite(t.Context(), both[i%2], desk, chat.InvitationInput{})
			return err
		}) {
			must(t, err)
		}
		if v := value[chat.AuditVerdict](t)(w.Chat.VerifyAudit(t.Context())); v.Entries != 20 || v.Broken != 0 {
			t.Errorf("got %+v", v)
		}
		if sorted := chattest.Value[bool](t, w, "SELECT bool_and(at >= before) FROM (SELECT at, lag(at, 1, at) OVER (ORDER BY seq) AS before FROM audit) a"); !sorted {
			t.Error("later entries are older")
		}
	})

	t.Run("what was rolled back leaves no hole", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		boss := w.Administrator(t, "Boss")
		_ = w.Store.InTx(t.Context(), func(tx chat.Store) error {
			must(t, tx.AppendAudit(t.Context(), chat.AuditEntry{Action: chat.AuditLogOut}))
			return chat.NotFound()
		})
		must(t, w.Chat.SetRegistration(t.Context(), boss, desk, chat.RegistrationClosed))
		if v := value[chat.AuditVerdict](t)(w.Chat.VerifyAudit(t.Context())); v.Entries != 1 || v.Broken != 0 {
			t.Errorf("got %+v", v)
		}
	})

	t.Run("a log longer than is read at once is whole, or is not", func(t *testing.T) {
		t.Parallel()
		w := chattest.New(t)
		var e chat.AuditEntry
		rows := []chat.AuditEntry{}
		for seq := range int64(chat.AuditBatch + 2) {
			previous := e.Hash
			e = chat.AuditEntry{Seq: seq + 1, At: w.Clock.Now(), Action: chat.AuditLogOut}
			e.Seal(previous)
			rows = append(rows, e)
		}
		tx, err := w.DB.Conn().Begin(t.Context())
		must(t, err)
		for _, e := range rows {
			_, err := tx.Exec(t.Context(), "INSERT INTO audit (seq, at, action, address, before, after, hash) VALUES ($1, $2, $3, '', '{}', '{}', $4)", e.Seq, e.At, string(e.Action), e.Hash)
			must(t, err)
		}
		_, err = tx.Exec(t.Context(), "UPDATE audit_head SET seq = $1, hash = $2", e.Seq, e.Hash)
		must(t, err)
		must(t, tx.Commit(t.Context()))
		if v := value[chat.AuditVerdict](t)(w.Chat.VerifyAudit(t.Context())); v.Entries != int64(len(rows)) || v.Broken != 0 {
			t.Errorf("got %d, broken at %d", v.Entries, v.Broken)
		}
		w.Exec(t, "ALTER TABLE audit DISABLE TRIGGER USER")
		w.Exec(t, "UPDATE audit SET action = 'x' WHERE seq = $1", chat.AuditBatch+1)
		if v := value[chat.AuditVerdict](t)(w.Chat.VerifyAudit(t.Context())); v.Broken != int64(chat.AuditBatch+1) {
			t.Errorf("broken at %d", v.Broken)
		}
	})
}

func TestAudit(t *testing.T) {
	t.Parallel()
	w, boss := history(t)
	anna := value[chat.Person](t)(w.Store.PersonByLogin(t.Context(), "anna"))

	page := value[chat.AuditPage](t)(w.Chat.Audit(t.Context(), boss, chat.ID{}, 0))
	var actions []chat.AuditAction
	for _, row := range page.Rows {
		actions = append(actions, row.Action)
		if row.Actor == nil || *row.Actor != boss.Card {
			t.Errorf("%s: by %+v", row.Action, row.Actor)
		}
	}
	want := []chat.AuditAction{chat.AuditLogOut, chat.AuditRegistration, chat.AuditInvite, chat.AuditRestore, chat.AuditSuspend, chat.AuditRole}
	if !slices.Equal(actions, want) || page.HasMore {
		t.Errorf("got %v, %v", actions, page.HasMore)
	}
	if page.Rows[2].Note != "<&>" || page.Rows[2].Target != nil || page.Rows[0].Target == nil || *page.Rows[0].Target != anna.Card {
		t.Errorf("got %+v", page.Rows[2])
	}

	if page := value[chat.AuditPage](t)(w.Chat.Audit(t.Context(), boss, anna.ID, 0)); len(page.Rows) != 4 {
		t.Errorf("%d entries about anna", len(page.Rows))
	}
	if page := value[chat.AuditPage](t)(w.Chat.Audit(t.Context(), boss, anna.ID, 3)); len(page.Rows) != 2 || page.Rows[0].Seq != 2 {
		t.Errorf("before the third: %+v", page.Rows)
	}
	if page := value[chat.AuditPage](t)(w.Chat.Audit(t.Context(), boss, chat.ID{}, 2)); len(page.Rows) != 1 || page.Rows[0].Seq != 1 {
		t.Errorf("before the second: %+v", page.Rows)
	}

	t.Run("an entry outlives those it speaks of", func(t *testing.T) {
		w.Exec(t, "DELETE FROM people WHERE id = $1", anna.ID)
		page := value[chat.AuditPage](t)(w.Chat.Audit(t.Context(), boss, anna.ID, 0))
		if len(page.Rows) != 4 || page.Rows[0].Target != nil || page.Rows[0].TargetID != anna.ID {
			t.Errorf("got %+v", page.Rows)
		}
		if v := value[chat.AuditVerdict](t)(w.Chat.VerifyAudit(t.Context())); v.Broken != 0 {
			t.Errorf("broken at %d", v.Broken)
		}
	})

	t.Run("there are pages", func(t *testing.T) {
		w := chattest.New(t)
		boss := w.Administrator(t, "Boss")
		for range 60 {
			must(t, w.Store.InTx(t.Context(), func(tx chat.Store) error {
				return tx.AppendAudit(t.Context(), chat.AuditEntry{Action: chat.AuditLogOut})
			}))
		}
		first := value[chat.AuditPage](t)(w.Chat.Audit(t.Context(), boss, chat.ID{}, 0))
		if len(first.Rows) != 50 || !first.HasMore || first.Rows[0].Seq != 60 {
			t.Fatalf("%d entries, %v", len(first.Rows), first.HasMore)
		}
		if second := value[chat.AuditPage](t)(w.Chat.Audit(t.Context(), boss, chat.ID{}, first.Rows[49].Seq)); len(second.Rows) != 10 || second.HasMore {
			t.Errorf("%d entries, %v", len(second.Rows), second.HasMore)
		}
	})
}

func TestOperatorsActs(t *testing.T) {
	t.Parallel()
	w := chattest.New(t)
	anna := value[chat.Person](t)(w.Chat.CreateAccount(t.Context(), form("anna"), chat.RoleMember)) // the first: administrator all the same
	wrote(t, w, chat.AuditEntry{Action: chat.AuditCreate, TargetID: anna.ID, After: chat.AuditFacts{"role": "administrator"}})
	ben := value[chat.Person](t)(w.Chat.CreateAccount(t.Context(), form("ben"), chat.RoleMember))
	wrote(t, w, chat.AuditEntry{Action: chat.AuditCreate, TargetID: ben.ID, After: chat.AuditFacts{"role": "member"}})
	must(t, w.Chat.Promote(t.Context(), "ben", chat.RoleAdministrator))
	wrote(t, w, chat.AuditEntry{
		Action: chat.AuditRole, TargetID: ben.ID, Before: chat.AuditFacts{"role": "member"}, After: chat.AuditFacts{"role": "administrator"},
	})
	value[string](t)(w.Chat.MakeResetLink(t.Context(), "ben"))
	wrote(t, w, chat.AuditEntry{Action: chat.AuditResetLink, TargetID: ben.ID})

	// What is refused, or changes nothing, leaves no trace.
	must(t, w.Chat.Promote(t.Context(), "ben", chat.RoleAdministrator))
	_, err := w.Chat.CreateAccount(t.Context(), form("ben"), chat.RoleMember)
	wrong(t, err)
	_, err = w.Chat.MakeResetLink(t.Context(), "nobody")
	notFound(t, err)
	notFound(t, w.Chat.Promote(t.Context(), "nobody", chat.RoleModerator))
	if n := entries(t, w); n != 4 {
		t.Errorf("%d entries", n)
	}
	{
		takeAway(t, w, "audit")
		_, err = w.Chat.CreateAccount(t.Context(), form("cleo"), chat.RoleMember)
		internal(t, err)
		_, err = w.Chat.MakeResetLink(t.Context(), "ben")
		internal(t, err)
		internal(t, w.Chat.Promote(t.Context(), "ben", chat.RoleMember))
		if n := chattest.Value[int](t, w, "SELECT count(*) FROM people"); n != 2 {
			t.Errorf("%d people", n)
		}
	}
}
