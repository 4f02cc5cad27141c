package chat

import (
	"context"
	"time"
)

// Role is what a person may do in the installation.
type Role string

// The roles, from least to most.
const (
	RoleMember        Role = "member"
	RoleModerator     Role = "moderator"
	RoleAdministrator Role = "administrator"
)

// State says whether an account can be used.
type State string

// The states of an account.
const (
	StateActive    State = "active"
	StateSuspended State = "suspended"
	StateClosed    State = "closed"
)

// Theme is how pages look for a person.
type Theme string

// The themes; auto follows the device.
const (
	ThemeAuto  Theme = "auto"
	ThemeLight Theme = "light"
	ThemeDark  Theme = "dark"
)

// Card is what anybody who is logged in may see of a person.
type Card struct {
	ID          ID
	Username    string
	DisplayName string
	// Seq counts the changes of the card: of two forms the one with the higher number holds.
	Seq int64
}

// Person is an account.
type Person struct {
	Card
	Email            string // the confirmed address, or empty
	EmailConfirmedAt *time.Time
	EmailWanted      string // the address that waits to be confirmed, or empty; it may be anybody's
	PasswordHash     string
	Role             Role
	State            State
	Language         string // BCP 47
	TimeZone         string // IANA name
	Theme            Theme
	HidesReceipts    bool // neither shows what was read nor sees it of others
	ViewSeq          int64
	CreatedAt        time.Time
}

// Viewer is the person on whose behalf something is done, with the session that proves it. Where a request comes from a
// token, addresses and the password's hash are there only if it asks for a fresh one: see [Token].
type Viewer struct {
	Person
	SessionID ID
	// Renew asks for a new token at the next answer, because what the session may do has changed.
	Renew bool
}

// PeoplePage is a page of search results, best first.
type PeoplePage struct {
	People []Card
	Next   string // the cursor of the next page; empty at the end
}

// SearchPeople finds active people, but for those whom the viewer may not find, whose name or username contains q, accents and
// case aside; without q it lists everybody by name. after is the Next of the page before. Pages hold 20. Errors: too_many.
func (c *Chat) SearchPeople(ctx context.Context, viewer Viewer, q, after string) (PeoplePage, error) {
	if err := c.allow(ctx, limited{LimitSearch, viewer.ID.String()}); err != nil {
		return PeoplePage{}, err
	}
	q = cleanQuery(q)
	return c.store.SearchPeople(ctx, viewer.ID, q, after, false, peoplePerPage)
}

const peoplePerPage = 20

// PersonByUsername returns what the viewer may see of an active person; of somebody who has blocked the viewer nothing, as if
// the account were closed. Errors: not_found.
func (c *Chat) PersonByUsername(ctx context.Context, viewer Viewer, username string) (Profile, error) {
	if badText(username, false) {
		return Profile{}, NotFound() // nobody's, and nothing that the database can be asked for
	}
	return c.store.ProfileByUsername(ctx, viewer.ID, username)
}

// PickPeople is for choosing several people: it returns the cards of those chosen so far who are active, in the order of
// their names, and the first whom a search for q finds. Only a search counts as one: without q everybody is listed. Where it
// is refused those chosen come all the same. Errors: too_many.
func (c *Chat) PickPeople(ctx context.Context, viewer Viewer, q string, chosen []ID) (cards []Card, found PeoplePage, err error) {
	if len(chosen) > 0 {
		if cards, err = c.store.Cards(ctx, viewer.ID, chosen); err != nil {
			return nil, PeoplePage{}, err
		}
	}
	if q = cleanQuery(q); q != "" {
		if err := c.allow(ctx, limited{LimitSearch, viewer.ID.String()}); err != nil {
			return cards, PeoplePage{}, err
		}
	}
	found, err = c.store.SearchPeople(ctx, viewer.ID, q, "", true, peoplePerPage)
	return cards, found, err
}

// MemberCard is the card of somebody who is or was in a conversation.
type MemberCard struct {
	ConversationID ID
	Card           Card
	Apart          bool // a block parts the person from the other in a direct conversation
}

// Reaches says whether somebody who has the conversation open is told of the card: past a block a name would be a message.
func (m MemberCard) Reaches(reader ID) bool { return !m.Apart || m.Card.ID == reader }

// CardsIn returns the cards of people who are or were in these conversations: of the people named, or without any, of all
// whose card changed after the moment since. Feeds push them.
func (c *Chat) CardsIn(ctx context.Context, conversations, people []ID, since time.Time) ([]MemberCard, error) {
	return c.store.CardsIn(ctx, conversations, people, since)
}

// ChangedCards returns the versions of the cards that changed after the moment since, by the database's clock.
func (c *Chat) ChangedCards(ctx context.Context, since time.Time) (map[ID]int64, error) {
	return c.store.ChangedCards(ctx, since)
}

// ConversationsShowing returns the conversations in whose list rows the person's name stands, and is to be as it is now.
func (c *Chat) ConversationsShowing(ctx context.Context, person ID) ([]ID, error) {
	return c.store.ConversationsShowing(ctx, person)
}

// ChangeName gives the viewer another display name. Whoever sees the old one is told. Errors: invalid (display_name),
// too_many.
func (c *Chat) ChangeName(ctx context.Context, viewer Viewer, name string) error {
	var wrong fieldErrors
	if !badText(name, false) {
		name = cleanLine(name)
	}
	checkDisplayName(&wrong, name)
	if err := wrong.err(); err != nil || name == viewer.DisplayName {
		return err
	}
	if err := c.allow(ctx, limited{LimitRename, viewer.ID.String()}); err != nil {
		return err
	}
	viewSeq, cardSeq, err := c.store.UpdateDisplayName(ctx, viewer.ID, name)
	if err != nil {
		return err
	}
	c.publish(ctx, PersonChanged{PersonID: viewer.ID, ViewSeq: viewSeq}, CardChanged{PersonID: viewer.ID, Seq: cardSeq})
	return nil
}

// Preferences are what a person chooses for the own pages.
type Preferences struct {
	TimeZone      string
	Theme         Theme
	HidesReceipts bool // as in [Person]
}

// Preferences returns what a person has chosen. Feeds push it to the person's own pages. Errors: not_found.
func (c *Chat) Preferences(ctx context.Context, person ID) (Preferences, error) {
	return c.store.Preferences(ctx, person)
}

// SavePreferences stores them. The person's other pages are told, and of receipts that come or go the authors to whom they
// are shown. Errors: invalid, too_many.
func (c *Chat) SavePreferences(ctx context.Context, viewer Viewer, p Preferences) error {
	var wrong fieldErrors
	if !ValidTimeZone(p.TimeZone) {
		wrong.add("time_zone", CodeTimeZone, nil)
	}
	switch p.Theme {
	case ThemeAuto, ThemeLight, ThemeDark:
	default:
		wrong.add("theme", CodeTheme, nil)
	}
	if err := wrong.err(); err != nil {
		return err
	}
	if err := c.allow(ctx, limited{LimitSettings, viewer.ID.String()}); err != nil {
		return err
	}
	viewSeq, hid, err := c.store.UpdatePreferences(ctx, viewer.ID, p)
	if err != nil {
		return err
	}
	c.publish(ctx, PersonChanged{PersonID: viewer.ID, ViewSeq: viewSeq})
	if hid != p.HidesReceipts {
		c.publish(ctx, ReceiptsChosen{PersonID: viewer.ID})
	}
	return nil
}
