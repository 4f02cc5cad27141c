package views

import (
	"context"
	"strings"

	"parley/chat"
)

// SettingsProps is the page of a person's own choices.
type SettingsProps struct {
	Person      PersonProps
	DisplayName string // as it stands in its field
	TimeZone    string
	Theme       chat.Theme
	Receipts    bool // shown to others, and seen of others
	Zones       []ZoneGroup
	Saved       string // names what has just been stored, if anything
	Err         *chat.Error
}

// settingsTabs leads to the pages of the settings; current is the path of the one shown.
func settingsTabs(ctx context.Context, current string) TabsProps {
	return TabsProps{Label: T(ctx, "settings.title"), Tabs: []Tab{
		{Label: T(ctx, "settings.you"), Path: SettingsPath, Current: current == SettingsPath},
		{Label: T(ctx, "account.title"), Path: AccountPath, Current: current == AccountPath},
		{Label: T(ctx, "sessions.title"), Path: SessionsPath, Current: current == SessionsPath},
		{Label: T(ctx, "presence_settings.title"), Path: PresencePath, Current: current == PresencePath},
		{Label: T(ctx, "block.title"), Path: BlocksPath, Current: current == BlocksPath},
	}}
}

// savedSentence says what has just been stored, by a word of the page's address; any other word says nothing.
func savedSentence(ctx context.Context, saved string) string {
	switch saved {
	case "yes":
		return T(ctx, "settings.saved")
	case "name":
		return T(ctx, "settings.saved_name")
	case "password":
		return T(ctx, "account.saved_password")
	}
	return emailSentence(ctx, saved)
}

// ZoneGroup is a region's time zones.
type ZoneGroup struct {
	Region string // empty for those of no region
	Zones  []ZoneOption
}

// ZoneOption is a time zone to choose.
type ZoneOption struct {
	Name  string // IANA
	Label string
}

// NewSettings makes props of the viewer's present choices.
func NewSettings(viewer chat.Viewer) SettingsProps {
	return SettingsProps{
		Person: NewPerson(viewer.Card), DisplayName: viewer.DisplayName, TimeZone: viewer.TimeZone, Theme: viewer.Theme,
		Receipts: !viewer.HidesReceipts, Zones: zoneGroups(chat.TimeZones(), viewer.TimeZone),
	}
}

// zoneGroups sorts zones by region; the present one is among them even where browsers do not offer it.
func zoneGroups(names []string, present string) []ZoneGroup {
	var groups []ZoneGroup
	byRegion := map[string]int{}
	add := func(name string) {
		region, city, found := strings.Cut(name, "/")
		if !found {
			region, city = "", name
		}
		n, known := byRegion[region]
		if !known {
			n = len(groups)
			byRegion[region] = n
			groups = append(groups, ZoneGroup{Region: region})
		}
		label := strings.ReplaceAll(strings.ReplaceAll(city, "/", " – "), "_", " ")
		groups[n].Zones = append(groups[n].Zones, ZoneOption{Name: name, Label: label})
	}
	seen := false
	for _, name := range names {
		seen = seen || name == present
		add(name)
	}
	if !seen && present != "" {
		add(present)
	}
	return groups
}

// zoneRegion is what a region is called; one of another name is a zone's that browsers do not offer.
func zoneRegion(ctx context.Context, region string) string {
	switch region {
	case "":
		return T(ctx, "zone.elsewhere")
	case "Africa":
		return T(ctx, "zone.africa")
	case "America":
		return T(ctx, "zone.america")
	case "Antarctica":
		return T(ctx, "zone.antarctica")
	case "Arctic":
		return T(ctx, "zone.arctic")
	case "Asia":
		return T(ctx, "zone.asia")
	case "Atlantic":
		return T(ctx, "zone.atlantic")
	case "Australia":
		return T(ctx, "zone.australia")
	case "Europe":
		return T(ctx, "zone.europe")
	case "Indian":
		return T(ctx, "zone.indian")
	case "Pacific":
		return T(ctx, "zone.pacific")
	}
	return region
}
