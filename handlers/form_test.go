package handlers

import (
	"strings"
	"testing"

	"parley/chat"
)

func TestForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const urlencoded = "application/x-www-form-urlencoded"
	for name, c := range map[string]struct {
		kind, body string
		status     int
	}{
		"a broken escape":            {urlencoded, "theme=%zz", 400},
		"a semicolon":                {urlencoded, "theme=dark;time_zone=UTC", 400},
		"a field twice":              {urlencoded, "theme=dark&theme=light&time_zone=UTC", 400},
		"a field twice, the same":    {urlencoded, "theme=dark&theme=dark&time_zone=UTC", 400},
		"an array":                   {urlencoded, "theme[]=dark&time_zone=UTC", 422},
		"JSON":                       {"application/json", `{"theme":"dark","time_zone":"UTC"}`, 400},
		"plain text":                 {"text/plain", "theme=dark&time_zone=UTC", 400},
		"no type":                    {"", "theme=dark&time_zone=UTC", 400},
		"a type that is none":        {";;;", "theme=dark&time_zone=UTC", 400},
		"multipart without boundary": {"multipart/form-data", "x", 400},
		"multipart that is none":     {"multipart/form-data; boundary=x", "garbage", 400},
		"multipart cut off":          {"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"theme\"\r\n\r\ndark", 400},
		"a file for a field":         {"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"theme\"; filename=\"a\"\r\n\r\ndark\r\n--x--\r\n", 422},
		"another character set":      {urlencoded + "; charset=utf-16", "theme=dark&time_zone=UTC", 303},
		"nothing":                    {urlencoded, "", 422},
		"nothing at all":             {"", "", 422},
		"a field of another name":    {urlencoded, "Theme=dark&TIME_ZONE=UTC", 422},
		"many fields":                {urlencoded, strings.Repeat("x&", 20000), -4},
		"as it should be":            {urlencoded, "theme=dark&time_zone=UTC", 303},
	} {
		a := w.member.send(w.member.request("POST", "/settings", c.kind, c.body))
		if a.status != c.status && (c.status != -4 || a.status/100 != 4) {
			t.Errorf("%s: %d, want %d", name, a.status, c.status)
		}
	}

	t.Run("fields in the address are no fields of the form", func(t *testing.T) {
		w.member.post("/settings?theme=dark&time_zone=UTC", nil).is(422)
		w.member.post(w.conversation+"/messages?body=x&client_id="+chat.NewID().String(), nil).is(422)
	})
}
