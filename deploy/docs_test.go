package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSelfHosting holds what a machine can hold of docs/self-hosting.md: that its commands are shell, and that the files,
// headings and services that it names are there. That they work was tried by hand, see its end.
func TestSelfHosting(t *testing.T) {
	t.Parallel()
	text := read(t, "../docs/self-hosting.md")
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(text, -1)
	if len(blocks) < 20 || strings.Count(text, "```")%2 != 0 {
		t.Fatalf("premise: there are %d blocks of commands", len(blocks))
	}
	services := composed(t, "").Services
	for _, block := range blocks {
		bash := exec.CommandContext(t.Context(), "bash", "-n")
		bash.Stdin = strings.NewReader(block[1])
		if out, err := bash.CombinedOutput(); err != nil {
			t.Errorf("%v: %s\n%s", err, out, block[1])
		}
		for _, named := range regexp.MustCompile(`docker compose (?:exec(?: -T)?|logs|stop|start) (\S+)`).FindAllStringSubmatch(block[1], -1) {
			if _, ok := services[named[1]]; !ok {
				t.Errorf("%s: there is no service %s", named[0], named[1])
			}
		}
	}
	for _, path := range regexp.MustCompile(`\bdeploy/[a-zA-Z.]+`).FindAllString(text, -1) {
		if _, err := os.Stat(filepath.Join("..", path)); err != nil {
			t.Error(err)
		}
	}
	migrations, err := filepath.Glob("../migrations/*.sql")
	if err != nil || len(migrations) == 0 {
		t.Fatalf("premise: migrations %v, %v", migrations, err)
	}
	trigrams := 0
	for _, migration := range migrations {
		for _, made := range regexp.MustCompile(`ON (\w+) USING gin \(.*gin_trgm_ops`).FindAllStringSubmatch(read(t, migration), -1) {
			if trigrams++; !strings.Contains(text, "`REINDEX TABLE "+made[1]+"`") {
				t.Errorf("after an upgrade to PostgreSQL 18 the trigrams of %s are not made anew", made[1])
			}
		}
	}
	if trigrams == 0 {
		t.Error("premise: no index has trigrams")
	}
	headings := map[string]int{}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		anchor := strings.ReplaceAll(strings.ToLower(regexp.MustCompile(`[^\w -]`).ReplaceAllString(heading[1], "")), " ", "-")
		if headings[anchor]++; headings[anchor] > 1 {
			anchor += "-1"
		}
		headings[anchor]++
	}
	for _, link := range regexp.MustCompile(`\]\(#([^)]+)\)`).FindAllStringSubmatch(text, -1) {
		if headings[link[1]] == 0 {
			t.Errorf("no heading %s", link[1])
		}
	}
}
