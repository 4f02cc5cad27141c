package chat

import (
	"context"
	_ "embed"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"
)

// Bounds of a password in bytes. The upper one is bcrypt's: what comes after byte 72 would not count, so a longer
// password is refused and never cut.
const (
	MinPasswordBytes  = 8
	MaxPasswordBytes  = 72
	DefaultBcryptCost = 12
)

// The most common passwords of eight bytes and more, sorted by byte: the password list of zxcvbn 4.4.2, MIT licence,
// copyright 2012-2016 Dan Wheeler and Dropbox, Inc.
//
//go:embed common_passwords.txt
var commonPasswordFile string

var commonPasswords = sync.OnceValue(func() map[string]struct{} {
	lines := strings.Fields(commonPasswordFile)
	set := make(map[string]struct{}, len(lines))
	for _, line := range lines {
		set[line] = struct{}{}
	}
	return set
})

// checkPassword says what is wrong with a new password; names are what it must not repeat.
func checkPassword(wrong *fieldErrors, password string, names ...string) {
	folded := strings.ToLower(password)
	switch {
	case password == "":
		wrong.add("password", CodeRequired, nil)
		return
	case !utf8.ValidString(password) || strings.ContainsRune(password, 0):
		wrong.add("password", CodeBadText, nil)
		return
	case len(password) < MinPasswordBytes:
		wrong.add("password", CodePasswordTooShort, Args{"Min": MinPasswordBytes, "Count": MinPasswordBytes})
		return
	case len(password) > MaxPasswordBytes:
		wrong.add("password", CodePasswordTooLong, Args{"Max": MaxPasswordBytes, "Count": MaxPasswordBytes})
		return
	}
	for _, name := range names {
		if name != "" && folded == strings.ToLower(name) {
			wrong.add("password", CodePasswordLikeName, nil)
			return
		}
	}
	if _, common := commonPasswords()[folded]; common || oneCharacter(folded) {
		wrong.add("password", CodePasswordCommon, nil)
	}
}

func oneCharacter(s string) bool {
	return strings.Trim(s, string([]rune(s)[:1])) == ""
}

// hashPatience is how long somebody waits at most for others' passwords to be hashed.
const hashPatience = 5 * time.Second

// hashSlots is how many passwords are hashed at once, so that a storm of logins cannot take all cores.
func hashSlots() int { return max(1, runtime.GOMAXPROCS(0)/2) }

// hashTime is about what one hash takes: a quarter of a second at cost 12, and twice as long with each step.
func hashTime(cost int) time.Duration {
	return time.Duration(float64(250*time.Millisecond) * math.Exp2(float64(cost-DefaultBcryptCost)))
}

// passwords hashes and compares, a bounded number at a time.
type passwords struct {
	cost    int
	turns   *turns
	dummy   []byte
	compare func(hash, password []byte) error // bcrypt's; tests count
}

// newPasswords also says whether the wait for a turn is bounded.
func newPasswords(cost int, bounded bool) *passwords {
	queue := &turns{free: hashSlots()}
	if bounded {
		queue.patience = hashPatience
		queue.most = max(1, int(hashPatience/hashTime(cost))) * hashSlots()
	}
	return &passwords{
		cost:    cost,
		compare: bcrypt.CompareHashAndPassword,
		turns:   queue,
		// Any salt and sum will do (22 and 31 characters): comparing costs what the cost says, also the first time.
		dummy: fmt.Appendf(nil, "$2a$%02d$%053d", cost, 0),
	}
}

// PasswordMatches compares a password with what [HashPassword] made of one, which takes as long.
func PasswordMatches(hash, password string) bool {
	return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
}

// hash makes what a person's row holds. Errors: unavailable (busy).
func (p *passwords) hash(ctx context.Context, r rank, password string) (string, error) {
	if err := p.turns.take(ctx, r); err != nil {
		return "", err
	}
	defer p.turns.release()
	return HashPassword(password, p.cost)
}

// HashPassword makes of a password what a person's row holds. It takes a quarter of a second and more: requests go
// through [Chat], which bounds how many are hashed at once.
func HashPassword(password string, cost int) (string, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return string(hash), nil
}

// matches compares password with hash. An empty hash, for somebody who is not there, takes as long and never matches.
// Errors: unavailable (busy).
func (p *passwords) matches(ctx context.Context, r rank, hash, password string) (bool, error) {
	if err := p.turns.take(ctx, r); err != nil {
		return false, err
	}
	defer p.turns.release()
	against := []byte(hash)
	if hash == "" {
		against = p.dummy
	}
	// A longer password than can have been set is compared all the same, cut, so that the time tells nothing.
	possible := hash != "" && len(password) <= MaxPasswordBytes
	err := p.compare(against, []byte(password)[:min(len(password), MaxPasswordBytes)])
	return possible && err == nil, nil
}
