package handlers

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"parley/chat"
)

// FuzzForm looks for bodies that make reading a form panic, answer otherwise than by a clear refusal, or give a field
// that comes twice.
func FuzzForm(f *testing.F) {
	const urlencoded = "application/x-www-form-urlencoded"
	multi := "--x\r\nContent-Disposition: form-data; name=\"body\"\r\n\r\nhello\r\n--x--\r\n"
	for _, seed := range [][2]string{
		{urlencoded, ""}, {urlencoded, "body=hello&seq=7"}, {urlencoded, "body=a&body=b"}, {urlencoded, "body=%zz"}, {urlencoded, "body=a;seq=1"},
		{urlencoded, "people=a&people=b&as=x"}, {urlencoded, "body=%00%ff&=&&x"}, {urlencoded + "; charset=utf-16", "body=a"},
		{"multipart/form-data; boundary=x", multi}, {"multipart/form-data; boundary=x", multi[:40]},
		{"multipart/form-data; boundary=x", strings.Replace(multi, `name="body"`, `name="body"; filename="a"`, 1)},
		{"multipart/form-data; boundary=x", strings.TrimSuffix(multi, "--x--\r\n") + multi}, {"multipart/form-data", multi},
		{"", ""}, {"", "x"}, {";;;", "x"}, {"text/plain", "body=a"}, {"application/json", `{"body":"a"}`},
		{urlencoded, "seq=9223372036854775808"}, {urlencoded, "seq=-1"}, {urlencoded, "seq=%D9%A3"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, kind, body string) {
		read := func() (*http.Request, *visit) {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
			r.Header["Content-Type"] = []string{kind}
			v := &visit{viewer: &chat.Viewer{Person: chat.Person{Card: chat.Card{ID: chat.NewID()}}}}
			r = withVisit(r, v)
			if err := limitBody(httptest.NewRecorder(), r, 1<<10); err != nil {
				t.Skip("refused before it is read")
			}
			return r, v
		}
		told := func(err error) bool {
			var tooLarge *http.MaxBytesError
			code := chat.CodeOf(err)
			return errors.As(err, &tooLarge) || code == chat.CodeUnreadable || code == chat.CodeSomebodyElse
		}
		r, v := read()
		form, lists, err := readFormLists(r, []string{"people"}, "body", "seq", "flag")
		if err != nil {
			if len(form) > 0 || !told(err) {
				t.Fatalf("%q of %q: %v, %v", body, kind, form, err)
			}
			return
		}
		for name, value := range form {
			if given := v.form[name]; len(given) != 1 || given[0] != value {
				t.Errorf("%s is %q and was given as %q", name, value, given)
			}
		}
		if !slices.Equal(lists["people"], v.form["people"]) || len(v.form[fieldAs]) > 1 || v.form.Get(fieldAs) != "" {
			t.Errorf("%q of %q: %q, %q", body, kind, lists, v.form)
		}
		if n, err := form.number("seq"); err == nil && n < 0 || err != nil && !told(err) {
			t.Errorf("%q is the number %d, %v", form["seq"], n, err)
		}
		if _, err := form.flag("flag"); err != nil && !told(err) {
			t.Errorf("the flag %q: %v", form["flag"], err)
		}
		if text := shown(form["body"]); !sound(text) {
			t.Errorf("%q is given back as %q", form["body"], text)
		}
		// Read once more it is the same, although the body is used up.
		if again, err := readForm(r, "body"); err != nil || again["body"] != form["body"] {
			t.Errorf("again %q, %v", again, err)
		}
	})
}
