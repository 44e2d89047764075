// Kith is everything that neighbouring processes say to each other on Unix:
// run `kith --help`.
package main

import (
	"os"

	"kith/internal/cli"
)

func main() { os.Exit(cli.Main()) }
