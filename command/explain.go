package command

import (
	"errors"
	"io/fs"
	"net"
	"net/url"
	"slices"
	"strings"
	"syscall"

	"parley/config"
)

// explain says in one line what went wrong and, for what happens to many, what to do. Secrets never appear in it.
func explain(err error, cfg config.Config) string {
	line := oneLine(err.Error())
	var listen *net.OpError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		line = "the address " + cfg.Addr + " is in use: stop the program that listens there, or choose another with PARLEY_ADDR"
	case errors.As(err, &listen) && listen.Op == "listen" && errors.Is(err, fs.ErrPermission):
		line = "not allowed to listen on " + cfg.Addr + ": choose a port from 1024 on with PARLEY_ADDR"
	case errors.As(err, &listen) && listen.Op == "listen":
		line = "cannot listen on " + cfg.Addr + " (" + oneLine(listen.Err.Error()) + "): choose another address with PARLEY_ADDR"
	case errors.Is(err, fs.ErrPermission) && !strings.Contains(line, "PARLEY_"):
		line += ": give this user access, or choose another folder with PARLEY_DATA_DIR"
	case errors.Is(err, syscall.ENOSPC):
		line += ": free some space"
	}
	return mask(line, string(cfg.DatabaseURL))
}

// oneLine joins the lines of a text, each once: a database with several addresses fails with the same words for each.
func oneLine(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.Join(strings.Fields(line), " "); line != "" && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, " ")
}

// mask removes a secret URL and the password in it from a text: libraries repeat what they were given.
func mask(text, secret string) string {
	hide := []string{secret}
	if u, err := url.Parse(secret); err == nil {
		password, _ := u.User.Password()
		hide = append(hide, password, url.QueryEscape(password), u.Query().Get("password"))
	}
	for _, s := range hide {
		if len(s) >= 4 { // Shorter ones are no secret, and would riddle the text.
			text = strings.ReplaceAll(text, s, "***")
		}
	}
	return text
}
