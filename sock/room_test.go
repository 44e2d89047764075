package sock_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/internal/sys"
	"kith/sock"
)

// fill sends from a socket of its own until the receiver's queue is full.
func fill(t *testing.T, at sock.Addr) (sent int) {
	t.Helper()
	s, err := sock.New(sock.Datagram)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for {
		err := s.TrySendTo(at, []byte("filled"))
		if errors.Is(err, sock.ErrFull) && errors.Is(err, unix.EAGAIN) {
			return sent
		}
		if err != nil {
			t.Fatal(err)
		}
		sent++
	}
}

// The queue has room for max_dgram_qlen messages and one.
func TestQueueIsFull(t *testing.T) {
	at := path(t)
	_ = bound(t, sock.Datagram, at)
	if sent, most := fill(t, at), setting(t, "/proc/sys/net/unix/max_dgram_qlen"); sent != most+1 {
		t.Errorf("%d were sent, %d are the limit", sent, most)
	}
	peer := connected(t, sock.Datagram, at)
	wants(t, peer.TrySend(nil), sock.ErrFull)
}

// The trap: the kernel says EAGAIN, and that the socket is writable. That net goes
// round and round then is why SendTo waits elsewhere.
func TestPollTellsNothingOfTheReceiver(t *testing.T) {
	at := path(t)
	_ = bound(t, sock.Datagram, at)
	fill(t, at)
	s := fresh(t, sock.Datagram)
	wants(t, s.TrySendTo(at, nil), unix.EAGAIN)
	raw, err := s.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		if _, err := unix.Poll(fds, 0); fds[0].Revents != unix.POLLOUT || err != nil {
			t.Errorf("%#x, %v: the kernel tells better now", fds[0].Revents, err)
		}
	})
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(epoll)
	event, came := unix.EpollEvent{Events: unix.EPOLLOUT | unix.EPOLLET&(1<<32-1)}, make([]unix.EpollEvent, 1)
	_ = raw.Control(func(fd uintptr) { err = unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, int(fd), &event) })
	for range 10 {
		n, waiting := unix.EpollWait(epoll, came, 0)
		if n != 1 || errors.Join(err, waiting) != nil {
			t.Fatalf("%d events, %v, %v: an attempt does not wake any more", n, err, waiting)
		}
		wants(t, s.TrySendTo(at, nil), unix.EAGAIN)
	}
}

// Who waits for room waits without a thread, and gets it as soon as one message is
// received, whoever sent it.
func TestSendToWaitsForRoom(t *testing.T) {
	sock.LookSeldom(t)
	for _, way := range []string{"to the name", "to the peer", "to a long name"} {
		at := path(t)
		if way == "to a long name" {
			at = longPath(t)
		}
		receiver := bound(t, sock.Datagram, at)
		filled := fill(t, at)
		s := fresh(t, sock.Datagram)
		sending := func() error { return s.SendTo(t.Context(), at, []byte("mine")) }
		if way == "to the peer" {
			s = connected(t, sock.Datagram, at)
			sending = func() error { return s.Send(t.Context(), []byte("mine")) }
		}
		before, open := kithtest.Hold(), descriptors(t)
		call := kithtest.Go(sending)
		if err := call.Parked(); err != nil {
			t.Fatal(err)
		}
		if got := text(t, receiver); got != "filled" {
			t.Errorf("%q", got)
		}
		if err := call.Wait(); err != nil {
			t.Errorf("%s: %v", way, err)
		}
		if now := descriptors(t); now != open { // before some garbage collection closes them
			t.Errorf("%s: %d descriptors, %d before", way, now, open)
		}
		for range filled - 1 {
			_ = text(t, receiver)
		}
		if got := text(t, receiver); got != "mine" {
			t.Errorf("%q", got)
		}
		if err := before.Left(); err != nil {
			t.Errorf("%s: %v", way, err)
		}
	}
}

// A thousand wait, on a hundred sockets: each message arrives once, none is forgotten,
// and no thread and no descriptor stays.
func TestThousandSenders(t *testing.T) {
	sock.LookSeldom(t)
	at := path(t)
	receiver := bound(t, sock.Datagram, at)
	crowdSends(t, receiver, at, func(s *sock.Socket, message []byte) error { return s.SendTo(t.Context(), at, message) })
	crowdSends(t, receiver, at, func(s *sock.Socket, message []byte) error {
		if remote, _ := s.Remote(); remote == "" {
			if err := s.Connect(t.Context(), at); err != nil {
				return err
			}
		}
		return s.Send(t.Context(), message)
	})
}

func crowdSends(t *testing.T, receiver *sock.Socket, at sock.Addr, send func(*sock.Socket, []byte) error) {
	t.Helper()
	filled := fill(t, at)
	before := kithtest.Hold()
	sockets := make([]*sock.Socket, 100)
	for i := range sockets {
		sockets[i] = fresh(t, sock.Datagram)
	}
	calls := make([]*kithtest.Call, crowd)
	for i := range calls {
		calls[i] = kithtest.Go(func() error {
			return send(sockets[i%len(sockets)], binary.NativeEndian.AppendUint32(nil, uint32(i)))
		})
	}
	if err := kithtest.Parked(calls...); err != nil {
		t.Fatal(err)
	}
	for range filled {
		_ = text(t, receiver)
	}
	seen := map[string]bool{}
	for range calls {
		seen[text(t, receiver)] = true
	}
	for _, call := range calls {
		if err := call.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != crowd {
		t.Errorf("%d messages of %d arrived", len(seen), crowd)
	}
	for _, s := range sockets {
		_ = s.Close()
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

const crowd = 1000

// crowdWaits has a thousand wait for room at the name, each with a context of its own,
// and returns them, and what closes their sockets.
func crowdWaits(t *testing.T, ctx context.Context, at sock.Addr) (calls []*kithtest.Call, closeAll func()) {
	t.Helper()
	fill(t, at)
	sockets := []*sock.Socket{fresh(t, sock.Datagram), fresh(t, sock.Datagram), fresh(t, sock.Datagram)}
	calls = make([]*kithtest.Call, crowd)
	for i := range calls {
		own, cancel := context.WithCancel(ctx)
		t.Cleanup(cancel)
		calls[i] = kithtest.Go(func() error { return sockets[i%3].SendTo(own, at, []byte(strconv.Itoa(i))) })
	}
	if err := kithtest.Parked(calls...); err != nil {
		t.Fatal(err)
	}
	return calls, func() {
		for _, s := range sockets {
			_ = s.Close()
		}
	}
}

// All of them learn that the receiver is dead; the name stays, as nobody removed it.
func TestThousandSendersToTheKilled(t *testing.T) {
	sock.LookSeldom(t)
	at := path(t)
	child := kithtest.Command(t, "own name", string(at)).Start()
	if heard, err := child.Hear(); heard != "bound" {
		t.Fatal(heard, err)
	}
	before := kithtest.Hold()
	calls, closeAll := crowdWaits(t, t.Context(), at)
	child.Kill()
	for _, call := range calls {
		wants(t, call.Wait(), unix.ECONNREFUSED)
	}
	closeAll()
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

// ownName has a name, and does nothing with it.
func ownName(args []string) error {
	s, err := sock.New(sock.Datagram)
	if err == nil {
		err = s.Bind(sock.Addr(args[0]), 0o600)
	}
	if err != nil {
		return err
	}
	kithtest.Say("bound")
	kithtest.Hear()
	return nil
}

// All of them are cancelled, or their sockets closed.
func TestThousandSendersGiveUp(t *testing.T) {
	sock.LookSeldom(t)
	at := path(t)
	_ = bound(t, sock.Datagram, at)
	ctx, cancel := context.WithCancelCause(t.Context())
	before := kithtest.Hold()
	calls, closeAll := crowdWaits(t, ctx, at)
	cancel(errEnough)
	for _, call := range calls {
		wants(t, call.Wait(), errEnough)
	}
	s := fresh(t, sock.Datagram)
	for i := range calls {
		calls[i] = kithtest.Go(func() error { return s.SendTo(t.Context(), at, nil) })
	}
	if err := errors.Join(kithtest.Parked(calls...), s.Close()); err != nil {
		t.Fatal(err)
	}
	for _, call := range calls {
		wants(t, call.Wait(), os.ErrClosed)
	}
	closeAll()
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

// Another takes the name while they wait, in one step: they send to that one, while
// the old one lives and is full, and never takes anything.
func TestThousandSendersToTheReplaced(t *testing.T) {
	at := path(t)
	old := bound(t, sock.Datagram, at)
	calls, _ := crowdWaits(t, t.Context(), at)
	replacement := bound(t, sock.Datagram, at+".new")
	if err := os.Rename(string(at)+".new", string(at)); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range calls {
		seen[text(t, replacement)] = true
	}
	for _, call := range calls {
		if err := call.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != crowd {
		t.Errorf("%d messages of %d arrived", len(seen), crowd)
	}
	if got := text(t, old); got != "filled" {
		t.Errorf("%q", got)
	}
}

// A receiver that turns away while they wait wakes nobody; they learn of it all the same.
func TestThousandSendersToOneWhoTurnsAway(t *testing.T) {
	other := abstract(t)
	_ = bound(t, sock.Datagram, other)
	for want, turn := range map[error]func(*sock.Socket) error{
		unix.EPERM: func(s *sock.Socket) error { return s.Connect(t.Context(), other) },
		unix.EPIPE: func(s *sock.Socket) error {
			return sys.Control(s, func(fd int) error { return unix.Shutdown(fd, unix.SHUT_RD) })
		},
		unix.EPROTOTYPE: func(s *sock.Socket) error { // a socket of another kind has the name
			at, err := s.Local()
			return errors.Join(err, os.Rename(string(at)+".stream", string(at)))
		},
	} {
		at := path(t)
		receiver, _ := bound(t, sock.Datagram, at), bound(t, sock.Stream, at+".stream")
		calls, _ := crowdWaits(t, t.Context(), at)
		if err := turn(receiver); err != nil {
			t.Fatal(err)
		}
		for _, call := range calls {
			wants(t, call.Wait(), want)
		}
	}
}

// The receiver dies and another binds the name anew, again and again, each living
// for some messages: every message is received, or refused.
func TestSendersMeetReceiversThatComeAndGo(t *testing.T) {
	at := path(t)
	first := bound(t, sock.Datagram, at)
	calls, _ := crowdWaits(t, t.Context(), at)
	arrived := 0
	for receiver := first; ; receiver = bound(t, sock.Datagram, at) {
		for range 30 {
			m, err := receiver.TryReceive(make([]byte, 8), sock.Exactly(0))
			if err == nil && m.N != len("filled") {
				arrived++
			}
		}
		_ = receiver.Close()
		if done(calls) {
			break
		}
	}
	failed := 0
	for _, call := range calls {
		err := call.Wait()
		if errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.ENOENT) {
			failed++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if arrived > crowd-failed {
		t.Errorf("%d arrived, though %d were refused", arrived, failed)
	}
}

func done(calls []*kithtest.Call) bool {
	for _, call := range calls {
		select {
		case <-call.Done():
		default:
			return false
		}
	}
	return true
}

// One's own send buffer may be what is full: then room elsewhere is waited for.
func TestSendBufferIsFull(t *testing.T) {
	one, other := abstract(t)+"1", abstract(t)+"2"
	stuck, free := bound(t, sock.Datagram, one), bound(t, sock.Datagram, other)
	s := fresh(t, sock.Datagram)
	const size = 60_000
	sent := 0
	for ; s.TrySendTo(one, make([]byte, size)) == nil; sent++ {
	}
	if sent > setting(t, "/proc/sys/net/unix/max_dgram_qlen") {
		t.Fatalf("the queue was full first, after %d", sent)
	}
	wants(t, s.TrySendTo(other, nil), sock.ErrFull)
	call := kithtest.Go(func() error { return s.SendTo(t.Context(), other, []byte("late")) })
	if err := call.Parked(); err != nil {
		t.Fatal(err)
	}
	if m, err := stuck.Receive(t.Context(), make([]byte, size), sock.Exactly(0)); m.N != size || err != nil {
		t.Fatal(m, err)
	}
	if got := text(t, free); got != "late" { // one message is not enough for poll, but for us
		t.Errorf("%q", got)
	}
	if err := call.Wait(); err != nil {
		t.Error(err)
	}
}

// A receiver that is connected to us takes what the send buffer holds.
func TestMutualPeersHaveNoQueueLimit(t *testing.T) {
	sock.LookSeldom(t)
	one, other := abstract(t)+"1", abstract(t)+"2"
	a, b := bound(t, sock.Datagram, one), bound(t, sock.Datagram, other)
	if err := b.Connect(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	sent := 0
	for ; a.TrySendTo(other, []byte("x")) == nil; sent++ {
	}
	if most := setting(t, "/proc/sys/net/unix/max_dgram_qlen"); sent <= most+1 {
		t.Errorf("only %d were sent", sent)
	}
	call := kithtest.Go(func() error { return a.SendTo(t.Context(), other, []byte("late")) })
	if err := call.Parked(); err != nil {
		t.Fatal(err)
	}
	for range sent {
		_ = text(t, b)
	}
	if got := text(t, b); got != "late" {
		t.Errorf("%q", got)
	}
	if err := call.Wait(); err != nil {
		t.Error(err)
	}
}

// Senders of other processes and languages compete for the same room.
func TestPeersCompeteForRoom(t *testing.T) {
	sock.LookSeldom(t)
	at := path(t)
	receiver := bound(t, sock.Datagram, at)
	filled := fill(t, at)
	for _, program := range programs {
		p := peer{program(t).Start()}
		p.order(t, "new datagram")
		p.tell(t, "sendto %s peer", name(at))
	}
	calls := crowdOf(t, at, 100)
	counts := map[string]int{}
	for range filled + len(programs) + len(calls) {
		counts[text(t, receiver)]++
	}
	want := map[string]int{"filled": filled, "peer": len(programs), "ours": len(calls)}
	if fmt.Sprint(counts) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", counts, want)
	}
}

func crowdOf(t *testing.T, at sock.Addr, n int) []*kithtest.Call {
	t.Helper()
	s := fresh(t, sock.Datagram)
	calls := make([]*kithtest.Call, n)
	for i := range calls {
		calls[i] = kithtest.Go(func() error { return s.SendTo(t.Context(), at, []byte("ours")) })
	}
	if err := kithtest.Parked(calls...); err != nil {
		t.Fatal(err)
	}
	return calls
}

// The cause of a context's end may look like EAGAIN.
func TestCauseThatMatchesEAGAIN(t *testing.T) {
	at := path(t)
	_ = bound(t, sock.Datagram, at)
	fill(t, at)
	for s, cause := range map[*sock.Socket]error{
		fresh(t, sock.Datagram): fmt.Errorf("busy: %w", unix.EAGAIN), connected(t, sock.Datagram, at): fmt.Errorf("busy: %w", unix.EAGAIN),
		fresh(t, sock.Datagram): unix.EAGAIN, connected(t, sock.Datagram, at): unix.EAGAIN,
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		calls := waiters(t, ctx, func(ctx context.Context) error {
			if remote, _ := s.Remote(); remote != "" {
				return s.Send(ctx, nil)
			}
			return s.SendTo(ctx, at, nil)
		})
		cancel(cause)
		for _, call := range calls {
			wants(t, call.Wait(), cause)
		}
	}
}

// A net.UnixConn can be used as it is.
func TestOnNetConn(t *testing.T) {
	sock.LookSeldom(t)
	at := path(t)
	receiver := bound(t, sock.Datagram, at)
	own := string(at) + ".own"
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: own, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	s := on(t, conn)
	fill(t, at)
	call := kithtest.Go(func() error { return s.SendTo(t.Context(), at, []byte("mine")) })
	if err := call.Parked(); err != nil {
		t.Fatal(err)
	}
	for {
		if got, m := receive(t, receiver, 0); got == "mine" {
			if m.From != sock.Addr(own) {
				t.Errorf("from %v", m.From)
			}
			break
		}
	}
	if err := call.Wait(); err != nil {
		t.Error(err)
	}
}
