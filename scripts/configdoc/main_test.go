package main

import (
	"os"
	"strings"
	"testing"

	"parley/config"
)

func TestTheDocumentIsWhatTheTableSays(t *testing.T) {
	t.Parallel()
	written, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(written) != document(config.Variables()) {
		t.Error("docs/configuration.md is not what the table of settings says (make generate)")
	}
}

func TestEverySettingHasARow(t *testing.T) {
	t.Parallel()
	text := document([]config.Variable{
		{Name: "PARLEY_PLAIN", Default: "on", Expected: "on|off", Meaning: "a switch"},
		{Name: "PARLEY_SECRET", Expected: "a word", Meaning: "a secret", Secret: true},
	})
	for _, row := range []string{
		"| `PARLEY_PLAIN` | a switch | on\\|off | `on` |\n",
		"| `PARLEY_SECRET`<br>`PARLEY_SECRET_FILE` (secret) | a secret | a word | – |\n",
	} {
		if !strings.Contains(text, row) {
			t.Errorf("no row %s in\n%s", row, text)
		}
	}
}
