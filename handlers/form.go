package handlers

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"parley/chat"
)

// fields are the values of a form or of an address, one for each name.
type fields map[string]string

// unreadable is the refusal of a request that says nothing that could be answered field by field.
func unreadable(err error) error {
	return &chat.Error{Kind: chat.KindInvalid, Code: chat.CodeUnreadable, Err: err}
}

// readForm reads the named fields of a posted form, urlencoded or multipart; other fields are ignored, and so is the
// address. A field that is not there is empty. A field that comes twice is refused, because two readers might pick
// different ones. What a value holds is for the domain to judge.
//
// Errors: invalid (unreadable), unauthenticated (somebody_else), and [http.MaxBytesError].
func readForm(r *http.Request, names ...string) (fields, error) {
	values, err := ownForm(r)
	if err != nil {
		return nil, err
	}
	return single(values, names)
}

// readFormLists reads a form in which the fields named in lists may come several times.
func readFormLists(r *http.Request, lists []string, names ...string) (fields, map[string][]string, error) {
	values, err := ownForm(r)
	if err != nil {
		return nil, nil, err
	}
	return singleAndLists(values, lists, names)
}

// readQueryLists reads an address in the same way.
func readQueryLists(r *http.Request, lists []string, names ...string) (fields, map[string][]string, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, nil, unreadable(err)
	}
	return singleAndLists(values, lists, names)
}

func singleAndLists(values url.Values, lists, names []string) (fields, map[string][]string, error) {
	several := make(map[string][]string, len(lists))
	for _, name := range lists {
		several[name] = values[name]
	}
	f, err := single(values, names)
	return f, several, err
}

// parseIDs reads several ids; false where one of them is none.
func parseIDs(texts []string) ([]chat.ID, bool) {
	ids := make([]chat.ID, 0, len(texts))
	for _, text := range texts {
		id, ok := parseID(text)
		if !ok {
			return nil, false
		}
		ids = append(ids, id)
	}
	return ids, true
}

// fieldAs is the field, or the parameter of an address, by which a page says whose it is.
const fieldAs = "as"

// ownForm reads a form that is the viewer's own. A page that lay open while somebody else logged in on the same browser
// has that person's cookie, and would write in their name; so pages say whose they are, and are not listened to where
// that is somebody else. Programs, which hold one session each, need not say it.
func ownForm(r *http.Request) (url.Values, error) {
	values, err := formValues(r)
	if err != nil {
		return nil, err
	}
	return values, ofViewer(r, values)
}

// ofViewer refuses what says that it is of somebody else than the viewer.
func ofViewer(r *http.Request, values url.Values) error {
	f, err := single(values, []string{fieldAs})
	if err != nil {
		return err
	}
	if viewer := visitOf(r.Context()).viewer; viewer != nil && f[fieldAs] != "" && f[fieldAs] != viewer.ID.String() {
		return &chat.Error{Kind: chat.KindUnauthenticated, Code: chat.CodeSomebodyElse}
	}
	return nil
}

// formValues reads the form; whoever asks again gets the same.
func formValues(r *http.Request) (url.Values, error) {
	v := visitOf(r.Context())
	if v.form != nil {
		return v.form, nil
	}
	values, err := parseForm(r)
	if err == nil {
		v.form = values
	}
	return values, err
}

func parseForm(r *http.Request) (url.Values, error) {
	given := r.Header.Get("Content-Type")
	kind, _, err := mime.ParseMediaType(given)
	switch {
	case given == "":
		return nothing(r.Body)
	case err != nil:
		return nil, unreadable(err)
	case kind == "application/x-www-form-urlencoded":
		return urlencoded(r.Body)
	case kind == "multipart/form-data":
		return multipartValues(r)
	}
	return nil, unreadable(fmt.Errorf("a form is not sent as %q", kind))
}

// nothing reads a body of no type, which must be empty.
func nothing(body io.Reader) (url.Values, error) {
	var first [1]byte
	if n, err := io.ReadFull(body, first[:]); n > 0 || !errors.Is(err, io.EOF) {
		return nil, unreadable(errors.New("a form comes without its type"))
	}
	return url.Values{}, nil
}

func urlencoded(body io.Reader) (url.Values, error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, broken(err)
	}
	values, err := url.ParseQuery(string(text))
	if err != nil {
		return nil, unreadable(err)
	}
	return values, nil
}

// multipartValues returns the fields; files are dropped. The body limit is below what ParseMultipartForm keeps in
// memory, so nothing reaches the disk.
func multipartValues(r *http.Request) (url.Values, error) {
	if err := r.ParseMultipartForm(maxMessageBody); err != nil {
		return nil, broken(err)
	}
	return r.MultipartForm.Value, nil
}

// broken tells a body that is too large from one that cannot be read.
func broken(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return tooLarge
	}
	return unreadable(err)
}

// readQuery reads the named parameters of the address, by the rules of [readForm].
func readQuery(r *http.Request, names ...string) (fields, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, unreadable(err)
	}
	return single(values, names)
}

func single(values url.Values, names []string) (fields, error) {
	f := make(fields, len(names))
	for _, name := range names {
		given := values[name]
		if len(given) > 1 {
			return nil, unreadable(fmt.Errorf("%s is given %d times", name, len(given)))
		}
		if len(given) == 1 {
			f[name] = given[0]
		}
	}
	return f, nil
}

// number reads a field that counts from zero; one that is not there is zero.
func (f fields) number(name string) (int64, error) {
	if f[name] == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(f[name], 10, 64)
	if err != nil || n < 0 {
		return 0, unreadable(fmt.Errorf("%s is no number from zero", name))
	}
	return n, nil
}

// parseID reads an id in its one usual form; the library takes three more.
func parseID(s string) (chat.ID, bool) {
	if len(s) != 36 {
		return chat.ID{}, false
	}
	id, err := uuid.Parse(s)
	return id, err == nil && id != uuid.Nil
}

// shown is what a form gives back of a value that was typed: without the characters that no page can carry.
func shown(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && r != '\r' && unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// sound says whether s is text that the store can compare with: no NUL, valid UTF-8.
func sound(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// maxNext bounds the address to go to after logging in, in bytes.
const maxNext = 512

// localPath returns next if it is an address within this installation, otherwise "/". Browsers read a backslash as a
// slash, drop tabs and line ends, and take what follows two slashes as another host.
func localPath(next string) string {
	if !strings.HasPrefix(next, "/") || len(next) > maxNext || !utf8.ValidString(next) ||
		strings.ContainsFunc(next, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		return "/"
	}
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || strings.Contains(u.Path, "//") || strings.Contains(u.Path, "\\") {
		return "/"
	}
	return u.String()
}
