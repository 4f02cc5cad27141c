package views_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"parley/chat"
	"parley/views"
)

func TestPageProps(t *testing.T) {
	t.Parallel()
	draw := func(p views.Page) string {
		var b bytes.Buffer
		if err := views.HomePage(p, views.HomeProps{}).Render(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	viewer := &chat.Viewer{Person: chat.Person{Theme: chat.ThemeDark, TimeZone: "Asia/Tokyo", Card: chat.Card{ID: chat.NewID()}}}
	for _, test := range []struct {
		name string
		page views.Page
		want string
	}{
		{"the viewer's choices", views.Page{Viewer: viewer}, `data-theme="dark" data-time-zone="Asia/Tokyo"`},
		{"the page's choice goes before the viewer's", views.Page{Viewer: viewer, Theme: chat.ThemeLight, TimeZone: "Europe/Rome"}, `data-theme="light" data-time-zone="Europe/Rome"`},
		{"no choice", views.Page{}, `data-theme="auto" data-time-zone="UTC"`},
		{"the language", views.Page{Language: views.PseudoLanguage}, `<html lang="en-XA"`},
		{"the person and the unread total", views.Page{Viewer: viewer, UnreadTotal: 3}, `<body data-person="` + viewer.ID.String() + `" data-unread-total="3">`},
		{"nobody", views.Page{}, `<body>`},
		{"developers get a link to the gallery", views.Page{Dev: true}, `href="/gallery"`},
		{"without a way to the files, their plain names", views.Page{}, `href="/static/css/app.css"`},
		{"the way to the files", views.Page{Assets: func(name string) string { return "/x/" + name }}, `href="/x/css/app.css"`},
		{"the colour of the browser's bar", views.Page{Theme: chat.ThemeDark}, `<meta name="theme-color" content="#`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := draw(test.page); !strings.Contains(got, test.want) {
				t.Errorf("%s is not in %.400s", test.want, got)
			}
		})
	}
}

// The browser's bar takes its colour from the page, and cannot read the tokens.
func TestThemeColour(t *testing.T) {
	t.Parallel()
	tokens, err := os.ReadFile("../static/css/tokens.css")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`--paper-1: light-dark\(oklch\(([\d.]+)% ([\d.]+) ([\d.]+)\), oklch\(([\d.]+)% ([\d.]+) ([\d.]+)\)\)`).FindSubmatch(tokens)
	if m == nil {
		t.Fatal("no --paper-1")
	}
	number := func(n int) float64 {
		value, err := strconv.ParseFloat(string(m[n]), 64)
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	for theme, first := range map[chat.Theme]int{chat.ThemeLight: 1, chat.ThemeDark: 4} {
		want := hex(number(first)/100, number(first+1), number(first+2))
		var b bytes.Buffer
		if err := views.LandingPage(views.Page{Theme: theme}, views.LandingProps{}).Render(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), `<meta name="theme-color" content="`+want+`">`) {
			t.Errorf("%s should be %s", theme, want)
		}
	}
}

// hex writes a colour in OKLCH as sRGB (the matrices of CSS Color 4, 10.2).
func hex(l, c, h float64) string {
	a, b := c*math.Cos(h*math.Pi/180), c*math.Sin(h*math.Pi/180)
	x := math.Pow(l+0.3963377774*a+0.2158037573*b, 3)
	y := math.Pow(l-0.1055613458*a-0.0638541728*b, 3)
	z := math.Pow(l-0.0894841775*a-1.2914855480*b, 3)
	channel := func(v float64) int {
		if v <= 0.0031308 {
			v *= 12.92
		} else {
			v = 1.055*math.Pow(v, 1/2.4) - 0.055
		}
		return int(math.Round(255 * math.Min(1, math.Max(0, v))))
	}
	return fmt.Sprintf("#%02x%02x%02x",
		channel(4.0767416621*x-3.3077115913*y+0.2309699292*z),
		channel(-1.2684380046*x+2.6097574011*y-0.3413193965*z),
		channel(-0.0041960863*x-0.7034186147*y+1.7076147010*z))
}
