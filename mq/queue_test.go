package mq_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/internal/sys"
	"kith/mq"
)

// They create and we open, they send and we receive, and the other way round.
func TestQueueWithPeer(t *testing.T) {
	withPeers(t, func(t *testing.T, p peer) {
		name := freshName(t)
		p.order(t, "ok", "create %s 600 4 8192", name)
		p.order(t, "ok", "send 1 low")
		p.order(t, "ok", "send 32767 high")
		p.order(t, "ok", "send 1 low again")
		q := open(t, name, os.O_RDWR)
		for _, want := range []string{"32767 high", "1 low", "1 low again"} {
			if got := receive(t, q); got != want {
				t.Errorf("received %q, want %q", got, want)
			}
		}
		for priority, text := range []string{"first", "second", "third"} {
			if err := q.Send(t.Context(), []byte(text), uint32(priority)); err != nil {
				t.Fatal(err)
			}
		}
		p.order(t, "2 third", "receive")
		p.order(t, "1 second", "receive")
		p.order(t, "0 first", "receive")
		p.order(t, "ok", "unlink %s", name)
		if _, err := mq.Open(name, os.O_RDONLY); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("unlinked by the peer, it opens with %v", err)
		}
		if err := q.TrySend([]byte("still there"), 0); err != nil {
			t.Errorf("unlinked, an open queue says %v", err)
		}
		p.order(t, "0 still there", "receive")
	})
}

func receive(t *testing.T, q *mq.Queue) string {
	t.Helper()
	buffer := make([]byte, 8192)
	n, priority, err := q.Receive(t.Context(), buffer)
	if err != nil {
		t.Fatal(err)
	}
	return line(int64(priority), buffer[:n])
}

// We create, with a mode that the umask would take from, and they open.
func TestCreateForPeer(t *testing.T) {
	withPeers(t, func(t *testing.T, p peer) {
		name := freshName(t)
		umask := syscall.Umask(0o777)
		q, err := mq.Create(name, 0o642, mq.Attributes{Messages: 3, Size: 8192})
		syscall.Umask(umask)
		if err != nil {
			t.Fatal(err)
		}
		defer q.Close()
		p.order(t, "ok", "open %s", name)
		p.order(t, "3 8192 0 642", "attributes")
		p.order(t, "EEXIST", "create %s 600 1 1", name)
		if err := mq.Unlink(name); err != nil {
			t.Fatal(err)
		}
		p.order(t, "ENOENT", "open %s", name)
	})
}

func TestDefaultAttributes(t *testing.T) {
	q := create(t, mq.Attributes{})
	stat, err := q.Stat()
	if err != nil || stat.Messages <= 0 || stat.Size <= 0 {
		t.Errorf("%+v, %v", stat, err)
	}
}

// They wait and we send; we wait and they send.
func TestQueueWaitsForPeer(t *testing.T) {
	withPeers(t, func(t *testing.T, p peer) {
		name := freshName(t)
		q, err := mq.Create(name, 0o600, mq.Attributes{Messages: 1, Size: 8192})
		if err != nil {
			t.Fatal(err)
		}
		defer q.Close()
		p.order(t, "ok", "open %s", name)

		p.tell(t, "receive")
		p.awaitCall(t, unix.SYS_MQ_TIMEDRECEIVE)
		if err := q.Send(t.Context(), []byte("at last"), 5); err != nil {
			t.Fatal(err)
		}
		p.expect(t, "5 at last")

		got := ""
		call := kithtest.Go(func() error { got = receive(t, q); return nil })
		if err := call.Parked(); err != nil {
			t.Fatal(err)
		}
		p.order(t, "ok", "send 6 for you")
		if err := call.Wait(); err != nil || got != "6 for you" {
			t.Errorf("received %q, %v", got, err)
		}

		p.order(t, "ok", "send 0 fills it")
		call = kithtest.Go(func() error { return q.Send(t.Context(), []byte("when there is room"), 0) })
		if err := call.Parked(); err != nil {
			t.Fatal(err)
		}
		p.order(t, "0 fills it", "receive")
		if err := call.Wait(); err != nil {
			t.Fatal(err)
		}
		p.tell(t, "send 1 the peer waits too")
		p.awaitCall(t, unix.SYS_MQ_TIMEDSEND)
		if got := receive(t, q); got != "0 when there is room" {
			t.Errorf("received %q", got)
		}
		p.expect(t, "ok")
		if got := receive(t, q); got != "1 the peer waits too" {
			t.Errorf("received %q", got)
		}
	})
}

// They die while they wait, and we go on.
func TestQueueSurvivesPeer(t *testing.T) {
	withPeers(t, func(t *testing.T, p peer) {
		q := create(t, mq.Attributes{Messages: 1, Size: 8192})
		p.order(t, "ok", "open %s", q.Name())
		p.tell(t, "receive")
		p.awaitCall(t, unix.SYS_MQ_TIMEDRECEIVE)
		p.Kill()
		if err := q.TrySend([]byte("for the living"), 1); err != nil {
			t.Fatal(err)
		}
		if got := receive(t, q); got != "1 for the living" {
			t.Errorf("received %q", got)
		}
	})
}

func TestEmptyMessage(t *testing.T) {
	q := create(t, mq.Attributes{Messages: 1, Size: 1})
	for _, empty := range [][]byte{nil, {}} {
		if err := q.TrySend(empty, 0); err != nil {
			t.Fatal(err)
		}
		if n, _, err := q.TryReceive(make([]byte, 1)); n != 0 || err != nil {
			t.Errorf("received %d bytes, %v", n, err)
		}
	}
}

func TestQueueStat(t *testing.T) {
	q := create(t, mq.Attributes{Messages: 5, Size: 30})
	for range 2 {
		if err := q.TrySend([]byte("seven b"), 0); err != nil {
			t.Fatal(err)
		}
	}
	want := mq.Stat{
		Attributes: mq.Attributes{Messages: 5, Size: 30}, Queued: 2, Bytes: 14,
		UID: uint32(os.Geteuid()), GID: uint32(os.Getegid()), Mode: 0o600,
	}
	for range 2 { // the offset of the text is not moved
		if stat, err := q.Stat(); stat != want || err != nil {
			t.Errorf("%+v, %v, want %+v", stat, err, want)
		}
	}
	want.Bytes = -1
	if stat, err := open(t, q.Name(), os.O_WRONLY).Stat(); stat != want || err != nil {
		t.Errorf("for sending alone: %+v, %v, want %+v", stat, err, want)
	}
}

func TestQueuePolls(t *testing.T) {
	withPeers(t, func(t *testing.T, p peer) {
		q := create(t, mq.Attributes{Messages: 1, Size: 8192})
		p.order(t, "ok", "open %s", q.Name())
		ask := func() (ready bool) {
			t.Helper()
			if err := sys.Control(q, func(fd int) (err error) { ready, err = readable(fd); return err }); err != nil {
				t.Fatal(err)
			}
			return ready
		}
		if ask() {
			t.Error("an empty queue is readable")
		}
		p.order(t, "ok", "send 0 x")
		if !ask() {
			t.Error("a queue with a message is not readable")
		}
		p.order(t, "0 x", "receive")
		if ask() {
			t.Error("an empty queue is readable again")
		}
	})
}

// Every errno that mq_open(3), mq_unlink(3), mq_send(3) and mq_receive(3)
// promise and that one user can provoke.
func TestQueueErrnos(t *testing.T) {
	q := create(t, mq.Attributes{Messages: 1, Size: 4})
	name := q.Name()
	sender, receiver := open(t, name, os.O_WRONLY), open(t, name, os.O_RDONLY)
	if err := q.TrySend([]byte("full"), 0); err != nil {
		t.Fatal(err)
	}
	fresh := freshName(t)
	long := "/" + strings.Repeat("x", 256)
	creates := func(name string, a mq.Attributes) error { _, err := mq.Create(name, 0o600, a); return err }
	opens := func(name string, flag int) error { _, err := mq.Open(name, flag); return err }
	receives := func(q *mq.Queue, size int) error { _, _, err := q.TryReceive(make([]byte, size)); return err }
	for what, c := range map[string]struct{ got, want error }{
		"create what is there":     {creates(name, mq.Attributes{}), unix.EEXIST},
		"create without a slash":   {creates("x", mq.Attributes{}), unix.EINVAL},
		"create without a name":    {creates("/", mq.Attributes{}), unix.ENOENT},
		"create with two slashes":  {creates("/x/y", mq.Attributes{}), unix.EACCES},
		"create with a NUL":        {creates("/x\x00y", mq.Attributes{}), unix.EINVAL},
		"create with a long name":  {creates(long, mq.Attributes{}), unix.ENAMETOOLONG},
		"create without messages":  {creates(fresh, mq.Attributes{Size: 1}), unix.EINVAL},
		"create without bytes":     {creates(fresh, mq.Attributes{Messages: 1}), unix.EINVAL},
		"create below nothing":     {creates(fresh, mq.Attributes{Messages: -1, Size: -1}), unix.EINVAL},
		"create enormous messages": {creates(fresh, mq.Attributes{Messages: 1, Size: math.MaxInt}), unix.EINVAL},
		"open what is not there":   {opens(fresh, os.O_RDWR), unix.ENOENT},
		"open as a file":           {opens(name, os.O_RDWR|os.O_CREATE), unix.EINVAL},
		"open without a slash":     {opens("x", os.O_RDWR), unix.EINVAL},
		"open without a name":      {opens("", os.O_RDWR), unix.EINVAL},
		"unlink what is not there": {mq.Unlink(fresh), unix.ENOENT},
		"unlink a long name":       {mq.Unlink(long), unix.ENAMETOOLONG},
		"unlink without a slash":   {mq.Unlink("x"), unix.EINVAL},
		"send to a full queue":     {q.TrySend([]byte("x"), 0), unix.EAGAIN},
		"send for receiving":       {receiver.TrySend([]byte("x"), 0), unix.EBADF},
		"send too much":            {sender.TrySend([]byte("fully"), 0), unix.EMSGSIZE},
		"send too urgently":        {sender.TrySend([]byte("x"), mq.MaxPriority+1), unix.EINVAL},
		"receive from sending":     {receives(sender, 4), unix.EBADF},
		"receive into too little":  {receives(receiver, 3), unix.EMSGSIZE},
		"receive into nothing":     {receives(receiver, 0), unix.EMSGSIZE},
	} {
		var path *os.PathError
		if !errors.Is(c.got, c.want) || !errors.As(c.got, &path) {
			t.Errorf("%s: %v, want %v", what, c.got, c.want)
		}
	}
	if err := receives(receiver, 3); !errors.Is(err, io.ErrShortBuffer) || !strings.Contains(err.Error(), name) {
		t.Errorf("into too short a buffer: %v", err)
	}
	if err := receives(receiver, 4); err != nil {
		t.Errorf("what did not fit has gone: %v", err)
	}
	if err := receives(receiver, 4); !errors.Is(err, mq.ErrEmpty) || !errors.Is(err, unix.EAGAIN) || errors.Is(err, mq.ErrFull) {
		t.Errorf("from an empty queue: %v", err)
	}
}

// What a queue itself limits is named.
func TestQueueOwnLimits(t *testing.T) {
	q := create(t, mq.Attributes{Messages: 1, Size: 4})
	wantLimit(t, q.TrySend(make([]byte, 5), 0), unix.EMSGSIZE, "mq_msgsize", 4)
	wantLimit(t, q.TrySend(nil, mq.MaxPriority+1), unix.EINVAL, "MQ_PRIO_MAX", 32768)
	_, err := mq.Create(freshName(t), 0o600, mq.Attributes{Messages: 65537, Size: 1})
	wantLimit(t, err, unix.EINVAL, "HARD_MSGMAX", 65536)
	_, err = mq.Create(freshName(t), 0o600, mq.Attributes{Messages: 1, Size: 16777217})
	wantLimit(t, err, unix.EINVAL, "HARD_MSGSIZEMAX", 16777216)
}

func wantLimit(t *testing.T, err error, errno error, name string, most int64) {
	t.Helper()
	if err := isLimit(err, errno, name, most); err != nil {
		t.Error(err)
	}
}

// After Close, in the middle of a wait or before, the error is os.ErrClosed.
func TestCloseUnderCalls(t *testing.T) {
	q := create(t, mq.Attributes{Messages: 1, Size: 8})
	before := kithtest.Hold()
	handle, err := mq.Open(q.Name(), os.O_RDWR)
	if err != nil {
		t.Fatal(err)
	}
	if err := handle.TrySend([]byte("full"), 0); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var calls []*kithtest.Call
	for range 5 {
		calls = append(calls, kithtest.Go(func() error { return handle.Send(ctx, []byte("x"), 0) }))
	}
	if err := kithtest.Parked(calls...); err != nil {
		t.Fatal(err)
	}
	if err := handle.Close(); err != nil {
		t.Error(err)
	}
	for _, call := range calls {
		if err := call.Wait(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("closed under Send: %v", err)
		}
	}
	_, _, receiving := handle.Receive(ctx, make([]byte, 8))
	_, notifying := handle.Notify()
	_, stating := handle.Stat()
	for what, err := range map[string]error{
		"Close": handle.Close(), "Receive": receiving, "Notify": notifying, "Stat": stating,
		"TrySend": handle.TrySend(nil, 0), "Send": handle.Send(ctx, nil, 0),
	} {
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s after Close: %v", what, err)
		}
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

// The cause of a context's end comes out, before, and in the middle of a wait;
// the queue can be used on.
func TestQueueCancel(t *testing.T) {
	q := create(t, mq.Attributes{Messages: 1, Size: 8})
	reason := errors.New("changed my mind")
	ctx, cancel := context.WithCancelCause(t.Context())
	call := kithtest.Go(func() error { _, _, err := q.Receive(ctx, make([]byte, 8)); return err })
	if err := call.Parked(); err != nil {
		t.Fatal(err)
	}
	cancel(reason)
	var path *os.PathError
	if err := call.Wait(); !errors.Is(err, reason) || !errors.As(err, &path) {
		t.Errorf("cancelled: %v", err)
	}
	if err := q.Send(ctx, []byte("x"), 0); !errors.Is(err, reason) {
		t.Errorf("cancelled before: %v", err)
	}
	if stat, err := q.Stat(); stat.Queued != 0 || err != nil {
		t.Errorf("a cancelled call has sent: %+v, %v", stat, err)
	}
	if err := q.Send(t.Context(), []byte("y"), 1); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, open(t, q.Name(), os.O_RDONLY)); got != "1 y" {
		t.Errorf("received %q", got)
	}
}

// A descriptor that somebody who shares it has made blocking does not keep a Try.
func TestTryDoesNotWaitForBlocking(t *testing.T) {
	q := create(t, mq.Attributes{Messages: 1, Size: 8})
	err := sys.Control(q, func(fd int) error { return unix.SetNonblock(fd, false) })
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := q.TryReceive(make([]byte, 8)); !errors.Is(err, mq.ErrEmpty) {
		t.Errorf("from an empty queue: %v", err)
	}
	if err := errors.Join(q.TrySend(nil, 0), q.TrySend(nil, 0)); !errors.Is(err, mq.ErrFull) {
		t.Errorf("to a full queue: %v", err)
	}
}
