package shm_test

import (
	"encoding/binary"
	"errors"
	"testing"

	"kith/driver"
	"kith/internal/kithtest"
)

func init() { kithtest.Register(map[string]kithtest.Func{"leaver": leaveMidway}) }

// leaveMidway, in a child, says goodbye behind a message and the first piece of
// another.
func leaveMidway(args []string) error {
	h, err := dialled(args[0])
	if err != nil {
		return err
	}
	own, err := h.join()
	if err != nil {
		return err
	}
	copy(own[ringAt+8:], "complete")
	copy(own[ringAt+24:], "begun...")
	binary.NativeEndian.PutUint64(own[ringAt+32:], goodbye)
	binary.NativeEndian.PutUint64(own[ringAt+16:], more|8)
	binary.NativeEndian.PutUint64(own[ringAt:], message|8)
	h.knock()
	kithtest.Say("left midway")
	kithtest.Hear()
	return nil
}

// A goodbye in the middle of a message is no good end, and none of the message is
// delivered.
func TestGoodbyeInAMessage(t *testing.T) {
	listener := rawListener(t)
	child := kithtest.Command(t, "leaver", listener.Addr().String()).Start()
	conn, err := answer(t.Context(), listener)
	if err != nil {
		t.Fatal(err)
	}
	if heard, err := child.Hear(); heard != "left midway" {
		t.Fatal(heard, err)
	}
	if msg, err := conn.Receive(t.Context()); string(msg) != "complete" || err != nil {
		t.Errorf("what came before: %q, %v", msg, err)
	}
	for range 2 { // it stays
		if msg, err := conn.Receive(t.Context()); !errors.Is(err, driver.ErrProtocol) {
			t.Errorf("%q, %v, want ErrProtocol", msg, err)
		}
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}
