package chat

import (
	"context"
	"math"
	"time"
)

// Limit is a rate rule by the generic cell rate algorithm: Burst at once, then one per Every.
type Limit struct {
	Name  string
	Every time.Duration
	Burst int
	// ByAddress: the keys are addresses of clients, of which one client may have as many as it likes.
	ByAddress bool
}

// The limits. Those around passwords follow OWASP ASVS 5.0, 6.3.1: guessing is slowed per address, per account and
// over the whole installation, and none of them locks an account for good.
var (
	LimitRegisterByAddress = Limit{Name: "register_address", Every: time.Minute, Burst: 10, ByAddress: true}
	LimitRegisterGlobal    = Limit{Name: "register_global", Every: time.Second, Burst: 100}
	LimitLoginByAddress    = Limit{Name: "login_address", Every: 6 * time.Second, Burst: 20, ByAddress: true}
	LimitLoginByAccount    = Limit{Name: "login_account", Every: 30 * time.Second, Burst: 10}
	LimitLoginGlobal       = limitOfHashing("login_global")
	LimitResetByAddress    = Limit{Name: "reset_address", Every: 10 * time.Second, Burst: 10, ByAddress: true}
	LimitConfirm           = Limit{Name: "confirm", Every: 30 * time.Second, Burst: 10}
	LimitRename            = Limit{Name: "rename", Every: time.Minute, Burst: 5}
	LimitSend              = Limit{Name: "send", Every: 200 * time.Millisecond, Burst: 60}
	LimitDraft             = Limit{Name: "draft", Every: time.Second, Burst: 60}
	LimitSearch            = Limit{Name: "search", Every: 250 * time.Millisecond, Burst: 40}
	LimitStart             = Limit{Name: "start", Every: 2 * time.Second, Burst: 30}
	LimitGroup             = Limit{Name: "group", Every: 2 * time.Second, Burst: 60}
	LimitJoin              = Limit{Name: "join", Every: 2 * time.Second, Burst: 30}
	LimitSettings          = Limit{Name: "settings", Every: 2 * time.Second, Burst: 20}
	LimitBlock             = Limit{Name: "block", Every: 2 * time.Second, Burst: 60}
	LimitAdminister        = Limit{Name: "administer", Every: 2 * time.Second, Burst: 60}
	// A link cannot be guessed; a whole class may follow one from a single address.
	LimitInvitationByAddress = Limit{Name: "invitation_address", Every: 5 * time.Second, Burst: 120, ByAddress: true}
	// A person with an e-mail address can be named in two ways. It is more than one name has, so that who is attacked by
	// one of them still gets in by the other.
	LimitLoginByPerson = Limit{Name: "login_person", Every: 20 * time.Second, Burst: 15}
)

// The limits of letters. One is read in minutes, and a link for a new password holds for an hour: nobody needs many, and
// nobody's mailbox should take many from here.
var (
	LimitForgotByAddress    = Limit{Name: "forgot_address", Every: time.Minute, Burst: 10, ByAddress: true}
	LimitForgotByAccount    = Limit{Name: "forgot_account", Every: 10 * time.Minute, Burst: 4}
	LimitForgotGlobal       = Limit{Name: "forgot_global", Every: time.Second, Burst: 60}
	LimitEmail              = Limit{Name: "email", Every: 5 * time.Minute, Burst: 5}
	LimitLettersTo          = Limit{Name: "letters_to", Every: 5 * time.Minute, Burst: 10}
	LimitEmailLinkByAddress = Limit{Name: "email_link_address", Every: 10 * time.Second, Burst: 10, ByAddress: true}
)

// limitOfHashing lets as many through as one server can hash passwords in the long run, and at once twice as many as may
// wait for that: more would only be turned away there.
func limitOfHashing(name string) Limit {
	every := hashTime(DefaultBcryptCost) / time.Duration(hashSlots())
	return Limit{Name: name, Every: every, Burst: 2 * int(hashPatience/every)}
}

// Limits lists every limit.
func Limits() []Limit {
	return []Limit{
		LimitForgotByAddress, LimitForgotByAccount, LimitForgotGlobal, LimitEmail, LimitLettersTo, LimitEmailLinkByAddress,
		LimitRegisterByAddress, LimitRegisterGlobal, LimitLoginByAddress, LimitLoginByAccount, LimitLoginByPerson, LimitLoginGlobal,
		LimitResetByAddress, LimitConfirm, LimitRename, LimitSend, LimitDraft, LimitSearch, LimitStart, LimitGroup, LimitJoin,
		LimitSettings, LimitBlock, LimitAdminister, LimitInvitationByAddress,
	}
}

// Limiter counts requests against a limit.
type Limiter interface {
	// Allow takes one from the limit's bucket for key. When there is none left it takes nothing and says how long
	// until there is.
	Allow(ctx context.Context, limit Limit, key string) (ok bool, retryAfter time.Duration)
}

// limited is one bucket to ask.
type limited struct {
	limit Limit
	key   string
}

// allow asks the buckets in turn and refuses at the first that is empty.
func (c *Chat) allow(ctx context.Context, buckets ...limited) error {
	for _, b := range buckets {
		ok, wait := c.limiter.Allow(ctx, b.limit, b.key)
		if ok {
			continue
		}
		seconds := int(math.Ceil(wait.Seconds()))
		return &Error{
			Kind: KindTooMany, Code: CodeTooMany, RetryAfter: time.Duration(seconds) * time.Second,
			Args: Args{"Seconds": seconds, "Count": seconds},
		}
	}
	return nil
}

type unlimited struct{}

func (unlimited) Allow(context.Context, Limit, string) (bool, time.Duration) { return true, 0 }
