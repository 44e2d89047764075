package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"kith"
	"kith/driver"
)

// A transfer is what the command line of `send` and `recv` says.
type transfer struct {
	address string
	file    string // "-" for the standard stream
	listen  bool
	peer    string // the command that should listen where this one dials
	quiet   bool
}

// parse takes the arguments ADDR [FILE].
func (t *transfer) parse(args []string) {
	t.address, t.file = args[0], "-"
	if len(args) == 2 {
		t.file = args[1]
	}
}

// meet joins the peer. One transfer has one peer, so the name that was
// listened at is gone again before the first byte comes.
func (t *transfer) meet(ctx context.Context) (*kith.Conn, error) {
	if !t.listen {
		conn, err := kith.Dial(ctx, t.address)
		return conn, t.advise(err)
	}
	listener, err := kith.Listen(ctx, t.address)
	if err != nil {
		return nil, t.advise(err)
	}
	defer listener.Close()
	if !t.quiet {
		fmt.Fprintln(os.Stderr, "kith: listening at", listener.Addr())
	}
	return listener.Accept(ctx)
}

// advise adds what to do next to an error, where that is known.
func (t *transfer) advise(err error) error {
	switch {
	case errors.Is(err, kith.ErrNoListener):
		return fmt.Errorf("%w; start `kith %s %s` first", err, t.peer, t.address)
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w; end it, or choose another address", err)
	}
	return err
}

// addressAndFile checks that the arguments are ADDR [FILE].
func addressAndFile(_ *cobra.Command, args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return fmt.Errorf("want ADDR [FILE], got %d arguments", len(args))
	}
	return nil
}

// completeTransfer offers the schemes for ADDR, and files for FILE.
func completeTransfer(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	var schemes []string
	for _, t := range driver.Transports() {
		if traits := t.Traits(); traits.Named {
			schemes = append(schemes, cobra.CompletionWithDesc(traits.Scheme+":", traits.Summary))
		}
	}
	return schemes, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
}
