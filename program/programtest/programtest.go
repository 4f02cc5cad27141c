// Package programtest runs the whole program in processes of its own, for tests: the test binary takes its place.
//
//	func TestMain(m *testing.M) {
//		programtest.Perhaps()
//		…
//	}
package programtest

import (
	"os"

	"parley/program"
)

// Environ is what a process needs in its environment to be the program and not the tests.
const Environ = "TEST_BINARY_IS_PARLEY=yes"

// Perhaps becomes the program, and does not return, where this process was started as such.
func Perhaps() {
	if os.Getenv("TEST_BINARY_IS_PARLEY") != "" {
		os.Exit(program.Main())
	}
}

// Path is the file to start.
func Path() (string, error) { return os.Executable() }
