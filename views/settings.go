package views

import (
	"context"
	"strings"

	"parley/chat"
)

// SettingsProps is the page of a person's own choices.
type SettingsProps struct {
	Person   PersonProps
	TimeZone string
	Theme    chat.Theme
	Zones    []ZoneGroup
	Saved    bool
	Err      *chat.Error
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
		Person: NewPerson(viewer.Card), TimeZone: viewer.TimeZone, Theme: viewer.Theme,
		Zones: zoneGroups(chat.TimeZones(), viewer.TimeZone),
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

func zoneRegion(ctx context.Context, region string) string {
	if region == "" {
		return T(ctx, "settings.other_zones")
	}
	return region
}
