package config

import (
	"runtime"
	"runtime/debug"
)

// Set by the linker, see the Makefile. Without it (go run, go build, tests) what the Go tools recorded is used.
var (
	version string
	commit  string
)

// Build says what this binary was made from.
type Build struct {
	// Version is the release, or how far the commit is from one; "dev" where it is not known.
	Version string
	// Commit is the commit's hash; "unknown" where it is not known.
	Commit string
	// Go is the version of the Go tools that made the binary.
	Go string
}

// BuildInfo describes this binary.
func BuildInfo() Build {
	build := Build{Version: version, Commit: commit, Go: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok && build.Commit == "" {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				build.Commit = s.Value
			}
		}
	}
	if build.Version == "" {
		build.Version = "dev"
	}
	if build.Commit == "" {
		build.Commit = "unknown"
	}
	return build
}
