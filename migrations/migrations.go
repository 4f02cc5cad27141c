// Package migrations holds the numbered SQL that brings a database up to date. The binary carries it and runs it.
package migrations

import "embed"

// FS holds the migrations, in the order of their numbers.
//
//go:embed *.sql
var FS embed.FS
