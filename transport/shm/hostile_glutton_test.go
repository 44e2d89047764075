package shm_test

import (
	"encoding/binary"
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"kith/driver"
	"kith/internal/kithtest"
	memory "kith/shm"
)

func init() {
	kithtest.Register(map[string]kithtest.Func{"glutton": beEndless})
	tricks = append(tricks, trick{"ring of three pages, and memory to match", driver.ErrProtocol, func(h *hostile, beside []*os.File) {
		hello, size := honestHello(), int64(4096+3*4096)
		hello.Ring = 3 * 4096
		h.say(hello.Bytes(), append([]*os.File{h.file(size, size, memory.WriterSeals, unix.MFD_ALLOW_SEALING)}, beside...)...)
	}})
}

// beEndless, in a child, has a ring of four pieces, each with which a message goes on.
func beEndless(args []string) error {
	h, err := dialled(args[0])
	if err != nil {
		return err
	}
	own, err := h.join()
	if err != nil {
		return err
	}
	for at := ringAt; at < ringAt+ringSize; at += 1024 {
		binary.NativeEndian.PutUint64(own[at:], more|1016)
	}
	kithtest.Say("joined")
	kithtest.Hear()
	h.close()
	return nil
}

// A message that never ends is refused at the limit, and takes no more memory than that.
func TestMessageWithoutEnd(t *testing.T) {
	listener := rawListener(t)
	child := kithtest.Command(t, "glutton", listener.Addr().String()).Start()
	conn, err := answer(t.Context(), listener)
	if err != nil {
		t.Fatal(err)
	}
	if heard, err := child.Hear(); heard != "joined" {
		t.Fatal(heard, err)
	}
	room := newRoom(t)
	for range 2 { // it stays
		if msg, err := conn.Receive(t.Context()); !errors.Is(err, driver.ErrProtocol) || !errors.Is(err, driver.ErrTooLarge) {
			t.Errorf("%d bytes, %v", len(msg), err)
		}
	}
	room.check(t)
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}
