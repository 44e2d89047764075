package death_test

import (
	"context"
	"encoding/binary"
	"fmt"

	"kith"
)

// small is a message's size, where nothing else is said: its record takes 72 bytes, so
// that 56 of them fill a ring of 4 KiB but for 64 bytes, and the next runs over its end.
const small = 64

// full is how many small messages a ring of 4 KiB takes.
const full = 56

// fill writes message number n: the number, and then bytes which depend on it and on
// where they are, so that no part of another message passes for a part of this one.
func fill(msg []byte, n int) []byte {
	binary.LittleEndian.PutUint64(msg, uint64(n))
	for i := 8; i < len(msg); i++ {
		msg[i] = byte(n*31 + i*7 + i>>8)
	}
	return msg
}

func message(n, size int) []byte { return fill(make([]byte, size), n) }

// check makes sure that msg is message number n, whole.
func check(msg []byte, n, size int) error {
	if len(msg) != size {
		return fmt.Errorf("message %d: %d bytes, not %d", n, len(msg), size)
	}
	if got := binary.LittleEndian.Uint64(msg); got != uint64(n) {
		return fmt.Errorf("message %d came where %d was next", got, n)
	}
	for i := 8; i < len(msg); i++ {
		if msg[i] != byte(n*31+i*7+i>>8) {
			return fmt.Errorf("message %d is torn at byte %d", n, i)
		}
	}
	return nil
}

// send sends the messages from…to-1.
func send(ctx context.Context, conn *kith.Conn, from, to, size int) error {
	for n := from; n < to; n++ {
		if err := conn.Send(ctx, message(n, size)); err != nil {
			return fmt.Errorf("message %d: %w", n, err)
		}
	}
	return nil
}

// receive receives the messages from…to-1.
func receive(ctx context.Context, conn *kith.Conn, from, to, size int) error {
	for n := from; n < to; n++ {
		msg, err := conn.Receive(ctx)
		if err == nil {
			err = check(msg, n, size)
		}
		if err != nil {
			return fmt.Errorf("message %d: %w", n, err)
		}
	}
	return nil
}
