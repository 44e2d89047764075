package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"kith"
)

// What the receiver answers: its goodbye, when it has everything, or one
// message that says what went wrong, and then its goodbye.

// maxComplaint is how long a complaint may be, in bytes. It fits the smallest
// ring there is, so it is sent without waiting.
const maxComplaint = 1 << 10

// errConfirmed is the answer of a receiver that has everything.
var errConfirmed = errors.New("the receiver has everything")

// answer waits for the receiver's answer, which is never nil.
func answer(ctx context.Context, conn *kith.Conn) error {
	text, err := conn.Receive(ctx)
	switch {
	case errors.Is(err, io.EOF):
		return errConfirmed
	case errors.Is(err, kith.ErrPeerDied):
		return fmt.Errorf("%w; it had not confirmed that it has everything", err)
	case err != nil:
		return err
	case len(text) > maxComplaint || !utf8.Valid(text):
		return fmt.Errorf("%s: the peer sends data instead of an answer (is it a `kith send` too?)", conn.Addr())
	}
	return fmt.Errorf("%s: the receiver failed: %s", conn.Addr(), printable(text))
}

// printable is text of another process, safe for a terminal.
func printable(text []byte) string {
	quoted := strconv.QuoteToGraphic(string(text))
	return quoted[1 : len(quoted)-1]
}

// complain tells the sender why the receiver failed. It tries: a sender that
// takes no answer delays the exit by no more than a second.
func complain(conn *kith.Conn, why error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	text := message(why)
	text = strings.ToValidUTF8(text[:min(len(text), maxComplaint)], "")
	_ = conn.Send(ctx, []byte(text))
}
