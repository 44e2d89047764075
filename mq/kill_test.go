package mq_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"kith/internal/kithtest"
	"kith/mq"
)

const (
	rounds = 60 // of C programs, two of which are killed in each
	ours   = 15 // of our own
)

// Senders and receivers are killed at any moment, by the hundred: no message is
// torn, and the queue goes on.
func TestKillsOfQueueUsers(t *testing.T) {
	q := create(t, mq.Attributes{Messages: 10, Size: 8192})
	opening := "open " + q.Name()
	for range rounds {
		kill(t, posixKind(q), cWorker(t, opening, "flood"), cWorker(t, opening, "drain"))
	}
	for range ours {
		kill(t, posixKind(q), worker(t, "posix", q.Name(), "flood"), worker(t, "posix", q.Name(), "drain"))
	}
}

func TestKillsOfSysVUsers(t *testing.T) {
	q, key := createSysV(t)
	opening, id := fmt.Sprintf("msgopen %d", key), strconv.Itoa(q.ID())
	for range rounds {
		kill(t, sysvKind(q), cWorker(t, opening, "msgflood"), cWorker(t, opening, "msgdrain"))
	}
	for range ours {
		kill(t, sysvKind(q), worker(t, "sysv", id, "flood"), worker(t, "sysv", id, "drain"))
	}
}

// cWorker prepares a C program for a job; what it returns starts it.
func cWorker(t *testing.T, opening, job string) func() *kithtest.Child {
	return func() *kithtest.Child {
		p := cPeer(t)
		p.order(t, "ok", "%s", opening)
		p.tell(t, "%s", job)
		return p.Child
	}
}

func worker(t *testing.T, args ...string) func() *kithtest.Child {
	return func() *kithtest.Child {
		child := kithtest.Command(t, "work", args...).Start()
		if said, err := child.Hear(); said != "ready" {
			t.Fatal(said, err)
		}
		return child
	}
}

// kill kills both in the midst of their work, in which we have a part. It waits
// for no message but the first: those who are blocked in C may get all others.
func kill(t *testing.T, k kind, startSender, startReceiver func() *kithtest.Child) {
	t.Helper()
	sender := startSender()
	buffer := make([]byte, 8192)
	n, err := k.receive(t.Context(), buffer)
	if err := errors.Join(err, whole(buffer[:n])); err != nil {
		t.Fatal(err)
	}
	receiver := startReceiver()
	for range rand.IntN(1000) {
		takeWhole(t, k, buffer)
	}
	first, second := sender, receiver
	if rand.IntN(2) == 0 {
		first, second = second, first
	}
	first.Kill()
	second.Kill()
	if last, err := receiver.Hear(); err == nil {
		t.Fatalf("the receiver says %q", last)
	}
	for takeWhole(t, k, buffer) {
	}
	if err := k.send(t.Context(), []byte("a")); err != nil {
		t.Fatal(err)
	}
	if n, err := k.receive(t.Context(), buffer); n != 1 || err != nil {
		t.Fatalf("after the kills: %d bytes, %v", n, err)
	}
}

// takeWhole reports whether there was a message.
func takeWhole(t *testing.T, k kind, buffer []byte) bool {
	t.Helper()
	n, err := k.try(buffer)
	if errors.Is(err, mq.ErrEmpty) {
		return false
	}
	if err := errors.Join(err, whole(buffer[:n])); err != nil {
		t.Fatal(err)
	}
	return true
}

// whole knows the messages of testdata/peer.c: of one letter, whose number is
// their length.
func whole(message []byte) error {
	if n := len(message); n < 1 || n > 26 || bytes.Count(message, []byte{'a' + byte(n-1)}) != n {
		return fmt.Errorf("torn: %q", message)
	}
	return nil
}

// work is a child that sends or receives until it is killed.
func work(args []string) error {
	var k kind
	if args[0] == "posix" {
		q, err := mq.Open(args[1], os.O_RDWR)
		if err != nil {
			return err
		}
		k = posixKind(q)
	} else {
		id, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		k = sysvKind(mq.SysVByID(id))
	}
	kithtest.Say("ready")
	buffer := make([]byte, 8192)
	for turn := 0; ; turn++ {
		n := turn%26 + 1
		var err error
		if args[2] == "flood" {
			err = k.send(context.Background(), bytes.Repeat([]byte{'a' + byte(n-1)}, n))
		} else {
			n, err = k.receive(context.Background(), buffer)
			err = errors.Join(err, whole(buffer[:n]))
		}
		if err != nil {
			kithtest.Say(err.Error())
			return err
		}
	}
}
