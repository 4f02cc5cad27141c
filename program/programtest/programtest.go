// Package programtest runs the whole program in processes of its own, for tests: the test binary takes its place.
//
//	func TestMain(m *testing.M) {
//		programtest.Perhaps()
//		…
//	}
package programtest

import (
	"os"
	"testing"

	"parley/program"
)

const variable = "TEST_BINARY_IS_PARLEY"

// Environ is what a process needs in its environment to be the program and not the tests. A binary that counts what its
// tests cover says so on standard error where it may not write down what the program covers.
func Environ(t testing.TB) []string {
	t.Helper()
	return []string{variable + "=yes", "GOCOVERDIR=" + t.TempDir()}
}

// Perhaps becomes the program, and does not return, where this process was started as such.
func Perhaps() {
	if os.Getenv(variable) != "" {
		os.Exit(program.Main())
	}
}

// Path is the file to start.
func Path() (string, error) { return os.Executable() }
