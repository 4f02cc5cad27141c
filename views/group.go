package views

import (
	"context"
	"strconv"
	"time"

	"parley/chat"
)

// GroupNewProps is the form for making a group.
type GroupNewProps struct {
	Name        string
	Description string
	Picker      PickerProps
	Err         *chat.Error
}

// GroupSettingsProps is what those who look after a group can change.
type GroupSettingsProps struct {
	ID       chat.ID
	Settings chat.GroupSettings
	Err      *chat.Error
}

// GroupLinksProps is where links to a group are made and ended. Made is the address of one that was just made.
type GroupLinksProps struct {
	ID    chat.ID
	Made  string
	Links []chat.GroupLink
	Zone  *time.Location
	Err   *chat.Error
}

// Option is one line of a select.
type Option struct{ Value, Label string }

// GroupLinkLives are the lengths of a link's life that can be chosen, by the value of the form's field.
var GroupLinkLives = map[string]time.Duration{"day": 24 * time.Hour, "week": 7 * 24 * time.Hour, "month": 30 * 24 * time.Hour, "never": 0}

func (p *GroupLinksProps) lives(ctx context.Context) []Option {
	return []Option{
		{"day", T(ctx, "group.life_day")}, {"week", T(ctx, "group.life_week")}, {"month", T(ctx, "group.life_month")},
		{"never", T(ctx, "group.life_never")},
	}
}

func (p *GroupLinksProps) uses(ctx context.Context) []Option {
	options := []Option{{"0", T(ctx, "group.uses_any")}}
	for _, n := range []int{1, 5, 25, 100} {
		options = append(options, Option{strconv.Itoa(n), T(ctx, "group.uses", chat.Args{"Count": n})})
	}
	return options
}

func (p *GroupLinksProps) usesText(ctx context.Context, link chat.GroupLink) string {
	if link.MaxUses == 0 {
		return T(ctx, "group.used", chat.Args{"Count": link.Uses})
	}
	return T(ctx, "group.used_of", chat.Args{"Uses": link.Uses, "Count": link.MaxUses})
}

// GroupJoinProps is what a link to a group shows.
type GroupJoinProps struct {
	Token       string
	ID          chat.ID
	Name        string
	Description string
	Members     int
	Member      bool
}

// NewGroupJoin makes props of what a link leads to.
func NewGroupJoin(token string, g chat.GroupInvitation) GroupJoinProps {
	return GroupJoinProps{
		Token: token, ID: g.GroupID, Name: g.Name, Description: g.Description, Members: g.MemberCount, Member: g.Member,
	}
}

func membersText(ctx context.Context, n int) string {
	return T(ctx, "group.count", chat.Args{"Count": n})
}
