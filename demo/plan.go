package demo

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"time"

	"parley/chat"
)

// plan is what is settled about a conversation before anything is said in it.
type plan struct {
	kind     chat.ConversationKind
	name     string // of a group
	members  []int  // who, by their place among the people; the first made it
	lang     *language
	style    style
	messages int
	weight   float64       // where there is no wish: the share of the messages that are left
	first    int           // how many messages all conversations before this one have
	age      time.Duration // how long ago the last message was written
	// How many messages at the end the first person, demo, has not seen: nobody else counts them so exactly.
	unread      int
	endsDeleted bool   // the last message was deleted
	about       string // of a group
	joined      bool   // newcomers to the group see nothing of the past
	choices     choices
}

// choices are what demo makes of a conversation.
type choices struct {
	pinned, archived, quiet bool
	draft                   string
}

// style is what a conversation is mostly about.
type style string

const (
	styleWork  style = "work"
	styleLife  style = "life"
	styleNotes style = "notes" // to oneself
	styleEmoji style = "emoji"
	styleLinks style = "links"
	styleLong  style = "long"
	styleMixed style = "mixed" // each in their own language
)

// wish is a conversation that demo is to have, so that each thing there is to see can be seen.
type wish struct {
	lang     string // of a direct conversation; of a group, in which most speak it
	size     int    // of a group; 0 is a direct conversation, 1 a note to oneself
	name     string
	with     int // in a direct conversation: this person
	style    style
	messages int
	share    int // of all messages, in percent, if that is less
	unread   int
	age      time.Duration
	deleted  bool
	about    string
	choices  choices
}

// everybody is the size of the group of all, in a world of any size.
const everybody = 2000

// wishes come in the order in which demo's list should show them. What is short comes true in each world; what is long
// gives way in a small one.
var wishes = []wish{
	{lang: "en", style: styleLife, messages: 6000, share: 30, age: 4 * time.Minute},
	{lang: "en", size: 7, name: "Open day crew", style: styleWork, messages: 2000, share: 8, unread: 3, age: 11 * time.Minute,
		about: "Everything for the open day. Set-up on Friday, doors at eleven, soup at one.", choices: choices{pinned: true}},
	{lang: "en", size: everybody, name: "Everybody", style: styleMixed, messages: 3000, share: 5, unread: 120, age: 40 * time.Minute,
		about: "For all of us. Please keep it short."},
	{lang: "ar", style: styleLife, messages: 44, unread: 2, age: 75 * time.Minute},
	{lang: "en", style: styleWork, messages: 38, unread: 1, age: 2 * time.Hour},
	{lang: "de", size: 8, name: "Hausgemeinschaft Ahornweg", style: styleLife, messages: 130, share: 3, unread: 24, age: 3 * time.Hour},
	{lang: "ja", style: styleLife, messages: 46, age: 5 * time.Hour},
	{lang: "zh", style: styleWork, messages: 45, unread: 5, age: 7 * time.Hour},
	{lang: "en", style: styleEmoji, messages: 40, age: 9 * time.Hour},
	{lang: "en", size: 1, style: styleNotes, messages: 34, age: 20 * time.Hour, choices: choices{pinned: true}},
	{
		lang: "en", size: 14, style: styleMixed, messages: 240, share: 3, unread: 1, age: 26 * time.Hour,
		name: "Choir trip to the sea: trains, rooms, who brings the big pot, and what we sing",
	},
	{with: longNamed, style: styleLife, messages: 27, age: 30 * time.Hour},
	{lang: "en", style: styleLinks, messages: 48, age: 40 * time.Hour},
	{lang: "he", style: styleLife, messages: 31, unread: 1, age: 2 * day},
	{lang: "en", style: styleLong, messages: 36, age: 60 * time.Hour, choices: choices{draft: "About the second point: what if we"}},
	{lang: "ar", size: 5, name: "جيران الطابق الثالث", style: styleLife, messages: 90, share: 2, unread: 7, age: 3 * day},
	{lang: "hi", style: styleLife, messages: 29, age: 4 * day, choices: choices{draft: "शनिवार को"}},
	{lang: "fr", style: styleWork, messages: 38, age: 5 * day, deleted: true},
	{lang: "uk", style: styleLife, messages: 26, unread: 4, age: 6 * day},
	{lang: "es", size: 6, name: "Lecturas del martes", style: styleLife, messages: 110, share: 2, age: 8 * day},
	{lang: "en", style: styleLife, messages: 1, unread: 1, age: 9 * day},
	{lang: "en", style: styleWork, messages: 0, age: 10 * day},
	{lang: "el", style: styleLife, messages: 19, age: 13 * day},
	{lang: "en", size: 3, name: "🚲", style: styleLife, messages: 44, age: 16 * day, choices: choices{draft: "Who has the pump?\nI looked in the shed, and in the other shed"}},
	{lang: "pl", style: styleWork, messages: 33, age: 20 * day},
	{lang: "tr", style: styleLife, messages: 16, age: 31 * day},
	{lang: "en", size: 30, name: "Lighting", style: styleWork, messages: 800, share: 4, age: 33 * day, choices: choices{quiet: true}},
	{lang: "vi", style: styleLife, messages: 22, age: 45 * day},
	{lang: "sv", style: styleLife, messages: 18, age: 70 * day, choices: choices{archived: true}},
	{lang: "pt", style: styleLife, messages: 25, age: 110 * day, choices: choices{archived: true}},
}

const (
	groupPercent  = 25 // of all conversations
	demosPercent  = 30 // so many at most are demo's,
	demosMost     = 60 // and so many
	wishedPercent = 60 // of the messages go into wishes, at most
	smallestGroup = 3
	largestGroup  = 400 // but for the group of everybody
	longestSilent = 500 * day
)

// mostConversations is how many so many people can have: half of all pairs, so that a pair is found quickly, and groups.
func mostConversations(people int) int {
	return max(1, people*(people-1)/4*100/(100-groupPercent))
}

// groupsOf is how many conversations are to be groups.
func groupsOf(s Settings) int {
	if s.People < smallestGroup {
		return 0
	}
	return s.Conversations * groupPercent / 100
}

// planner settles who talks with whom.
type planner struct {
	*World
	rand    *rand.Rand
	plans   []plan
	pairs   map[[2]int]bool     // who talks with whom already
	mates   map[*language][]int // who speaks what
	popular []float64           // running total of how much each person talks
	groups  int                 // how many more groups there are to be
	named   map[*language]int   // how many groups have a name in it
}

func (w *World) makePlans(r *rand.Rand) []plan {
	p := &planner{
		World: w, rand: r, pairs: map[[2]int]bool{}, mates: map[*language][]int{}, named: map[*language]int{},
	}
	p.groups = groupsOf(w.settings)
	total := 0.0
	for i := range w.people {
		p.mates[w.people[i].lang] = append(p.mates[w.people[i].lang], i)
		total += math.Exp(r.NormFloat64())
		p.popular = append(p.popular, total)
	}
	p.planDemos()
	for len(p.plans) < w.settings.Conversations {
		switch left := w.settings.Conversations - len(p.plans); {
		case left == p.groups || p.groups > 0 && chance(r, 40):
			p.planGroup(p.anybody())
		case !p.planDirect(p.anybody()):
			p.planDirect(1 + r.IntN(len(w.people)-1)) // the popular ones have no time left
		}
	}
	p.shareMessages()
	return p.plans
}

// planDemos makes the wishes true as far as there are people for them, and adds what else demo has.
func (p *planner) planDemos() {
	most := min(max(1, p.settings.Conversations*demosPercent/100), demosMost)
	for _, wish := range wishes {
		if len(p.plans) < most {
			p.planWish(wish)
		}
	}
	for tries := 0; len(p.plans) < most && tries < 2*demosMost; tries++ {
		if p.groups > 0 && chance(p.rand, groupPercent) {
			p.planGroup(0)
		} else {
			p.planDirect(0)
		}
	}
}

func (p *planner) planWish(wish wish) {
	plan := plan{
		kind: chat.KindDirect, lang: languages()[wish.lang], style: wish.style, messages: wish.messages, age: wish.age,
		unread: wish.unread, endsDeleted: wish.deleted, about: wish.about, choices: wish.choices,
	}
	if wish.share > 0 {
		plan.messages = min(plan.messages, p.settings.Messages*wish.share/100)
	}
	switch {
	case wish.size > 1:
		if p.groups == 0 {
			return
		}
		p.groups--
		plan.kind, plan.name = chat.KindGroup, wish.name
		plan.members = p.gather(0, plan.lang, wish.size)
		if chance(p.rand, 70) { // demo made some groups, and was added to others
			k := 1 + p.rand.IntN(2)
			plan.members[0], plan.members[k] = plan.members[k], plan.members[0]
		}
	case wish.size == 1:
		plan.members = []int{0}
		p.pairs[pair(0, 0)] = true
	default:
		among := p.mates[plan.lang]
		if wish.with > 0 {
			among = []int{min(wish.with, len(p.people)-1)}
		}
		other := slices.IndexFunc(among, func(other int) bool { return other != 0 && !p.pairs[pair(0, other)] })
		if other < 0 {
			return
		}
		plan.members = []int{0, among[other]}
		plan.lang = p.people[among[other]].lang
		p.pairs[pair(0, among[other])] = true
		if plan.messages > 0 && chance(p.rand, 50) { // what nobody has written in shows only to who opened it
			slices.Reverse(plan.members)
		}
	}
	p.plans = append(p.plans, plan)
}

// anybody is somebody but demo, rather who talks much.
func (p *planner) anybody() int {
	at := p.rand.Float64() * p.popular[len(p.popular)-1]
	return max(1, sort.SearchFloat64s(p.popular, at))
}

func pair(a, b int) [2]int { return [2]int{min(a, b), max(a, b)} }

// planDirect finds somebody whom who does not talk with yet, rather one of the same language. It gives up after a while.
func (p *planner) planDirect(who int) bool {
	for range 20 {
		other := p.anybody()
		if chance(p.rand, 65) {
			other = pick(p.rand, p.mates[p.people[who].lang])
		}
		if who > 0 && chance(p.rand, 2) {
			other = who
		}
		if p.pairs[pair(who, other)] || other == 0 { // demo's are planned
			continue
		}
		p.pairs[pair(who, other)] = true
		plan := plan{
			kind: chat.KindDirect, members: []int{who, other}, lang: p.people[other].lang, style: p.style(),
			weight: p.wordy(), age: p.silence(who),
		}
		if who > 0 && chance(p.rand, 2) {
			plan.weight = 0 // opened, and thought better of
		}
		switch {
		case who == other:
			plan.members, plan.lang, plan.style = plan.members[:1], languages()["en"], styleNotes
		case who > 0 && plan.lang != p.people[who].lang:
			plan.lang = languages()["en"]
		}
		p.plans = append(p.plans, plan)
		return true
	}
	return false
}

func (p *planner) style() style {
	switch n := p.rand.IntN(100); {
	case n < 45:
		return styleWork
	case n < 96:
		return styleLife
	case n < 98:
		return styleLinks
	}
	return styleLong
}

// planGroup makes a group of somebody's. Most are small, a few are large.
func (p *planner) planGroup(who int) {
	p.groups--
	lang := p.people[who].lang
	if len(p.mates[lang]) < smallestGroup || chance(p.rand, 30) {
		lang = languages()["en"]
	}
	size := smallestGroup + int(3*math.Exp(1.1*p.rand.NormFloat64()))
	plan := plan{
		kind: chat.KindGroup, lang: lang, style: styleLife, members: p.gather(who, lang, min(size, largestGroup)),
		weight: 2 * p.wordy(), age: p.silence(who), joined: chance(p.rand, 35),
	}
	if chance(p.rand, 45) {
		plan.style = styleWork
	}
	n := p.named[lang]
	p.named[lang]++
	plan.name = lang.groups[n%len(lang.groups)]
	if round := n / len(lang.groups); round > 0 {
		plan.name += " " + strconv.Itoa(round+1)
	}
	p.plans = append(p.plans, plan)
}

// gather finds so many people for a group, who first. Most speak its language: they come next, and so speak most.
func (p *planner) gather(who int, lang *language, size int) []int {
	members, known := []int{who}, map[int]bool{who: true}
	add := func(other int) {
		if !known[other] {
			known[other] = true
			members = append(members, other)
		}
	}
	mates := p.mates[lang]
	if size >= everybody {
		mates = nil // all alike
	} else {
		size = min(size, 2*len(mates)+1)
	}
	size = max(smallestGroup, min(size, len(p.people)))
	for tries := 0; len(members) < size*85/100 && tries < 2*size && mates != nil; tries++ {
		add(pick(p.rand, mates))
	}
	for next := p.rand.IntN(len(p.people)); len(members) < size; next = (next + 1) % len(p.people) {
		add(next)
		if mates != nil { // of everybody there is no choice
			next = p.rand.IntN(len(p.people))
		}
	}
	return members
}

// wordy is how much is said in a conversation compared to others: mostly little, now and then a lot.
func (p *planner) wordy() float64 {
	return 0.1 + math.Exp(1.3*p.rand.NormFloat64())
}

// silence is how long nothing has been said to somebody: as often minutes as hours, days and months. Wishes come before
// what else demo has.
func (p *planner) silence(who int) time.Duration {
	shortest := 5 * time.Minute
	if who == 0 {
		shortest = 12 * time.Hour
	}
	return time.Duration(float64(shortest) * math.Pow(float64(longestSilent/shortest), p.rand.Float64()))
}

// shareMessages gives each conversation its messages. Wishes come first, and give way where they would take too many.
func (p *planner) shareMessages() {
	wished, weights := 0, 0.0
	for i := range p.plans {
		wished += p.plans[i].messages
		weights += p.plans[i].weight
	}
	left := p.settings.Messages
	begins := func(plan *plan) int { // a group does, with a message
		if plan.kind == chat.KindGroup {
			return 1
		}
		return 0
	}
	for i := range p.plans {
		left -= begins(&p.plans[i])
	}
	allowed := left * wishedPercent / 100
	for i := range p.plans {
		plan := &p.plans[i]
		if wished > allowed { // what is short comes true all the same
			plan.messages = min(left, (plan.messages*allowed+wished-1)/wished)
		}
		left -= plan.messages
		plan.messages += begins(plan)
	}
	given, weight := 0, 0.0
	for i := range p.plans {
		weight += p.plans[i].weight
		if p.plans[i].weight > 0 {
			due := int(float64(left) * (weight / weights))
			p.plans[i].messages += due - given
			given = due
		}
	}
	p.plans[0].messages += left - given // what rounding leaves, or all where there are only wishes
	first := 0
	for i := range p.plans {
		plan := &p.plans[i]
		plan.first = first
		first += plan.messages
		for _, who := range plan.members {
			p.people[who].ViewSeq++ // as each new conversation raises it
			plan.age = min(plan.age, p.people[who].joined*3/4)
		}
		if plan.weight > 0 && slices.Contains(plan.members, 0) && len(plan.members) > 1 && chance(p.rand, 20) {
			plan.unread = 1 + p.rand.IntN(6)
		}
		plan.unread = min(plan.unread, plan.messages)
		if plan.kind == chat.KindGroup { // how it began, everybody there has seen
			plan.unread = min(plan.unread, max(0, plan.messages-1))
		}
	}
}
