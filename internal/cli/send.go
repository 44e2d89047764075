package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/spf13/cobra"

	"kith"
)

// messageSize is how many bytes of the file a message carries. Measured with
// 500 MB over every transport: 64 KiB is slower by a fifth to a quarter, 1 MiB
// hardly faster anywhere.
const messageSize = 256 << 10

func sendCommand() *cobra.Command {
	t := &transfer{peer: "recv"}
	cmd := &cobra.Command{
		Use:   "send ADDR [FILE]",
		Short: "Send a file, or standard input, to a kith recv",
		Long: `Send the bytes of FILE, or of standard input without one or where FILE is -,
to the ` + "`kith recv`" + ` that listens at ADDR. It succeeds once the receiver has
confirmed that it has everything and has put its output in place.

` + exitHelp,
		Example: `  kith recv shm:backup copy.tar &
  kith send shm:backup data.tar`,
		Args:              addressAndFile,
		ValidArgsFunction: completeTransfer,
		RunE: func(cmd *cobra.Command, args []string) error {
			t.parse(args)
			return send(cmd.Context(), t)
		},
	}
	cmd.Flags().BoolVar(&t.listen, "listen", false, "listen at ADDR, for one who does recv --dial")
	cmd.Flags().BoolVarP(&t.quiet, "quiet", "q", false, "say nothing but errors")
	return cmd
}

func send(ctx context.Context, t *transfer) error {
	in, err := openInput(ctx, t.file)
	if err != nil {
		return err
	}
	conn, err := t.meet(ctx)
	if err != nil {
		return err
	}
	progress := startProgress("sent", in.size, t.quiet)
	err = deliver(ctx, conn, in, progress)
	progress.end(err)
	if err != nil {
		// No Close, for that says goodbye: the receiver would take what it has
		// for the whole. The exit of this process tells it that we gave up.
		return err
	}
	return conn.Close()
}

// deliver sends the input and its end, and returns what the receiver made of
// it. The receiver's answer is waited for all the while: where it gives up in
// the middle, there is no use in waiting for more input.
func deliver(ctx context.Context, conn *kith.Conn, in *input, progress *progress) error {
	sending, answered := context.WithCancelCause(ctx)
	go func() { answered(answer(ctx, conn)) }()

	err := pump(sending, conn, in, progress)
	if err == nil {
		err = conn.CloseSend()
	}
	if err != nil && !errors.Is(err, syscall.EPIPE) && sending.Err() == nil {
		return err
	}
	<-sending.Done()
	verdict := context.Cause(sending)
	switch {
	case !errors.Is(verdict, errConfirmed):
		return verdict
	case err != nil:
		return fmt.Errorf("%s: the receiver closed before it had everything", conn.Addr())
	}
	return nil
}

// pump sends the input, and stops short when ctx ends.
func pump(ctx context.Context, conn *kith.Conn, in *input, progress *progress) error {
	buffer := make([]byte, messageSize)
	for {
		n, err := await(ctx, func() (int, error) { return in.Read(buffer) })
		if n > 0 {
			if err := sendBytes(ctx, conn, buffer[:n]); err != nil {
				return err
			}
			progress.add(n)
		}
		if errors.Is(err, io.EOF) {
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// sendBytes sends bytes as a message, or as several where the key limit= of
// one of the two addresses allows only smaller ones: the bytes count, not
// their borders.
func sendBytes(ctx context.Context, conn *kith.Conn, bytes []byte) error {
	err := conn.Send(ctx, bytes)
	if half := len(bytes) / 2; errors.Is(err, kith.ErrTooLarge) && half > 0 {
		if err = sendBytes(ctx, conn, bytes[:half]); err == nil {
			err = sendBytes(ctx, conn, bytes[half:])
		}
	}
	return err
}
