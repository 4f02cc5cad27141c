// Command configdoc writes docs/configuration.md from the table of settings to standard output; `make generate` calls it,
// and a test holds the file against it.
package main

import (
	"fmt"
	"os"
	"strings"

	"parley/config"
)

func main() {
	if _, err := os.Stdout.WriteString(document(config.Variables())); err != nil {
		fmt.Fprintln(os.Stderr, "configdoc:", err)
		os.Exit(1)
	}
}

const head = `# Configuration

<!-- Written by "make generate" from config/variables.go. -->

All settings are environment variables. There is no configuration file of Parley's own; files of the form ` + "`NAME=value`" + `
are read by systemd (` + "`EnvironmentFile=`" + `), by Docker Compose (` + "`.env`" + `) and by shells. ` + "`parley config`" + ` shows the settings in
force with secrets masked, and checks them without starting anything.

- An empty value means the default.
- Every mistake is reported at once, one line each, and nothing starts.
- An unknown name that begins with ` + "`PARLEY_`" + ` is a mistake, so that a misspelt one does not go unnoticed. What Kubernetes
  and Docker set for a service named ` + "`parley`" + ` (` + "`PARLEY_SERVICE_HOST`, `PARLEY_PORT=tcp://…`" + `) is ignored.
- A secret can be kept in a file: ` + "`NAME_FILE`" + ` names it. Its last line end does not count. Only one of the two may be set.

| Name | What it is | Values | Default |
|---|---|---|---|
`

func document(variables []config.Variable) string {
	var text strings.Builder
	text.WriteString(head)
	for _, v := range variables {
		name := "`" + v.Name + "`"
		if v.Secret {
			name += "<br>`" + v.Name + "_FILE` (secret)"
		}
		standard := "–"
		if v.Default != "" {
			standard = "`" + v.Default + "`"
		}
		fmt.Fprintf(&text, "| %s | %s | %s | %s |\n", name, cell(v.Meaning), cell(v.Expected), standard)
	}
	return text.String()
}

// cell escapes what would end a cell of the table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
