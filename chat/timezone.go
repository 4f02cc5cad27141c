package chat

import (
	_ "embed"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // the binary must know time zones on a machine that does not
)

// The names that browsers offer (Intl.supportedValuesOf("timeZone"), CLDR's canonical zones) and UTC.
//
//go:embed timezones.txt
var timeZoneFile string

var timeZones = strings.Fields(timeZoneFile)

// TimeZones lists the time zones to choose from, in the order of the alphabet.
func TimeZones() []string { return slices.Clone(timeZones) }

// ValidTimeZone says whether name is an IANA time zone that this binary can load.
func ValidTimeZone(name string) bool {
	if name == "" || name == "Local" || len(name) > 64 {
		return false
	}
	_, err := time.LoadLocation(name)
	return err == nil
}
