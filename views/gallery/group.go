package gallery

import (
	"time"

	"github.com/a-h/templ"

	"parley/chat"
	"parley/views"
)

func crewDetails(role chat.MemberRole) chat.Details {
	return chat.Details{
		ID: id("crew"), Kind: chat.KindGroup, MemberCount: 8, Notify: chat.NotifyAll,
		Group: chat.GroupSettings{
			Name: "Harbour crew", Description: "Who takes the boat out, when, and who brings the coffee.\nمرحبًا بالجميع",
			WhoAdds: chat.WhoMembers, WhoWrites: chat.WhoMembers, History: chat.HistoryAll,
		},
		Member: chat.Member{ConversationID: id("crew"), PersonID: lena.ID, Role: role},
	}
}

func crewMembers() chat.MembersPage {
	line := func(card chat.Card, role chat.MemberRole) chat.GroupMember {
		return chat.GroupMember{Card: card, Role: role}
	}
	return chat.MembersPage{
		Members: []chat.GroupMember{
			line(jonas, chat.MemberOwner), line(lena, chat.MemberAdministrator), line(ines, chat.MemberPlain),
			line(nour, chat.MemberPlain), line(yael, chat.MemberPlain), line(wang, chat.MemberPlain), line(long, chat.MemberPlain),
		},
		Next: "cursor",
	}
}

func groupPages() []Component {
	page := func(show func(views.Page) templ.Component) func(views.Page) templ.Component {
		return func(p views.Page) templ.Component { return show(loggedIn(p, chat.ID{})) }
	}
	details := func(d chat.Details, members chat.MembersPage, change func(*views.DetailsProps)) func(views.Page) templ.Component {
		return page(func(p views.Page) templ.Component {
			props := views.NewDetails(d, members, viewer)
			change(&props)
			see(props.Presences())
			return views.DetailsPage(p, props)
		})
	}
	nothing := func(*views.DetailsProps) {}
	past := crewDetails(chat.MemberPlain)
	until := int64(7)
	past.Member.UntilChange, past.Group.Description, past.MemberCount = &until, "", 0
	direct := chat.Details{ID: id("direct"), Kind: chat.KindDirect, Other: mira, Notify: chat.NotifyMentions, Pinned: true}
	soon := now.Add(40 * time.Minute)
	direct.QuietUntil = &soon
	note := chat.Details{ID: id("note"), Kind: chat.KindDirect, Other: lena, Notify: chat.NotifyAll}
	picker := views.PickerProps{
		Path: views.GroupNewPath, Query: "mi", Chosen: []views.PersonProps{views.NewPerson(ines)},
		Found: []views.PersonProps{views.NewPerson(mira), views.NewPerson(wang), views.NewPerson(nour), views.NewPerson(long)},
	}
	wrongName := chat.FieldError{Field: "name", Code: chat.CodeRequired}
	refused := &chat.Error{Kind: chat.KindInvalid, Code: chat.CodeInvalid, Fields: []chat.FieldError{
		wrongName, {Field: "people", Code: chat.CodeRequired},
	}}
	refusedName := &chat.Error{Kind: chat.KindInvalid, Code: chat.CodeInvalid, Fields: []chat.FieldError{wrongName}}
	newGroup := func(p views.GroupNewProps) func(views.Page) templ.Component {
		return page(func(whole views.Page) templ.Component { return views.GroupNewPage(whole, p) })
	}
	links := func(p views.GroupLinksProps) func(views.Page) templ.Component {
		p.ID, p.Zone = id("crew"), zone
		return page(func(whole views.Page) templ.Component { return views.GroupLinksPage(whole, p) })
	}
	week := now.Add(7 * 24 * time.Hour)
	working := []chat.GroupLink{
		{ID: id("one"), CreatedBy: lena, ExpiresAt: &week, MaxUses: 5, Uses: 2}, {ID: id("two"), CreatedBy: nour, Uses: 1},
	}
	member := func(p views.MemberPageProps) func(views.Page) templ.Component {
		p.ID = id("crew")
		return page(func(whole views.Page) templ.Component { return views.MemberPage(whole, p) })
	}
	receivers := func(of chat.ReceiversPage) func(views.Page) templ.Component {
		return page(func(whole views.Page) templ.Component {
			return views.ReceiversPage(whole, views.NewReceivers(id("crew"), id("message"), of))
		})
	}
	refusedPicker := picker
	refusedPicker.Err = refused
	tooFast := &chat.Error{Kind: chat.KindTooMany, Code: chat.CodeTooMany, Args: chat.Args{"Seconds": 3, "Count": 3}}
	limitedPicker := views.PickerProps{Path: views.GroupNewPath, Query: "mi", Chosen: picker.Chosen, SearchErr: tooFast}
	limited := views.NewMembers(crewDetails(chat.MemberPlain), chat.MembersPage{Next: "further"}, "mi", viewer)
	limited.Err = tooFast
	nobody := views.NewMembers(crewDetails(chat.MemberPlain), chat.MembersPage{}, "zzyzx", viewer)
	return []Component{
		{Name: "details-page", Group: "Groups", States: []State{
			{Name: "administrator", Page: details(crewDetails(chat.MemberAdministrator), crewMembers(), nothing)},
			{Name: "member", Page: details(crewDetails(chat.MemberPlain), crewMembers(), func(p *views.DetailsProps) { p.Saved = "yes" })},
			{Name: "last-owner", Page: details(crewDetails(chat.MemberOwner), crewMembers(), func(p *views.DetailsProps) {
				p.Err = &chat.Error{Kind: chat.KindConflict, Code: chat.CodeLastOwner}
			})},
			{Name: "past", Page: details(past, chat.MembersPage{}, nothing)},
			{Name: "direct", Page: details(direct, chat.MembersPage{}, nothing)},
			{Name: "note", Page: details(note, chat.MembersPage{}, nothing)},
			{Name: "aside", Page: page(func(p views.Page) templ.Component {
				props := views.NewConversation(crew(), viewer, now, id("next"))
				beside := views.NewDetails(crewDetails(chat.MemberOwner), crewMembers(), viewer)
				props.Details = &beside
				see(props.Presences())
				return views.ConversationPage(p, props)
			})},
		}},
		{Name: "group-new-page", Group: "Groups", States: []State{
			{Name: "empty", Page: newGroup(views.GroupNewProps{Picker: views.PickerProps{Path: views.GroupNewPath, Found: picker.Found}})},
			{Name: "searched", Page: newGroup(views.GroupNewProps{Name: "Harbour crew", Picker: picker})},
			{Name: "wrong", Page: newGroup(views.GroupNewProps{Picker: refusedPicker, Err: refused})},
			{Name: "nobody", Page: newGroup(views.GroupNewProps{Picker: views.PickerProps{Path: views.GroupNewPath, Query: "zzyzx", Nobody: true}})},
			{Name: "too-fast", Page: newGroup(views.GroupNewProps{Name: "Harbour crew", Picker: limitedPicker})},
		}},
		{Name: "group-settings-page", Group: "Groups", States: []State{
			{Name: "plain", Page: page(func(p views.Page) templ.Component {
				return views.GroupSettingsPage(p, views.GroupSettingsProps{ID: id("crew"), Settings: crewDetails(chat.MemberOwner).Group})
			})},
			{Name: "wrong", Page: page(func(p views.Page) templ.Component {
				return views.GroupSettingsPage(p, views.GroupSettingsProps{ID: id("crew"), Err: refusedName})
			})},
		}},
		{Name: "group-links-page", Group: "Groups", States: []State{
			{Name: "none", Page: links(views.GroupLinksProps{})},
			{Name: "working", Page: links(views.GroupLinksProps{Links: working})},
			{Name: "made", Page: links(views.GroupLinksProps{Links: working, Made: "https://chat.example.org/groups/join/q8Zt5n3XbW0yQ1Vd7cJmR2kLs9aHfEuPg4oTiYxNwMA"})},
		}},
		{Name: "group-join-page", Group: "Groups", States: []State{
			{Name: "stranger", Page: page(func(p views.Page) templ.Component {
				return views.GroupJoinPage(p, views.GroupJoinProps{Token: "t", ID: id("crew"), Name: "Harbour crew", Members: 8, Description: crewDetails("").Group.Description})
			})},
			{Name: "member", Page: page(func(p views.Page) templ.Component {
				return views.GroupJoinPage(p, views.GroupJoinProps{Token: "t", ID: id("crew"), Name: "نادي الكتاب", Members: 1, Member: true})
			})},
		}},
		{Name: "members-page", Group: "Groups", States: []State{
			{Name: "owner", Page: page(func(p views.Page) templ.Component {
				members := views.NewMembers(crewDetails(chat.MemberOwner), crewMembers(), "", viewer)
				see(members.Presences())
				return views.MembersPage(p, members)
			})},
			{Name: "nobody", Page: page(func(p views.Page) templ.Component { return views.MembersPage(p, nobody) })},
			{Name: "too-fast", Page: page(func(p views.Page) templ.Component { return views.MembersPage(p, limited) })},
			{Name: "adding", Page: page(func(p views.Page) templ.Component {
				return views.MembersNewPage(p, views.MembersNewProps{ID: id("crew"), Picker: picker})
			})},
		}},
		{Name: "receivers-page", Group: "Groups", States: []State{
			{Name: "some", Page: receivers(chat.ReceiversPage{Receipt: chat.Receipt{Delivered: 5, Read: 3, Of: 7}, Next: "cursor", People: []chat.Receiver{
				{Card: jonas}, {Card: nour}, {Card: long}, {Card: ines, State: chat.ReceiverReached}, {Card: wang, State: chat.ReceiverReached},
				{Card: priya, State: chat.ReceiverWaiting}, {Card: yael, State: chat.ReceiverWaiting},
			}})},
			{Name: "direct", Page: receivers(chat.ReceiversPage{Receipt: chat.Receipt{Delivered: 1, Of: 1}, People: []chat.Receiver{
				{Card: mira, State: chat.ReceiverReached},
			}})},
			{Name: "nobody", Page: receivers(chat.ReceiversPage{})},
			{Name: "hidden", Page: receivers(chat.ReceiversPage{Hidden: true})},
		}},
		{Name: "member-page", Group: "Groups", States: []State{
			{Name: "owner-sees", Page: member(views.MemberPageProps{
				Member: views.MemberProps{Person: views.NewPerson(ines), Role: chat.MemberPlain}, MaySetRole: true, MayRemove: true,
			})},
			{Name: "administrator-sees", Page: member(views.MemberPageProps{
				Member: views.MemberProps{Person: views.NewPerson(nour), Role: chat.MemberPlain}, MayRemove: true,
			})},
			{Name: "member-sees", Page: member(views.MemberPageProps{
				Member: views.MemberProps{Person: views.NewPerson(long), Role: chat.MemberAdministrator},
			})},
		}},
	}
}
