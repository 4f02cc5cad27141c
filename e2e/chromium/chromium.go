// Package chromium finds the browser that tests open pages in.
package chromium

import (
	"errors"
	"os/exec"
)

// names are those that distributions give it. The headless shell comes first: it draws no window of its own, and so needs
// two thirds of the time.
var names = []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// Path is where it is.
func Path() (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no Chromium on PATH: scripts/install.sh test installs one")
}
