//go:build linux

package main

import "parley/chaos/process"

// What everything here starts, waits for and waits by.
var (
	launch   = process.Launch
	until    = process.Until
	sleep    = process.Sleep
	freeAddr = process.FreeAddr
)
