package kith_test

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"kith"
	"kith/internal/kithtest"
)

func init() { kithtest.Register(map[string]kithtest.Func{"talker": talk}) }

// talk, in a child, has one connection, and does with it as it is told.
func talk([]string) error {
	var k talker
	for {
		verb, rest, _ := strings.Cut(kithtest.Hear(), " ")
		said, err := k.do(verb, rest)
		switch {
		case errors.Is(err, kith.ErrPeerDied):
			said = "died"
		case errors.Is(err, io.EOF):
			said = "eof"
		case errors.Is(err, syscall.EPIPE):
			said = "epipe"
		case err != nil:
			said = "failed " + err.Error()
		}
		kithtest.Say(said)
	}
}

type talker struct {
	listener *kith.Listener
	conn     *kith.Conn
	call     *kithtest.Call
	said     string // by call
}

func (k *talker) do(verb, rest string) (said string, err error) {
	ctx := context.Background()
	size, _ := strconv.Atoi(rest)
	switch verb {
	case "listen":
		k.listener, err = kith.Listen(ctx, rest)
	case "dial":
		k.conn, err = kith.Dial(ctx, rest)
	case "accept":
		k.conn, err = k.listener.Accept(ctx)
	case "send":
		err = k.conn.Send(ctx, pattern(size))
	case "commit":
		var room []byte
		if room, err = k.conn.Reserve(ctx, size); err == nil {
			err = k.conn.Commit(ctx, copy(room, pattern(size)))
		}
	case "receive":
		return k.hear(func() ([]byte, error) { return k.conn.Receive(ctx) })
	case "lease":
		lease, err := k.conn.Lease(ctx)
		if err != nil {
			return "", err
		}
		defer lease.Release()
		return k.hear(func() ([]byte, error) { return lease.Bytes(), nil })
	case "park": // until something comes
		k.call = kithtest.Go(func() (err error) { k.said, err = k.do("receive", ""); return err })
		err = k.call.Parked()
	case "fill": // until the peer takes something
		k.call = kithtest.Go(func() (err error) {
			for err == nil {
				_, err = k.do("send", rest)
			}
			return err
		})
		err = k.call.Parked()
	case "woken":
		err = k.call.Wait()
		return k.said, err
	case "close-send":
		err = k.conn.CloseSend()
	case "close":
		err = k.conn.Close()
	}
	return "done", err
}

func (k *talker) hear(receive func() ([]byte, error)) (string, error) {
	msg, err := receive()
	if err != nil {
		return "", err
	}
	return fmt.Sprint(len(msg), " ", crc32.ChecksumIEEE(msg)), nil
}

// pattern is so many bytes, known to both sides.
func pattern(size int) []byte {
	bytes := make([]byte, size)
	for i := range bytes {
		bytes[i] = byte(i*7 + i>>8)
	}
	return bytes
}

func summary(size int) string { return fmt.Sprint(size, " ", crc32.ChecksumIEEE(pattern(size))) }

// order tells each of them in turn, and wants the answer.
func order(t *testing.T, child *kithtest.Child, line, want string) {
	t.Helper()
	if err := child.Say(line); err != nil {
		t.Fatal(err)
	}
	if got, err := child.Hear(); got != want || err != nil {
		t.Fatalf("%s: %q, %v, want %q", line, got, err, want)
	}
}

// pairs of users who have nothing in common.
var pairs = [][2]user{{root, stranger}, {stranger, root}, {anybody, stranger}}

// meeting is of two users with a connection.
func meeting(t *testing.T, scheme string, pair [2]user) (listens, dials *kithtest.Child) {
	t.Helper()
	addr := at(scheme, public(t, 0o777))
	ring := ""
	if scheme == "shm" {
		ring = "&ring=4k"
	}
	listens, dials = pair[0].prepared(t, "talker").Start(), pair[1].prepared(t, "talker").Start()
	order(t, listens, fmt.Sprintf("listen %s?mode=0666&allow-uid=%d%s", addr, pair[1].uid, ring), "done")
	order(t, dials, fmt.Sprintf("dial %s?allow-uid=%d%s", addr, pair[0].uid, ring), "done")
	order(t, listens, "accept", "done")
	return listens, dials
}

// Between two users all is as it is between two processes of one: copies and none,
// pieces, waits on both sides, the end and the death.
func TestUsersTalk(t *testing.T) {
	for _, scheme := range withAccess {
		for _, pair := range pairs {
			t.Run(fmt.Sprint(scheme, " ", pair[0].uid, " and ", pair[1].uid), func(t *testing.T) {
				listens, dials := meeting(t, scheme, pair)
				for _, way := range [][2]*kithtest.Child{{listens, dials}, {dials, listens}} {
					from, to := way[0], way[1]
					for _, size := range []int{0, 1, 64, 1000, 3000} {
						order(t, from, fmt.Sprint("send ", size), "done")
						order(t, to, "receive", summary(size))
					}
					for _, size := range []int{0, 7, 900} {
						order(t, from, fmt.Sprint("commit ", size), "done")
						order(t, to, "lease", summary(size))
					}
					order(t, to, "park", "done")
					order(t, from, "send 100000", "done") // larger than a ring: in pieces
					order(t, to, "woken", summary(100000))
					order(t, to, "park", "done")
					order(t, from, "commit 10", "done")
					order(t, to, "woken", summary(10))
				}
				order(t, dials, "close-send", "done")
				order(t, listens, "receive", "eof")
				order(t, dials, "park", "done")
				order(t, listens, "close", "done")
				order(t, dials, "woken", "eof")
			})
		}
	}
}

// A death is told to another user's process, be it waiting for a message or for room.
func TestUsersDie(t *testing.T) {
	for _, scheme := range withAccess {
		for _, pair := range pairs {
			for i, wait := range []string{"park", "fill 1000", "park", "fill 1000"} {
				listens, dials := meeting(t, scheme, pair)
				dies, survives := listens, dials
				if i >= 2 {
					dies, survives = dials, listens
				}
				order(t, dies, "send 5", "done")
				order(t, survives, "receive", summary(5))
				order(t, survives, wait, "done")
				dies.Kill()
				if wait == "park" {
					order(t, survives, "woken", "died")
				} else {
					order(t, survives, "woken", "epipe")
					order(t, survives, "receive", "died")
				}
				order(t, survives, "close", "done")
			}
		}
	}
}
