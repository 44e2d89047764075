package mq_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/internal/sys"
	"kith/ipc"
	"kith/mq"
)

func receiveSysV(t *testing.T, q *mq.SysV, which mq.Selection) string {
	t.Helper()
	buffer := make([]byte, 8192)
	n, kind, err := q.Receive(t.Context(), which, buffer)
	if err != nil {
		t.Fatal(err)
	}
	return line(kind, buffer[:n])
}

// They create and we open, they send and we receive, and the other way round.
func TestSysVWithPeer(t *testing.T) {
	withPeers(t, func(t *testing.T, p peer) {
		key := freshKey(t)
		p.order(t, "ok", "msgget %d 642", key)
		q, err := mq.OpenSysV(key)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"3 c", "1 a", "2 b", "9 z", "1 a again"} {
			p.order(t, "ok", "msgsnd %s", text)
		}
		for _, c := range []struct {
			which mq.Selection
			want  string
		}{
			{mq.Selection{Type: -2}, "1 a"},
			{mq.Selection{Type: 9}, "9 z"},
			{mq.Selection{Type: 3, Except: true}, "2 b"},
			{mq.Selection{}, "3 c"},
			{mq.Selection{Type: -1}, "1 a again"},
		} {
			if got := receiveSysV(t, q, c.which); got != c.want {
				t.Errorf("%+v received %q, want %q", c.which, got, c.want)
			}
		}
		for i, text := range []string{"one", "two", "three"} {
			if err := q.Send(t.Context(), []byte(text), int64(i+1)); err != nil {
				t.Fatal(err)
			}
		}
		p.order(t, "2 two", "msgrcv 2 0")
		p.order(t, "1 one", "msgrcv -5 0")
		p.order(t, "3 three", "msgrcv 0 0")
		p.order(t, "ENOMSG", "msgrcv 0 2048") // IPC_NOWAIT
		p.order(t, "ok", "msgrm")
		if _, err := mq.OpenSysV(key); !errors.Is(err, unix.ENOENT) || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("removed by the peer, it opens with %v", err)
		}
	})
}

// We create and they open; what they see of it is what we set.
func TestCreateSysVForPeer(t *testing.T) {
	withPeers(t, func(t *testing.T, p peer) {
		key := freshKey(t)
		q, err := mq.CreateSysV(key, 0o642)
		if err != nil {
			t.Fatal(err)
		}
		p.order(t, "EEXIST", "msgget %d 600", key)
		p.order(t, "ok", "msgopen %d", key)
		if err := errors.Join(q.SetMaxBytes(12345), q.TrySend([]byte("x"), 1)); err != nil {
			t.Fatal(err)
		}
		p.order(t, "1 12345 642", "msgstat")
		if err := q.Chmod(0o604); err != nil {
			t.Fatal(err)
		}
		p.order(t, "1 12345 604", "msgstat")
		if err := q.Remove(); err != nil {
			t.Fatal(err)
		}
		p.order(t, "ENOENT", "msgopen %d", key)
	})
}

func TestSysVStat(t *testing.T) {
	p := cPeer(t)
	q, key := createSysV(t)
	stat, err := q.Stat()
	uid, gid := uint32(os.Geteuid()), uint32(os.Getegid())
	if want := (ipc.Perm{Key: key, UID: uid, GID: gid, CreatorUID: uid, CreatorGID: gid, Mode: 0o600}); stat.Perm != want || err != nil {
		t.Errorf("%+v, %v, want %+v", stat.Perm, err, want)
	}
	if !stat.Sent.IsZero() || !stat.Received.IsZero() || time.Since(stat.Changed).Abs() > time.Hour {
		t.Errorf("just made, its times are %v, %v, %v", stat.Sent, stat.Received, stat.Changed)
	}
	p.order(t, "ok", "msgopen %d", key)
	p.order(t, "ok", "msgsnd 1 first")
	p.order(t, "ok", "msgsnd 2 second")
	receiveSysV(t, q, mq.Selection{})
	stat, err = q.Stat()
	if stat.Queued != 1 || stat.Bytes != len("second") || stat.MaxBytes < 1 || err != nil {
		t.Errorf("%+v, %v", stat, err)
	}
	if stat.LastSender != p.Cmd.Process.Pid || stat.LastReceiver != os.Getpid() || stat.Sent.IsZero() || stat.Received.IsZero() {
		t.Errorf("%+v: want the sender %d, the receiver %d", stat, p.Cmd.Process.Pid, os.Getpid())
	}
}

// They wait and we send; we wait and they send.
func TestSysVWaitsForPeer(t *testing.T) {
	withPeers(t, func(t *testing.T, p peer) {
		q, key := createSysV(t)
		p.order(t, "ok", "msgopen %d", key)
		p.tell(t, "msgrcv 7 0")
		p.awaitCall(t, unix.SYS_MSGRCV)
		if err := q.Send(t.Context(), []byte("not for it"), 8); err != nil {
			t.Fatal(err)
		}
		if err := q.Send(t.Context(), []byte("for it"), 7); err != nil {
			t.Fatal(err)
		}
		p.expect(t, "7 for it")

		got := ""
		call := kithtest.Go(func() error { got = receiveSysV(t, q, mq.Selection{Type: 9}); return nil })
		awaitCall(t, os.Getpid(), 1, unix.SYS_MSGRCV)
		p.order(t, "ok", "msgsnd 9 for you")
		if err := call.Wait(); err != nil || got != "9 for you" {
			t.Errorf("received %q, %v", got, err)
		}

		if err := q.SetMaxBytes(len("not for it")); err != nil { // full
			t.Fatal(err)
		}
		call = kithtest.Go(func() error { return q.Send(t.Context(), []byte("room"), 1) })
		awaitCall(t, os.Getpid(), 1, unix.SYS_MSGSND)
		p.order(t, "8 not for it", "msgrcv 0 0")
		if err := call.Wait(); err != nil {
			t.Fatal(err)
		}
		p.tell(t, "msgsnd 1 much room")
		p.awaitCall(t, unix.SYS_MSGSND)
		if got := receiveSysV(t, q, mq.Selection{}); got != "1 room" {
			t.Errorf("received %q", got)
		}
		p.expect(t, "ok")
	})
}

// Whoever waits is told that the queue was removed; and we survive a peer that
// dies waiting.
func TestSysVRemovedUnderWaiters(t *testing.T) {
	withPeers(t, func(t *testing.T, p peer) {
		q, key := createSysV(t)
		p.order(t, "ok", "msgopen %d", key)
		p.tell(t, "msgrcv 0 0")
		p.awaitCall(t, unix.SYS_MSGRCV)
		if err := q.Remove(); err != nil {
			t.Fatal(err)
		}
		p.expect(t, "EIDRM")

		q, key = createSysV(t)
		p.order(t, "ok", "msgopen %d", key)
		call := kithtest.Go(func() error { _, _, err := q.Receive(t.Context(), mq.Selection{}, nil); return err })
		awaitCall(t, os.Getpid(), 1, unix.SYS_MSGRCV)
		p.order(t, "ok", "msgrm")
		var syscallError *os.SyscallError
		if err := call.Wait(); !errors.Is(err, unix.EIDRM) || !errors.As(err, &syscallError) {
			t.Errorf("removed under Receive: %v", err)
		}
		if err := q.Send(t.Context(), nil, 1); !errors.Is(err, unix.EINVAL) {
			t.Errorf("after it was removed: %v", err)
		}

		q, key = createSysV(t)
		p.order(t, "ok", "msgopen %d", key)
		p.tell(t, "msgrcv 0 0")
		p.awaitCall(t, unix.SYS_MSGRCV)
		p.Kill()
		if err := q.TrySend([]byte("for the living"), 1); err != nil {
			t.Fatal(err)
		}
		if got := receiveSysV(t, q, mq.Selection{}); got != "1 for the living" {
			t.Errorf("received %q", got)
		}
	})
}

func TestSysVByID(t *testing.T) {
	q, err := mq.CreateSysV(ipc.Private, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Remove()
	if err := q.TrySend([]byte("by number"), 5); err != nil {
		t.Fatal(err)
	}
	if got := receiveSysV(t, mq.SysVByID(q.ID()), mq.Selection{}); got != "5 by number" {
		t.Errorf("received %q", got)
	}
	other := mq.SysVByID(q.ID() | 1<<32) // of which the kernel sees the lower half
	if err := errors.Join(is(other.TrySend(nil, 1), unix.EINVAL), is(other.Remove(), unix.EINVAL)); err != nil {
		t.Error(err)
	}
	if stat, err := q.Stat(); stat.Queued != 0 || err != nil {
		t.Errorf("taken for another, the queue has %d messages, %v", stat.Queued, err)
	}
}

// A message for which the empty queue has no room waits for none, and one that is
// enormous is not even copied.
func TestSysVNeverFits(t *testing.T) {
	q, _ := createSysV(t)
	stat, err := q.Stat()
	if err != nil {
		t.Fatal(err)
	}
	most := sys.Setting("/proc/sys/kernel/msgmax", 0)
	wantLimit(t, q.Send(t.Context(), make([]byte, most+1<<17), 1), unix.EINVAL, "MSGMAX", most)
	if err := errors.Join(q.SetMaxBytes(0), is(q.TrySend(nil, 0), unix.EINVAL)); err != nil {
		t.Fatal(err)
	}
	wantLimit(t, q.Send(t.Context(), nil, 1), unix.EAGAIN, "msg_qbytes", 0)
	if err := q.SetMaxBytes(stat.MaxBytes); err != nil {
		t.Fatal(err)
	}
	if err := q.Send(t.Context(), nil, 3); err != nil {
		t.Error(err)
	}
	large := make([]byte, 1<<20)
	if n, kind, err := q.Receive(t.Context(), mq.Selection{}, large); n != 0 || kind != 3 || err != nil {
		t.Errorf("received %d bytes of type %d, %v", n, kind, err)
	}
}

func TestSysVPeek(t *testing.T) {
	q, _ := createSysV(t)
	for i, text := range []string{"zero", "one", ""} {
		if err := q.TrySend([]byte(text), int64(i+1)); err != nil {
			t.Fatal(err)
		}
	}
	buffer := make([]byte, 4)
	for range 2 {
		for i, want := range []string{"1 zero", "2 one", "3 "} {
			n, kind, err := q.Peek(i, buffer)
			if got := line(kind, buffer[:n]); got != want || err != nil {
				t.Errorf("at %d: %q, %v, want %q", i, got, err, want)
			}
		}
	}
	_, _, beyond := q.Peek(3, buffer)
	_, _, below := q.Peek(-1, buffer)
	_, _, short := q.Peek(0, buffer[:3])
	for _, err := range []error{is(beyond, mq.ErrEmpty), is(below, unix.EINVAL), is(short, unix.E2BIG), is(short, io.ErrShortBuffer)} {
		if err != nil {
			t.Error(err)
		}
	}
	if stat, err := q.Stat(); stat.Queued != 3 || err != nil {
		t.Errorf("peeked at, the queue has %d messages, %v", stat.Queued, err)
	}
}

// Every errno that msgget(2), msgop(2) and msgctl(2) promise and that one user
// can provoke.
func TestSysVErrnos(t *testing.T) {
	q, key := createSysV(t)
	gone, _ := createSysV(t)
	if err := errors.Join(gone.Remove(), q.SetMaxBytes(4), q.TrySend([]byte("full"), 2)); err != nil {
		t.Fatal(err)
	}
	_, creating := mq.CreateSysV(key, 0o600)
	_, opening := mq.OpenSysV(freshKey(t))
	_, private := mq.OpenSysV(ipc.Private)
	_, stating := gone.Stat()
	receives := func(q *mq.SysV, which mq.Selection, size int) error {
		_, _, err := q.TryReceive(which, make([]byte, size))
		return err
	}
	for what, c := range map[string]struct{ got, want error }{
		"create what is there":    {creating, unix.EEXIST},
		"open what is not there":  {opening, unix.ENOENT},
		"open what has no key":    {private, unix.ENOENT},
		"send to a full queue":    {q.TrySend([]byte("x"), 1), unix.EAGAIN},
		"send type 0":             {q.TrySend(nil, 0), unix.EINVAL},
		"send type -1":            {q.TrySend(nil, -1), unix.EINVAL},
		"send where none is":      {gone.TrySend(nil, 1), unix.EINVAL},
		"send to a bad ID":        {mq.SysVByID(-1).TrySend(nil, 1), unix.EINVAL},
		"receive what is not":     {receives(q, mq.Selection{Type: 1}, 4), unix.ENOMSG},
		"receive, where others":   {receives(q, mq.Selection{Type: 1}, 4), unix.EAGAIN},
		"receive all but all":     {receives(q, mq.Selection{Type: 2, Except: true}, 4), mq.ErrEmpty},
		"receive all but none":    {receives(q, mq.Selection{Except: true}, 4), unix.EINVAL},
		"receive all but below":   {receives(q, mq.Selection{Type: -3, Except: true}, 4), unix.EINVAL},
		"receive into too little": {receives(q, mq.Selection{}, 3), unix.E2BIG},
		"receive too little":      {receives(q, mq.Selection{}, 3), io.ErrShortBuffer},
		"receive from none":       {receives(gone, mq.Selection{}, 4), unix.EINVAL},
		"stat none":               {stating, unix.EINVAL},
		"remove none":             {gone.Remove(), unix.EINVAL},
		"set none":                {gone.Chmod(0o600), unix.EINVAL},
		"set below nothing":       {q.SetMaxBytes(-1), unix.EINVAL},
	} {
		var call *os.SyscallError
		if !errors.Is(c.got, c.want) || !errors.As(c.got, &call) {
			t.Errorf("%s: %v, want %v", what, c.got, c.want)
		}
	}
	var limit *ipc.LimitError
	if err := q.TrySend(nil, 0); errors.As(err, &limit) {
		t.Errorf("a bad type is no limit: %v", err)
	}
	buffer := []byte("......")
	n, kind, err := q.TryReceive(mq.Selection{Truncate: true}, buffer[:3])
	if got := line(kind, buffer); n != 3 || got != "2 ful..." || err != nil {
		t.Errorf("truncated: %d, %q, %v", n, got, err)
	}
	if err := receives(q, mq.Selection{}, 8); !errors.Is(err, mq.ErrEmpty) {
		t.Errorf("the rest is still there: %v", err)
	}
}

func TestSysVCancel(t *testing.T) {
	q, _ := createSysV(t)
	reason := errors.New("changed my mind")
	ctx, cancel := context.WithCancelCause(t.Context())
	call := kithtest.Go(func() error { _, _, err := q.Receive(ctx, mq.Selection{}, make([]byte, 8)); return err })
	awaitCall(t, os.Getpid(), 1, unix.SYS_MSGRCV)
	cancel(reason)
	var syscallError *os.SyscallError
	if err := call.Wait(); !errors.Is(err, reason) || !errors.As(err, &syscallError) {
		t.Errorf("cancelled: %v", err)
	}
	if err := q.Send(ctx, nil, 1); !errors.Is(err, reason) {
		t.Errorf("cancelled before: %v", err)
	}
	if _, _, err := q.TryReceive(mq.Selection{}, nil); !errors.Is(err, mq.ErrEmpty) {
		t.Errorf("a cancelled call has sent: %v", err)
	}
}
