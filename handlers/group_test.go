package handlers

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestGroups(t *testing.T) {
	t.Parallel()

	t.Run("where administrators add people, members find no form for it", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t)
		c.gather()
		path := "/conversations/" + c.group.String()
		add := url.Values{"people": {c.extra.id.String()}}
		c.who[memberThere].get(path + "/members/new").is(200) // premise
		c.who[memberThere].get(path + "/details").has("a[href='" + path + "/members/new']")
		c.exec(`UPDATE conversations SET who_adds = 'administrators' WHERE id = $1`, c.group)
		for _, b := range []*browser{c.who[memberThere], c.who[memberThere].htmx()} {
			b.get(path + "/members/new").is(403)
			b.get(path + "/members/new?q=person").is(403)
			b.with("HX-Target", "div#picker-results").get(path + "/members/new?q=person").is(403)
			b.post(path+"/members", add).is(403)
		}
		c.who[memberThere].get(path + "/details").is(200).lacks("a[href='" + path + "/members/new']")
		for _, s := range []standing{administratorThere, ownerThere} {
			c.who[s].get(path + "/members/new").is(200)
			c.who[s].post(path+"/members", add).is(303)
		}
	})

	t.Run("a group of 200 others is made through the door, and one more is refused at its field", func(t *testing.T) {
		t.Parallel()
		s := newSite(t)
		b := s.person()
		s.exec(`INSERT INTO people (id, username, display_name, password_hash)
			SELECT gen_random_uuid(), 'u' || n, 'U ' || n, '' FROM generate_series(1, 2000) n`)
		all := strings.Split(value[string](s, `SELECT string_agg(id::text, ' ') FROM people WHERE username LIKE 'u%'`), " ")
		a := b.post("/conversations", url.Values{"name": {"Crew"}, "people": all[:201]}).is(422)
		a.says("200 at most").says(`value="Crew"`)
		if n := a.has("input[name=people][checked]").Length(); n != 201 {
			t.Errorf("%d are still chosen", n)
		}
		if n := b.get("/groups/new?q=x&" + url.Values{"people": all[:200]}.Encode()).is(200).has("input[name=people][checked]").Length(); n != 200 {
			t.Errorf("%d are chosen", n)
		}
		path := b.post("/conversations", url.Values{"name": {"Crew"}, "people": all[:200]}).is(303).header.Get("Location")
		// To the bound, 200 at a time.
		for from := 200; from < 1999; from += 200 {
			b.post(path+"/members", url.Values{"people": all[from:min(from+200, 1999)]}).is(303)
		}
		if n := value[int](s, `SELECT member_count FROM conversations`); n != 2000 {
			t.Errorf("%d members", n)
		}
		b.post(path+"/members", url.Values{"people": all[1999:]}).is(409).says("2000 at most")
	})

	t.Run("who is in the group no more may archive and pin it, and nothing else", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t)
		c.gather()
		path, former := "/conversations/"+c.group.String(), c.who[formerThere]
		stored := func(b *browser) string {
			return value[string](c.site, `SELECT format('%s %s %s %s', quiet_until, notify, pinned_at IS NOT NULL, archived_seq IS NOT NULL)
				FROM members WHERE conversation_id = $1 AND person_id = $2`, c.group, b.id)
		}
		before := stored(former)
		for _, form := range []url.Values{{"quiet": {"always"}}, {"notify": {"nothing"}}, {"quiet": {"hour"}, "pinned": {"true"}}} {
			former.post(path+"/choices", form).is(403).says("You are no longer in this group.")
			former.htmx().post(path+"/choices", form).is(403)
			if now := stored(former); now != before {
				t.Errorf("%v: %s instead of %s", form, now, before)
			}
			c.who[memberThere].post(path+"/choices", form).is(303)
		}
		former.post(path+"/choices", url.Values{"pinned": {"true"}, "archived": {"true"}}).is(303)
		if now := stored(former); now != " all t t" {
			t.Errorf("stored is %q", now)
		}
	})

	t.Run("each choice is stored where it belongs, and nothing else changes", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t)
		c.gather()
		path, mira := "/conversations/"+c.group.String(), c.who[memberThere]
		c.exec(`UPDATE people SET time_zone = 'Asia/Tokyo' WHERE id = $1`, mira.id)
		stored := func() string {
			return value[string](c.site, `SELECT format('%s | %s | %s | %s',
					CASE WHEN quiet_until > '9000-01-01' THEN 'for good' ELSE coalesce((quiet_until AT TIME ZONE 'UTC')::text, 'off') END,
					notify, pinned_at IS NOT NULL, archived_seq IS NOT NULL)
				FROM members WHERE conversation_id = $1 AND person_id = $2`, c.group, mira.id)
		}
		now := c.clock.Now().UTC()
		morning := now.Add(9*time.Hour).AddDate(0, 0, 1).Format("2006-01-02") // of the next day, there
		for _, step := range []struct{ field, is, want string }{
			{"notify", "mentions", "off | mentions | f | f"},
			{"pinned", "true", "off | mentions | t | f"},
			{"quiet", "always", "for good | mentions | t | f"},
			{"archived", "true", "for good | mentions | t | t"},
			{"pinned", "false", "for good | mentions | f | t"},
			{"notify", "nothing", "for good | nothing | f | t"},
			{"archived", "false", "for good | nothing | f | f"},
			{"quiet", "off", "off | nothing | f | f"},
			{"notify", "all", "off | all | f | f"},
		} {
			mira.post(path+"/choices", url.Values{step.field: {step.is}}).redirects(path + "/details?saved=yes")
			if got := stored(); got != step.want {
				t.Errorf("%s is %s: stored is %q, not %q", step.field, step.is, got, step.want)
			}
		}
		for quiet, sql := range map[string]string{
			"hour":     `SELECT abs(extract(epoch FROM quiet_until - $3::timestamptz - interval '1 hour')) < 1`,
			"tomorrow": `SELECT quiet_until = ($4 || ' 08:00 Asia/Tokyo')::timestamptz AND $3::timestamptz IS NOT NULL`,
		} {
			mira.post(path+"/choices", url.Values{"quiet": {quiet}}).is(303)
			if !value[bool](c.site, sql+` AND $4::text <> '' FROM members WHERE conversation_id = $1 AND person_id = $2`, c.group, mira.id, now, morning) {
				t.Errorf("%s: stored is %s", quiet, stored())
			}
		}
		mira.post(path+"/choices", url.Values{"notify": {"never"}}).is(422)
	})

	t.Run("each setting is stored where it belongs", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t)
		c.gather()
		path, owner := "/conversations/"+c.group.String(), c.who[ownerThere]
		fields := []string{"name", "about", "who_adds", "who_writes", "history"}
		for _, want := range []string{
			"Reef|Corals|administrators|members|all", "Reef|Corals|members|administrators|all", "Reef|Corals|members|members|joined",
			"Corals|Reef|administrators|administrators|joined", "Reef||members|members|all",
		} {
			form := url.Values{}
			for i, v := range strings.Split(want, "|") {
				form.Set(fields[i], v)
			}
			owner.post(path+"/settings", form).redirects(path + "/details?saved=yes")
			if got := value[string](c.site, `SELECT concat_ws('|', name, description, who_adds, who_writes, history) FROM conversations WHERE id = $1`, c.group); got != want {
				t.Errorf("stored is %q, not %q", got, want)
			}
			a := owner.get(path + "/settings").is(200)
			for _, name := range fields[2:] {
				if v, _ := a.has("input[name=" + name + "][checked]").Attr("value"); v != form.Get(name) {
					t.Errorf("%s is shown as %q, not %q", name, v, form.Get(name))
				}
			}
			if v, _ := a.has("input[name=name]").Attr("value"); v != form.Get("name") || strings.TrimSpace(a.has("textarea[name=about]").Text()) != form.Get("about") {
				t.Errorf("shown is %q", v)
			}
		}
	})

	t.Run("a link lives and lets in as often as was chosen", func(t *testing.T) {
		t.Parallel()
		c := newCrew(t)
		c.gather()
		c.exec(`DELETE FROM group_links`)
		path, owner := "/conversations/"+c.group.String(), c.who[ownerThere]
		for life, seconds := range map[string]string{"day": "86400", "week": "604800", "month": "2592000", "never": "never"} {
			for _, times := range []string{"0", "1", "5", "25", "100"} {
				owner.post(path+"/links", url.Values{"life": {life}, "times": {times}}).is(200)
				got := value[string](c.site, `
					SELECT coalesce(extract(epoch FROM expires_at - created_at)::bigint::text, 'never') || ' ' || coalesce(max_uses, 0)
					FROM group_links WHERE conversation_id = $1`, c.group)
				if got != seconds+" "+times {
					t.Errorf("%s, %s times: stored is %s", life, times, got)
				}
				c.exec(`DELETE FROM group_links`)
			}
		}
		for _, form := range []url.Values{{"life": {"year"}, "times": {"1"}}, {"life": {"day"}, "times": {"many"}}, {"life": {"day"}, "times": {"-1"}}, {"life": {"day"}, "times": {"1001"}}} {
			owner.post(path+"/links", form).is(422)
		}
		if n := value[int](c.site, `SELECT count(*) FROM group_links`); n != 0 {
			t.Errorf("%d links", n)
		}
	})
}
