// Parley is a self-hosted messaging server; everything is in the packages beside this file.
package main

import (
	"os"

	"parley/program"
)

func main() { os.Exit(program.Main()) }
