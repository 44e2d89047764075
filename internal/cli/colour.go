package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// colourFlag gives the root command its one say over colour; every command
// then asks coloured.
func colourFlag(root *cobra.Command) {
	when := colourWhen("auto")
	root.PersistentFlags().Var(&when, "color", "when to use colour: auto, always or never")
}

// coloured decides whether out gets colour: --color, then NO_COLOR (see
// no-color.org), then whether it is a terminal that can.
func coloured(cmd *cobra.Command, out *os.File) bool {
	when := "auto"
	if flag := cmd.Flag("color"); flag != nil {
		when = flag.Value.String()
	}
	if when != "auto" {
		return when == "always"
	}
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(out)
}

// colourWhen is the value of --color, checked as it is parsed.
type colourWhen string

func (w *colourWhen) String() string { return string(*w) }
func (w *colourWhen) Type() string   { return "when" }

func (w *colourWhen) Set(text string) error {
	switch text {
	case "auto", "always", "never":
		*w = colourWhen(text)
		return nil
	}
	return fmt.Errorf("want auto, always or never")
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// columns is how wide out is: its terminal's width, else 100.
func columns(out *os.File) int {
	size, err := unix.IoctlGetWinsize(int(out.Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Col == 0 {
		return 100
	}
	return int(size.Col)
}
