package sock_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/internal/sys"
	"kith/sock"
)

// A child listens, and says who connected.
func listenForPeer(args []string) error {
	listener, err := net.Listen("unix", args[0])
	if err != nil {
		return err
	}
	defer listener.Close()
	kithtest.Say("listening")
	conn, err := listener.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	cred, err := sock.Peer(conn.(*net.UnixConn))
	if err != nil {
		return err
	}
	if want := (sock.Cred{PID: os.Getppid(), UID: os.Geteuid(), GID: os.Getegid()}); cred == want {
		kithtest.Say("it is my parent")
	}
	kithtest.Hear() // the other side has looked, too
	return nil
}

func TestPeerIsTheOtherProcess(t *testing.T) {
	at := string(path(t))
	child := kithtest.Command(t, "listen", at).Start()
	if heard, err := child.Hear(); heard != "listening" {
		t.Fatal(heard, err)
	}
	conn, err := net.Dial("unix", at)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	cred, err := sock.Peer(conn.(*net.UnixConn))
	want := sock.Cred{PID: child.Cmd.Process.Pid, UID: os.Geteuid(), GID: os.Getegid()}
	if cred != want || err != nil {
		t.Errorf("%+v, %v, want %+v", cred, err, want)
	}
	if heard, err := child.Hear(); heard != "it is my parent" {
		t.Error(heard, err)
	}
	_ = child.Say("done")
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
}

func TestPeerOfWhatIsNoUnixSocket(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer sock.CloseAll([]*os.File{r, w})
	_, peer := sock.Peer(r)
	_, groups := sock.PeerGroups(r)
	_, pidfd := sock.PeerPidfd(r)
	for _, err := range []error{peer, groups, pidfd} {
		wants(t, err, unix.ENOTSOCK)
	}
}

// Who has no peer, or a datagram one, of whom the kernel knows nothing.
func TestNoPeer(t *testing.T) {
	_ = bound(t, sock.Datagram, abstract(t))
	for _, s := range []*sock.Socket{fresh(t, sock.Stream), fresh(t, sock.Datagram), connected(t, sock.Datagram, abstract(t))} {
		_, peer := sock.Peer(s)
		_, groups := sock.PeerGroups(s)
		_, pidfd := sock.PeerPidfd(s)
		for _, err := range []error{peer, groups, pidfd} {
			wants(t, err, unix.ENOTCONN)
		}
	}
}

// us is this process.
func us() sock.Cred { return sock.Cred{PID: os.Getpid(), UID: os.Geteuid(), GID: os.Getegid()} }

func (p peer) cred() sock.Cred { return sock.Cred{PID: p.pid(), UID: os.Geteuid(), GID: os.Getegid()} }

func spell(c sock.Cred) string { return fmt.Sprintf("%d:%d:%d", c.PID, c.UID, c.GID) }

func hasPeer(t *testing.T, c syscall.Conn, want sock.Cred) {
	t.Helper()
	if got, err := sock.Peer(c); got != want || err != nil {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
}

// Both ends of a pair tell who made it, whoever has them now.
func TestPeerOfPair(t *testing.T) {
	for _, kind := range kinds {
		withPeers(t, func(t *testing.T, p peer) {
			socket, _ := give(t, kind, p.Child)
			hasPeer(t, socket, us())
			p.tell(t, "peer")
			p.expect(t, spell(us()))
		})
	}
}

// The peer is who connected, or called listen(2), at that moment: whatever user it
// becomes, and whoever has the socket then, and after its death.
func TestPeerStaysWhoItWas(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	withPeers(t, func(t *testing.T, p peer) {
		p.Start()
		at := abstract(t)
		listener := listening(t, sock.Stream, at)
		p.order(t, "new stream", "connect "+name(at), "setuid 65534")
		s, err := listener.Accept(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		hasPeer(t, s, p.cred())
		p.tell(t, "peer")
		p.expect(t, spell(us()))
		p.Kill()
		hasPeer(t, s, p.cred())
	})
	withPeers(t, func(t *testing.T, p peer) {
		p.Start()
		at := abstract(t) + "2"
		p.order(t, "new stream", "bind "+name(at), "listen", "setuid 65534")
		s := connected(t, sock.Stream, at)
		hasPeer(t, s, p.cred())
		socket, other := give(t, sock.Packet, kithtest.Command(t, "pass on peer"))
		raw, err := s.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var file *os.File
		_ = raw.Control(func(fd uintptr) {
			duplicate, _ := unix.Dup(int(fd))
			file = os.NewFile(uintptr(duplicate), "")
		})
		defer file.Close()
		send(t, socket, "x", file)
		if heard, err := other.Hear(); heard != spell(p.cred()) {
			t.Errorf("who was passed the socket: %q, %v", heard, err)
		}
	})
}

// tellOfPeer is passed a socket, and says who its peer is.
func tellOfPeer([]string) error {
	socket, err := inherited()
	if err != nil {
		return err
	}
	m, err := socket.Receive(background, make([]byte, 1), sock.Exactly(1))
	if err != nil {
		return err
	}
	cred, err := sock.Peer(m.Files[0])
	kithtest.Say(spell(cred))
	return err
}

// However many groups there are.
func TestPeerGroups(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	for _, count := range []int{0, 1, 32, 33, 1000} {
		p := peer{programs["C"](t)}
		groups, want := make([]uint32, count), make([]int, count)
		for i := range groups {
			groups[i], want[i] = uint32(100+i), 100+i
		}
		p.Cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody, Groups: groups}}
		p.Start()
		at := abstract(t) + sock.Addr(strconv.Itoa(count))
		listener := listening(t, sock.Stream, at)
		p.order(t, "new stream", "connect "+name(at))
		s, err := listener.Accept(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		hasPeer(t, s, sock.Cred{PID: p.pid(), UID: nobody, GID: nobody})
		if got, err := sock.PeerGroups(s); !slices.Equal(got, want) || err != nil {
			t.Errorf("%v, %v, want %v", got, err, want)
		}
	}
}

// A message tells who sent it, also where several use one socket, and none are
// mixed on a Stream.
func TestPassCred(t *testing.T) {
	for _, kind := range kinds {
		withPeers(t, func(t *testing.T, p peer) {
			ours, theirs, err := sock.Pair(kind)
			if err != nil {
				t.Fatal(err)
			}
			p.Cmd.ExtraFiles = []*os.File{theirs}
			p.Start()
			s, same := on(t, ours), on(t, theirs)
			p.order(t, "send before")
			if err := s.PassCred(true); err != nil {
				t.Fatal(err)
			}
			_, m := receive(t, s, 0)
			if m.Cred == nil || *m.Cred != (sock.Cred{UID: nobody, GID: nobody}) {
				t.Errorf("sent before: %+v", m.Cred)
			}
			p.order(t, "send theirs")
			send(t, same, "ours")
			for _, want := range []struct {
				text string
				cred sock.Cred
			}{{"theirs", p.cred()}, {"ours", us()}} {
				if got, m := receive(t, s, 0); got != want.text || m.Cred == nil || *m.Cred != want.cred {
					t.Errorf("%v: %q, %+v, want %q, %+v", kind, got, m.Cred, want.text, want.cred)
				}
			}
			if err := s.PassCred(false); err != nil {
				t.Fatal(err)
			}
			p.order(t, "send after")
			if _, m := receive(t, s, 0); m.Cred != nil {
				t.Errorf("%+v", m.Cred)
			}
		})
	}
}

// What a listener asks for, those have that it accepts, from the first message on.
func TestPassCredIsInherited(t *testing.T) {
	for _, kind := range []sock.Kind{sock.Stream, sock.Packet} {
		s := bound(t, kind, abstract(t)+sock.Addr(kind.String()))
		if err := errors.Join(s.PassCred(true), s.Listen()); err != nil {
			t.Fatal(err)
		}
		peer := connected(t, kind, abstract(t)+sock.Addr(kind.String()))
		send(t, peer, "at once")
		accepted, err := s.Accept(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer accepted.Close()
		if _, m := receive(t, accepted, 0); m.Cred == nil || *m.Cred != us() {
			t.Errorf("%+v", m.Cred)
		}
	}
}

// With PassCred, a Datagram without a name gets one as it sends.
func TestPassCredGivesAName(t *testing.T) {
	at := abstract(t)
	receiver, sender := bound(t, sock.Datagram, at), fresh(t, sock.Datagram)
	if err := sender.PassCred(true); err != nil {
		t.Fatal(err)
	}
	sendTo(t, sender, at, "x")
	if _, m := receive(t, receiver, 0); !m.From.IsAbstract() {
		t.Errorf("it has the name %q", m.From)
	}
}

// Root can say that somebody else has sent it. Nobody else can.
func TestForgedCredentials(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	a, b := pair(t, sock.Datagram)
	if err := b.PassCred(true); err != nil {
		t.Fatal(err)
	}
	forged := sock.Cred{PID: 1, UID: 7, GID: 8}
	if err := forge(a, forged); err != nil {
		t.Fatal(err)
	}
	if _, m := receive(t, b, 0); *m.Cred != forged {
		t.Errorf("%+v", m.Cred)
	}
	child := kithtest.Command(t, "forge")
	child.Cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	_, _ = give(t, sock.Packet, child)
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
}

// forgeAsNobody tries to be others.
func forgeAsNobody([]string) error {
	socket, err := inherited()
	if err != nil {
		return err
	}
	own := us()
	err = forge(socket, own)
	for _, c := range []sock.Cred{{1, own.UID, own.GID}, {own.PID, 0, own.GID}, {own.PID, own.UID, 0}} {
		if forging := forge(socket, c); !errors.Is(forging, unix.EPERM) {
			err = errors.Join(err, fmt.Errorf("%+v: %w", c, forging))
		}
	}
	return err
}

func forge(s *sock.Socket, c sock.Cred) error {
	return sys.Control(s, func(fd int) error {
		control := unix.UnixCredentials(&unix.Ucred{Pid: int32(c.PID), Uid: uint32(c.UID), Gid: uint32(c.GID)})
		return unix.Sendmsg(fd, []byte("x"), control, nil, 0)
	})
}
