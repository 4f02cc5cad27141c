//go:build linux || darwin

package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// oldest is the first major version Parley works with.
const oldest = 15

// usualPlaces are where packages put the server's binaries; $PATH comes last.
var usualPlaces = []string{
	"/usr/lib/postgresql/*/bin",         // Debian, Ubuntu
	"/usr/pgsql-*/bin",                  // Fedora and Red Hat with PostgreSQL's own packages
	"/usr/libexec/postgresql*",          // Alpine
	"/opt/homebrew/opt/postgresql*/bin", // Homebrew on Apple's processors
	"/usr/local/opt/postgresql*/bin",    // Homebrew on Intel's
	"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
	"/Applications/Postgres.app/Contents/Versions/*/bin",
}

// binaries are initdb and postgres of one version.
type binaries struct {
	dir   string
	major int
}

// installed lists what this machine has, newest first.
func (m *machine) installed(ctx context.Context, as account) []binaries {
	var dirs []string
	for _, place := range m.places {
		found, _ := filepath.Glob(place) // the patterns are ours, and well formed
		dirs = append(dirs, found...)
	}
	dirs = append(dirs, filepath.SplitList(m.path)...)
	var all []binaries
	for _, dir := range dirs {
		if !filepath.IsAbs(dir) || !executable(dir, "initdb") || !executable(dir, "postgres") {
			continue
		}
		if major := majorOf(ctx, dir, as); major > 0 {
			all = append(all, binaries{dir, major})
		}
	}
	slices.SortStableFunc(all, func(a, b binaries) int { return b.major - a.major })
	return all
}

func executable(dir, name string) bool {
	info, err := os.Stat(filepath.Join(dir, name))
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

var (
	majorInPath    = regexp.MustCompile(`(?:postgresql|pgsql|Versions)[/@-]?(\d+)(?:/|$)`)
	majorInVersion = regexp.MustCompile(`PostgreSQL\) (\d+)`)
)

// majorOf is the major version of the binaries in a folder, 0 if they do not
// say. Where the folder's name tells, a warm start saves asking.
func majorOf(ctx context.Context, dir string, as account) int {
	match := majorInPath.FindStringSubmatch(dir)
	if match == nil {
		ask := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version")
		ask.Dir, ask.SysProcAttr = "/", detached(as)
		answer, err := ask.Output()
		if err != nil {
			return 0
		}
		match = majorInVersion.FindStringSubmatch(string(answer))
	}
	if match == nil {
		return 0
	}
	major, _ := strconv.Atoi(match[1]) // at most absurdly many digits: then 0
	return major
}

// newest picks the binaries for a new cluster.
func (m *machine) newest(ctx context.Context, as account) (binaries, error) {
	all := m.installed(ctx, as)
	if len(all) > 0 && all[0].major >= oldest {
		return all[0], nil
	}
	return binaries{}, fmt.Errorf("%w (version %d or later%s): apt install postgresql, or brew install postgresql@17, or let PARLEY_DATABASE_URL name a server", ErrNotInstalled, oldest, found(all))
}

// matching picks the binaries for existing data.
func (s *site) matching(ctx context.Context) (binaries, error) {
	version, err := os.ReadFile(filepath.Join(s.data(), "PG_VERSION"))
	if err != nil {
		return binaries{}, err
	}
	word := strings.TrimSpace(string(version))
	major, _ := strconv.Atoi(word)
	all := s.machine.installed(ctx, s.runAs)
	for _, b := range all {
		if b.major == major && major >= oldest {
			return b, nil
		}
	}
	if len(all) == 0 {
		return binaries{}, fmt.Errorf("%w, and the data in %s needs version %s: apt install postgresql-%[3]s, or brew install postgresql@%[3]s", ErrNotInstalled, s.data(), word)
	}
	return binaries{}, fmt.Errorf("%w: the data in %s was made by version %s%s: apt install postgresql-%[3]s, or brew install postgresql@%[3]s; or bring the data to a newer version with pg_upgrade, or with dump and restore", ErrOtherVersion, s.data(), word, found(all))
}

// found tells which versions there are, for the end of a sentence.
func found(all []binaries) string {
	if len(all) == 0 {
		return ""
	}
	var majors []string
	for _, b := range all {
		majors = append(majors, strconv.Itoa(b.major))
	}
	return ", found only " + strings.Join(slices.Compact(majors), " and ")
}
