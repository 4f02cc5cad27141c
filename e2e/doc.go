// Package e2e tells stories of people who use Parley: the whole application over a real database, in a real browser,
// with a network between them that can fail.
//
// A story begins with [begin], gets its people from the world it makes, and lets them do what people do: open, read,
// click, type. Every page is watched from its first to its last moment: whatever the browser complains about fails the
// story, see watch_test.go.
package e2e
