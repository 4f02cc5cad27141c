package config

import (
	"fmt"
	"strings"
)

// Mistake is one thing wrong with the environment.
type Mistake struct {
	// Name is the environment variable.
	Name string
	// Value is what was given, already masked; empty where it must not be shown.
	Value string
	// Problem says what is expected instead.
	Problem string
}

// Error gives the mistake in one line.
func (m Mistake) Error() string {
	if m.Value == "" {
		return m.Name + ": " + m.Problem
	}
	return fmt.Sprintf("%s=%s: %s", m.Name, m.Value, m.Problem)
}

// Mistakes are all mistakes of one environment, ordered by name.
type Mistakes []Mistake

// Error gives one line for each mistake.
func (ms Mistakes) Error() string {
	lines := make([]string, len(ms))
	for i, m := range ms {
		lines[i] = m.Error()
	}
	return strings.Join(lines, "\n")
}

// maxShown bounds how much of a wrong value is repeated, in bytes.
const maxShown = 80

// mistake reports the value of a known variable as not what is expected.
func mistake(name string, values map[string]string) Mistake {
	for _, v := range variables {
		if v.Name != name {
			continue
		}
		value := values[name]
		if len(value) > maxShown {
			value = value[:maxShown] + "…"
		}
		if value = fmt.Sprintf("%q", value); v.Secret {
			value = stars
		}
		return Mistake{Name: name, Value: value, Problem: "expected " + v.Expected}
	}
	return Mistake{Name: name, Problem: "malformed"}
}

// nearest returns the setting whose name differs from name by few letters, at most a third of them, or "".
func nearest(name string) string {
	best, least := "", len(strings.TrimPrefix(name, prefix))/3+1
	for _, v := range variables {
		names := []string{v.Name}
		if v.Secret {
			names = append(names, v.Name+fileSuffix)
		}
		for _, candidate := range names {
			if d := distance(name, candidate); d < least {
				best, least = candidate, d
			}
		}
	}
	return best
}

// distance counts the letters to insert, delete, replace or swap with their neighbour to get from a to b (the
// "optimal string alignment" variant of the Levenshtein distance).
func distance(a, b string) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		d[i][0] = i
	}
	for j := range b {
		d[0][j+1] = j + 1
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}
