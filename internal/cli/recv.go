package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"kith"
)

func recvCommand() *cobra.Command {
	t := &transfer{peer: "send --listen"}
	dial := false
	cmd := &cobra.Command{
		Use:   "recv ADDR [FILE]",
		Short: "Receive a file, or a stream to standard output, from a kith send",
		Long: `Listen at ADDR, and write what one ` + "`kith send`" + ` sends to FILE, or to standard
output without one or where FILE is -. A regular FILE appears whole, by a
rename, or not at all; a device, a FIFO or standard output is written to as the
bytes come. The address is printed on standard error once it can be dialled.

` + exitHelp,
		Example: `  kith recv shm:backup copy.tar &
  kith send shm:backup data.tar

  kith recv tcp:127.0.0.1:0 | tar x     # prints the port it got`,
		Args:              addressAndFile,
		ValidArgsFunction: completeTransfer,
		RunE: func(cmd *cobra.Command, args []string) error {
			t.parse(args)
			t.listen = !dial
			return recv(cmd.Context(), t)
		},
	}
	cmd.Flags().BoolVar(&dial, "dial", false, "dial ADDR, where one does send --listen")
	cmd.Flags().BoolVarP(&t.quiet, "quiet", "q", false, "say nothing but errors")
	return cmd
}

func recv(ctx context.Context, t *transfer) error {
	out, err := createOutput(ctx, t.file)
	if err != nil {
		return err
	}
	defer out.discard()
	conn, err := t.meet(ctx)
	if err != nil {
		return err
	}
	progress := startProgress("received", -1, t.quiet)
	err = collect(ctx, conn, out, progress)
	progress.end(err)
	if errors.Is(err, kith.ErrPeerDied) {
		err = fmt.Errorf("%w, or gave up, after %s; %s", err, formatBytes(progress.bytes()), out.fate())
	} else if err != nil {
		complain(conn, err)
	}
	// After the output is in place: the goodbye is what confirms it.
	return errors.Join(err, conn.Close())
}

// collect writes what comes, and puts the output in place at its end.
func collect(ctx context.Context, conn *kith.Conn, out *output, progress *progress) error {
	for bytes, err := range conn.Messages(ctx) {
		if err != nil {
			return err
		}
		if err := out.write(ctx, bytes); err != nil {
			return err
		}
		progress.add(len(bytes))
	}
	return out.commit()
}
