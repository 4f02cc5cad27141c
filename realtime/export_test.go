package realtime

import (
	"maps"
	"slices"
)

// FramesIn are the types of the frames that a page may send.
func FramesIn() []string { return slices.Sorted(maps.Keys(framesIn)) }
