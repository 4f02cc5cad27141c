package chat

import (
	"context"
	"time"
)

// GroupLink is a link by which people join a group. The secret in it is shown once and never stored.
type GroupLink struct {
	ID        ID
	CreatedBy Card
	CreatedAt time.Time
	ExpiresAt *time.Time // nil: never
	MaxUses   int        // 0: any number
	Uses      int
}

// maxGroupLinks bounds how many links of one group can stand at once.
const maxGroupLinks = 20

// The longest life of a group's link, and the most uses that are counted.
const (
	MaxGroupLinkLife = 365 * 24 * time.Hour
	MaxGroupLinkUses = 1000
)

// MakeGroupLink makes a link and returns its secret part; life 0 is without an end, uses 0 is without a bound.
// Errors: invalid (life, times), not_found, forbidden (not_yours_to_do), conflict (too_many_links), too_many.
func (c *Chat) MakeGroupLink(ctx context.Context, viewer Viewer, group ID, life time.Duration, uses int) (string, error) {
	var wrong fieldErrors
	if life < 0 || life > MaxGroupLinkLife {
		wrong.add("life", CodeChoice, nil)
	}
	if uses < 0 || uses > MaxGroupLinkUses {
		wrong.add("times", CodeChoice, nil)
	}
	if err := wrong.err(); err != nil {
		return "", err
	}
	token := secret()
	err := c.manage(ctx, viewer, group, func(tx Store) error {
		return tx.InsertGroupLink(ctx, NewID(), group, viewer.ID, tokenHash(token), life, uses, maxGroupLinks)
	})
	return token, err
}

// GroupLinks lists the links that work, newest first. Errors: not_found, forbidden (not_yours_to_do).
func (c *Chat) GroupLinks(ctx context.Context, viewer Viewer, group ID) ([]GroupLink, error) {
	details, err := c.store.Details(ctx, viewer.ID, group)
	switch {
	case err != nil:
		return nil, err
	case details.Kind != KindGroup || !details.Member.Present():
		return nil, NotFound()
	case !details.Member.Role.MayManage():
		return nil, forbidden(CodeNotYoursToDo)
	}
	return c.store.GroupLinks(ctx, group)
}

// RevokeGroupLink ends a link. Errors: not_found, forbidden (not_yours_to_do).
func (c *Chat) RevokeGroupLink(ctx context.Context, viewer Viewer, group, link ID) error {
	return c.manage(ctx, viewer, group, func(tx Store) error { return tx.RevokeGroupLink(ctx, group, link) })
}

// manage lets somebody who looks after a group change what is no part of its history.
func (c *Chat) manage(ctx context.Context, viewer Viewer, group ID, do func(tx Store) error) error {
	if err := c.allow(ctx, limited{LimitGroup, viewer.ID.String()}); err != nil {
		return err
	}
	return c.store.InTx(ctx, func(tx Store) error {
		g, err := tx.LockGroup(ctx, group, []ID{viewer.ID})
		if err != nil {
			return err
		}
		role, in := g.Members[viewer.ID]
		switch {
		case !in:
			return NotFound()
		case !role.MayManage():
			return forbidden(CodeNotYoursToDo)
		}
		return do(tx)
	})
}

// GroupInvitation is what a link's page shows before one joins.
type GroupInvitation struct {
	GroupID     ID
	Name        string
	Description string
	MemberCount int
	Member      bool // the viewer is in it already
}

// OpenGroupLink shows where a link leads; to a group that everybody has left it leads no more, and nowhere for whoever was
// removed, or is parted by a block from who made the link and not in the group already: who is there is answered as always,
// or the link would tell of the block. Another link to the same group leads there: a block is between two people, and no ban
// from what both may be in. Errors: not_found (group_link), too_many.
func (c *Chat) OpenGroupLink(ctx context.Context, viewer Viewer, token string) (GroupInvitation, error) {
	if err := c.allow(ctx, limited{LimitJoin, viewer.ID.String()}); err != nil {
		return GroupInvitation{}, err
	}
	return c.store.GroupByLink(ctx, viewer.ID, tokenHash(token))
}

// JoinGroup takes the viewer into the group that a link leads to, and returns it. Who is in it already uses nothing up; who
// was removed finds the link used up.
// Errors: not_found (group_link), conflict (too_many_members), too_many.
func (c *Chat) JoinGroup(ctx context.Context, viewer Viewer, token string) (ID, error) {
	found, err := c.OpenGroupLink(ctx, viewer, token)
	if err != nil || found.Member {
		return found.GroupID, err
	}
	var told []PersonChanged
	var head int64
	err = c.inGroupTx(ctx, func(tx Store) error {
		g, err := tx.LockGroup(ctx, found.GroupID, []ID{viewer.ID})
		if err != nil {
			return err
		}
		if g.MemberCount == 0 || g.Removed[viewer.ID] { // without anybody, whoever joins would be in it without an owner
			return &Error{Kind: KindNotFound, Code: CodeGroupLink}
		}
		added, err := c.takeIn(ctx, tx, g, viewer.ID, []ID{viewer.ID})
		if err != nil || len(added) == 0 {
			return err
		}
		// Behind the group's lock, under which links are also made and revoked.
		if err := tx.UseGroupLink(ctx, viewer.ID, tokenHash(token)); err != nil {
			return err
		}
		event := GroupEvent{Code: EventJoined, Members: g.MemberCount + 1}
		if err := tx.InsertEvent(ctx, g.ID, viewer.ID, added, event); err != nil {
			return err
		}
		if told, err = tx.RaiseViewSeq(ctx, viewer.ID); err != nil {
			return err
		}
		heads, err := tx.Heads(ctx, []ID{g.ID})
		head = heads[g.ID]
		return err
	})
	if err != nil {
		return ID{}, err
	}
	if head > 0 {
		c.publish(ctx, ConversationChanged{ConversationID: found.GroupID, ChangeSeq: head})
	}
	c.tellAll(ctx, told)
	return found.GroupID, nil
}
