package static

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// oklch is a colour as the tokens write it: lightness and chroma from 0 to 1, hue in degrees.
type oklch struct{ l, c, h float64 }

// luminance is WCAG's relative luminance, by way of linear sRGB (the matrices of CSS Color 4, 10.2).
func (o oklch) luminance() float64 {
	a, b := o.c*math.Cos(o.h*math.Pi/180), o.c*math.Sin(o.h*math.Pi/180)
	l := math.Pow(o.l+0.3963377774*a+0.2158037573*b, 3)
	m := math.Pow(o.l-0.1055613458*a-0.0638541728*b, 3)
	s := math.Pow(o.l-0.0894841775*a-1.2914855480*b, 3)
	clip := func(x float64) float64 { return math.Min(1, math.Max(0, x)) }
	red := clip(4.0767416621*l - 3.3077115913*m + 0.2309699292*s)
	green := clip(-1.2684380046*l + 2.6097574011*m - 0.3413193965*s)
	blue := clip(-0.0041960863*l - 0.7034186147*m + 1.7076147010*s)
	return 0.2126*red + 0.7152*green + 0.0722*blue
}

func contrast(a, b oklch) float64 {
	la, lb := a.luminance(), b.luminance()
	return (math.Max(la, lb) + 0.05) / (math.Min(la, lb) + 0.05)
}

func readCSS(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile("css/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

var (
	pairForm     = regexp.MustCompile(`--([a-z0-9-]+): light-dark\(oklch\(([^)]*)\), oklch\(([^)]*)\)\)`)
	semanticForm = regexp.MustCompile(`--([a-z0-9-]+): var\(--([a-z0-9-]+)\);`)
	hueForm      = regexp.MustCompile(`\.tone-(\d) \{ --hue: (\d+); \}`)
)

func parseColour(t *testing.T, s string) oklch {
	t.Helper()
	fields := strings.Fields(s)
	numbers := make([]float64, 3)
	for n := range numbers {
		value, err := strconv.ParseFloat(strings.TrimSuffix(fields[n], "%"), 64)
		if err != nil {
			t.Fatalf("colour %q: %v", s, err)
		}
		numbers[n] = value
	}
	return oklch{numbers[0] / 100, numbers[1], numbers[2]}
}

// palette is every colour by its name, in light and dark.
func palette(t *testing.T, css string) map[string][2]oklch {
	t.Helper()
	colours := map[string][2]oklch{}
	for _, m := range pairForm.FindAllStringSubmatch(css, -1) {
		if !strings.Contains(m[2]+m[3], "/") {
			colours[m[1]] = [2]oklch{parseColour(t, m[2]), parseColour(t, m[3])}
		}
	}
	for _, m := range semanticForm.FindAllStringSubmatch(css, -1) {
		if colour, known := colours[m[2]]; known {
			colours[m[1]] = colour
		}
	}
	return colours
}

func TestContrast(t *testing.T) {
	t.Parallel()
	tokens := readCSS(t, "tokens.css")
	ordinary, more, found := strings.Cut(tokens, "@media (prefers-contrast: more)")
	if !found {
		t.Fatal("nothing is there for people who want more contrast")
	}
	colours := palette(t, ordinary)
	for _, hue := range hueForm.FindAllStringSubmatch(readCSS(t, "avatar.css"), -1) {
		toned := strings.ReplaceAll(readCSS(t, "avatar.css"), "var(--hue)", hue[2])
		for _, part := range []string{"ground", "text", "name"} {
			colours["tone-"+part+"-"+hue[1]] = palette(t, toned)["tone-"+part]
		}
	}
	const text, sign = 4.5, 3.0
	type pair struct {
		front, back string
		least       float64
	}
	pairs := []pair{
		{"edge", "surface", sign}, {"focus", "surface", sign}, {"focus", "ground", sign}, {"danger", "surface", sign},
		{"accent", "sunken", sign}, {"accent", "accent-soft", sign},
		{"on-accent", "accent", text}, {"on-accent", "accent-strong", text}, {"accent-strong", "accent-soft", text},
		{"accent-strong", "mine", text}, {"accent-strong", "theirs", text},
		{"mine-meta", "mine", text}, {"read", "mine", sign}, {"read", "ground", sign}, {"text", "mine", text}, {"text-muted", "mine", text}, {"text-faint", "theirs", text},
		{"text", "danger-soft", text}, {"danger", "danger-soft", text}, {"text", "warning-soft", text},
		{"text-muted", "accent-ground", text}, {"text", "accent-soft", text}, {"mine-meta", "ground", text},
	}
	for _, back := range []string{"ground", "surface", "sunken"} {
		for _, front := range []string{"text", "text-muted", "text-faint", "accent", "danger"} {
			pairs = append(pairs, pair{front, back, text})
		}
	}
	for _, back := range []string{"ground", "surface", "sunken"} {
		pairs = append(pairs, pair{"there", back, sign}, pair{"away", back, sign})
	}
	for n := 1; n <= 6; n++ {
		pairs = append(pairs,
			pair{fmt.Sprintf("tone-text-%d", n), fmt.Sprintf("tone-ground-%d", n), text},
			pair{fmt.Sprintf("tone-name-%d", n), "theirs", text})
	}
	check := func(t *testing.T, colours map[string][2]oklch) {
		for _, p := range pairs {
			front, known := colours[p.front]
			back, knownToo := colours[p.back]
			if !known || !knownToo {
				t.Fatalf("no colour %s or %s", p.front, p.back)
			}
			for n, theme := range []string{"light", "dark"} {
				if got := contrast(front[n], back[n]); got < p.least {
					t.Errorf("%s on %s, %s: %.2f, wanted %.1f", p.front, p.back, theme, got, p.least)
				} else {
					t.Logf("%s on %s, %s: %.2f", p.front, p.back, theme, got)
				}
			}
		}
	}
	t.Run("every pair that people read can be read", func(t *testing.T) {
		t.Parallel()
		check(t, colours)
	})
	t.Run("more contrast is more contrast", func(t *testing.T) {
		t.Parallel()
		stronger := palette(t, ordinary+more)
		for name, colour := range colours {
			if _, known := stronger[name]; !known {
				stronger[name] = colour
			}
		}
		check(t, stronger)
		for _, name := range []string{"text-faint", "text-muted", "accent", "danger"} {
			for n := range 2 {
				if contrast(stronger[name][n], stronger["surface"][n]) <= contrast(colours[name][n], colours["surface"][n]) {
					t.Errorf("%s has no more contrast", name)
				}
			}
		}
	})
	t.Run("black on white is 21 to 1", func(t *testing.T) {
		t.Parallel()
		if got := contrast(oklch{}, oklch{l: 1}); math.Abs(got-21) > 0.1 {
			t.Errorf("got %.2f", got)
		}
	})
}
