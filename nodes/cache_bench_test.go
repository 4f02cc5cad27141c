package nodes_test

import (
	"fmt"
	"testing"

	"parley/chat"
	"parley/chat/chattest"
	"parley/nodes/nodestest"
)

// BenchmarkViewerCache is what asking Redis adds to a request: one question where it knows, two where it does not.
func BenchmarkViewerCache(b *testing.B) {
	server := nodestest.Start(b)
	r := open(b, server.Config(), patient)
	here, anna := cache(r), anybody("Anna")
	for _, known := range []bool{true, false} {
		b.Run(fmt.Sprint("known=", known), func(b *testing.B) {
			n := 0
			for b.Loop() {
				key := "key"
				if n++; !known {
					key = fmt.Sprint(n % 100)
					anna.ID = chat.NewID()
				}
				chattest.Seen(b, here, anna.ID, key, anna)
			}
		})
	}
}
