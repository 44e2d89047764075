package sock_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/sock"
)

// asNobody makes a peer that is another user, without rights.
func asNobody(t *testing.T, p peer) peer {
	t.Helper()
	kithtest.NeedKernel(t, "root")
	p.Cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	return p
}

// Who may write to the file may connect and send, if he may search the directory.
func TestOtherUserAndPaths(t *testing.T) {
	for _, kind := range kinds {
		at := path(t)
		s := bound(t, kind, at)
		if kind != sock.Datagram {
			if err := s.Listen(); err != nil {
				t.Fatal(err)
			}
		}
		p := asNobody(t, peer{programs["C"](t)})
		p.Start()
		for _, c := range []struct {
			socket, directory os.FileMode
			answer            string
		}{
			{0o600, 0o755, "errno 13"}, {0o644, 0o755, "errno 13"}, {0o602, 0o755, "ok"},
			{0o666, 0o700, "errno 13"}, {0o666, 0o744, "errno 13"}, {0o602, 0o711, "ok"},
		} {
			if err := errors.Join(os.Chmod(string(at), c.socket), os.Chmod(filepath.Dir(string(at)), c.directory)); err != nil {
				t.Fatal(err)
			}
			p.order(t, "new "+kind.String())
			p.tell(t, "connect %s", name(at))
			p.expect(t, c.answer)
			p.order(t, "close")
		}
	}
}

// An abstract name keeps nobody out, and nobody from being first.
func TestOtherUserAndAbstractNames(t *testing.T) {
	p := asNobody(t, peer{programs["Python"](t)})
	p.Start()
	ours, theirs := abstract(t)+"1", abstract(t)+"2"
	listener := listening(t, sock.Stream, ours)
	p.order(t, "new stream", "connect "+name(ours))
	s, err := listener.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	hasPeer(t, s, sock.Cred{PID: p.pid(), UID: nobody, GID: nobody})
	p.order(t, "new stream", "bind "+name(theirs), "listen")
	wants(t, fresh(t, sock.Stream).Bind(theirs, 0), unix.EADDRINUSE) // root or not
	hasPeer(t, connected(t, sock.Stream, theirs), sock.Cred{PID: p.pid(), UID: nobody, GID: nobody})
}

// The same as that user.
func TestAsOtherUser(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	folder := directory(t)
	for _, mode := range []os.FileMode{0o600, 0o622} {
		s := fresh(t, sock.Datagram)
		if err := errors.Join(s.Bind(sock.Addr(fmt.Sprintf("%s/%o", folder, mode)), 0), os.Chmod(fmt.Sprintf("%s/%o", folder, mode), mode)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(folder+"/closed", 0o700); err != nil {
		t.Fatal(err)
	}
	child := kithtest.Command(t, "stranger", folder)
	child.Cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if err := child.Start().Wait(); err != nil {
		t.Error(err)
	}
}

func stranger(args []string) error {
	folder := args[0]
	s, err := sock.New(sock.Datagram)
	if err != nil {
		return err
	}
	long := "/" + strings.Repeat("./", 100) // names the same file
	for name, want := range map[string]error{
		folder + "/600": unix.EACCES, folder + "/622": nil, folder + "/closed/x": unix.EACCES,
		folder + long + "600": unix.EACCES, folder + long + "622": nil, folder + long + "closed/x": unix.EACCES,
	} {
		sending, connecting := s.SendTo(background, sock.Addr(name), nil), s.Connect(background, sock.Addr(name))
		if !errors.Is(sending, want) || !errors.Is(connecting, want) {
			err = errors.Join(err, fmt.Errorf("%s: %w, %w", name, sending, connecting))
		}
	}
	for _, name := range []string{folder + "/new", folder + long + "new", folder + "/closed/new"} {
		if binding := s.Bind(sock.Addr(name), 0o600); !errors.Is(binding, unix.EACCES) {
			err = errors.Join(err, fmt.Errorf("%s: %w", name, binding))
		}
	}
	return err
}

// In another network namespace abstract names are others, paths are the same.
func TestOtherNetwork(t *testing.T) {
	kithtest.NeedKernel(t, "mount") // which needs the same right
	p := peer{programs["C"](t)}
	p.Cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	p.Start()
	at, hidden := path(t), abstract(t)
	s, unseen := bound(t, sock.Datagram, at), bound(t, sock.Datagram, hidden)
	p.order(t, "new datagram", "sendto "+name(at)+" seen gift")
	if got, m := receive(t, s, 1); got != "seen" || words(t, m.Files) != "gift" {
		t.Errorf("%q", got)
	}
	p.tell(t, "sendto %s unseen", name(hidden))
	p.expect(t, fmt.Sprintf("errno %d", unix.ECONNREFUSED))
	p.order(t, "bind "+name(hidden)) // it is free there
	sendTo(t, s, hidden, "ours")
	if got := text(t, unseen); got != "ours" {
		t.Errorf("%q", got)
	}
}

// Who is not visible in our PID namespace has PID 0; who is, has a PID of ours.
func TestOtherPIDs(t *testing.T) {
	kithtest.NeedKernel(t, "mount")
	p := peer{programs["C"](t)}
	p.Cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	p.Start()
	at := abstract(t)
	s := bound(t, sock.Stream, at)
	if err := errors.Join(s.PassCred(true), s.Listen()); err != nil {
		t.Fatal(err)
	}
	p.order(t, "new stream", "connect "+name(at), "passcred", "send hello")
	accepted, err := s.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	hasPeer(t, accepted, p.cred())
	if _, m := receive(t, accepted, 0); m.Cred == nil || *m.Cred != p.cred() {
		t.Errorf("%+v", m.Cred)
	}
	invisible := us()
	invisible.PID = 0
	p.tell(t, "peer")
	p.expect(t, spell(invisible))
	send(t, accepted, "answer")
	p.tell(t, "receive")
	if got, err := p.Hear(); got != "answer [] "+name(at)+" "+spell(invisible) {
		t.Errorf("%q, %v", got, err)
	}
}

// The same, asked by us from inside.
func TestInvisiblePeer(t *testing.T) {
	kithtest.NeedKernel(t, "mount")
	child := kithtest.Command(t, "see nobody")
	child.Cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	socket, _ := give(t, sock.Packet, child)
	if heard, err := child.Hear(); heard != "ready" {
		t.Fatal(heard, err)
	}
	send(t, socket, "x")
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
}

func seeNobody([]string) error {
	socket, err := inherited()
	if err != nil {
		return err
	}
	if err := socket.PassCred(true); err != nil {
		return err
	}
	pidfds := socket.PassPidfd(true) == nil
	kithtest.Say("ready")
	m, err := socket.Receive(background, make([]byte, 1), sock.Exactly(0))
	if err != nil {
		return err
	}
	defer m.Close()
	want := sock.Cred{UID: os.Geteuid(), GID: os.Getegid()}
	cred, err := sock.Peer(socket)
	pidfd, pidfdErr := sock.PeerPidfd(socket)
	if m.Cred == nil || *m.Cred != want || cred != want {
		err = errors.Join(err, fmt.Errorf("%+v and %+v, want %+v", m.Cred, cred, want))
	}
	if pidfds && (pidfdErr != nil || pidfd == nil || m.Pidfd == nil) {
		err = errors.Join(err, fmt.Errorf("pidfds %v and %v: %w", pidfd, m.Pidfd, pidfdErr))
	}
	return err
}
