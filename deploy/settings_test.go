package deploy

import (
	"bufio"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"parley/config"
)

// known holds the names of all settings.
func known() map[string]bool {
	names := map[string]bool{}
	for _, v := range config.Variables() {
		names[v.Name] = true
		if v.Secret {
			names[v.Name+"_FILE"] = true
		}
	}
	return names
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// entries are the NAME=value lines of a file of settings.
func entries(text string) []string {
	var found []string
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" && !strings.HasPrefix(line, "#") {
			found = append(found, line)
		}
	}
	return found
}

func TestEverySettingThatIsNamedExists(t *testing.T) {
	t.Parallel()
	// Names that stand for what is no setting: examples of what is ignored, and what the tests and tools read.
	others := map[string]bool{"PARLEY_": true, "PARLEY_SERVICE_HOST": true, "PARLEY_PORT": true, "PARLEY_SHOTS": true}
	names, settings := regexp.MustCompile(`PARLEY_[A-Z0-9_]*`), known()
	look := func(path string) {
		for _, name := range names.FindAllString(read(t, path), -1) {
			if !settings[name] && !others[name] {
				t.Errorf("%s names %s, which is no setting", path, name)
			}
		}
	}
	for _, path := range []string{
		"../README.md", "../SECURITY.md", "../Dockerfile", "../docker-compose.yml", "../.env.example",
		"parley.service", "nginx.conf", "Caddyfile",
	} {
		look(path)
	}
	err := filepath.WalkDir("../docs", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(entry.Name(), ".md") {
			look(path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestUnit reads the unit as systemd would, as far as Parley is concerned; `systemd-analyze verify` reads all of it.
func TestUnit(t *testing.T) {
	t.Parallel()
	unit := map[string][]string{}
	for _, line := range entries(read(t, "parley.service")) {
		if name, value, ok := strings.Cut(line, "="); ok {
			unit[name] = append(unit[name], value)
		}
	}
	for name, want := range map[string]string{
		"Type": "notify", "User": "parley", "ExecStart": "/usr/local/bin/parley serve", "EnvironmentFile": "/etc/parley/parley.env",
		"StateDirectory": "parley", "ProtectSystem": "strict", "NoNewPrivileges": "yes", "KillMode": "mixed",
		"CapabilityBoundingSet": "",
	} {
		if got := strings.Join(unit[name], "; "); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	c, err := config.Load(unit["Environment"])
	if err != nil || c.DataDir != "/var/lib/parley" {
		t.Errorf("the settings are %v (%v)", c.DataDir, err)
	}
}

func TestExampleOfSettings(t *testing.T) {
	t.Parallel()
	text := read(t, "../.env.example")
	if _, err := config.Load(entries(text)); err != nil {
		t.Error(err)
	}
	// Every line that is switched off holds as well.
	all := entries(regexp.MustCompile(`(?m)^#([A-Z])`).ReplaceAllString(text, "$1"))
	if len(all) < 3 {
		t.Errorf("premise: there are lines to switch on: %q", all)
	}
	if _, err := config.Load(all); err != nil {
		t.Error(err)
	}
}
