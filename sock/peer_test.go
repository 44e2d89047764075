package sock_test

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kith/internal/kithtest"
	"kith/sock"
)

// A peer is a program that is not ours, testdata/peer.c or peer.py.
type peer struct{ *kithtest.Child }

var programs = map[string]func(*testing.T) *kithtest.Child{
	"C":      func(t *testing.T) *kithtest.Child { return kithtest.C(t, "testdata/peer.c") },
	"Python": func(t *testing.T) *kithtest.Child { return kithtest.Python(t, absolute(t, "testdata/peer.py")) },
}

// absolute is for a peer that runs elsewhere.
func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// withPeers runs a test with each of the programs, which is not started yet.
func withPeers(t *testing.T, test func(*testing.T, peer)) {
	for language, program := range programs {
		t.Run(language, func(t *testing.T) { test(t, peer{program(t)}) })
	}
}

// tell gives the peer an order, and does not wait for the answer.
func (p peer) tell(t *testing.T, format string, args ...any) {
	t.Helper()
	if err := p.Say(fmt.Sprintf(format, args...)); err != nil {
		t.Fatal(err)
	}
}

func (p peer) expect(t *testing.T, want string) {
	t.Helper()
	if got, err := p.Hear(); got != want {
		t.Fatalf("the peer said %q, %v, want %q", got, err, want)
	}
}

// order gives the peer orders, each of which it obeys.
func (p peer) order(t *testing.T, orders ...string) {
	t.Helper()
	for _, order := range orders {
		p.tell(t, "%s", order)
		p.expect(t, "ok")
	}
}

func (p peer) pid() int { return p.Cmd.Process.Pid }

// name is how a peer writes one.
func name(a sock.Addr) string {
	if a == "" {
		return "-"
	}
	return hex.EncodeToString([]byte(a))
}

// line is how a peer writes a message without credentials.
func line(text string, from sock.Addr, files ...string) string {
	return fmt.Sprintf("%s [%s] %s -1:-1:-1", text, strings.Join(files, " "), name(from))
}

// holding is a pipe that holds the words.
func holding(t *testing.T, words ...string) (files []*os.File) {
	t.Helper()
	for _, word := range words {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.WriteString(word); err != nil {
			t.Fatal(err)
		}
		_ = w.Close()
		t.Cleanup(func() { _ = r.Close() })
		files = append(files, r)
	}
	return files
}

// words is what pipes hold.
func words(t *testing.T, files []*os.File) string {
	t.Helper()
	texts := make([]string, len(files))
	for i, file := range files {
		texts[i] = readAll(t, file)
	}
	return strings.Join(texts, " ")
}

// Descriptors over an inherited socket, both ways.
func TestPeersPassFiles(t *testing.T) {
	for _, kind := range kinds {
		t.Run(kind.String(), func(t *testing.T) {
			withPeers(t, func(t *testing.T, p peer) {
				socket, _ := give(t, kind, p.Child)
				send(t, socket, "two", holding(t, "one", "other")...)
				p.tell(t, "receive")
				p.expect(t, line("two", "", "one", "other"))
				p.order(t, "send three a b c")
				got, m := receive(t, socket, 3)
				if words := words(t, m.Files); got != "three" || words != "a b c" {
					t.Errorf("%q with %q", got, words)
				}
				many := strings.Fields(strings.Repeat("x ", sock.MaxFiles))
				p.order(t, "send most "+strings.Join(many, " "))
				if got, _ := receive(t, socket, sock.MaxFiles); got != "most" {
					t.Errorf("%q", got)
				}
				send(t, socket, "most", holding(t, many...)...)
				p.tell(t, "receive")
				p.expect(t, line("most", "", many...))
			})
		})
	}
}

// Names of each form, whoever of the two makes them. A peer reaches a long one from
// its directory; Python knows none that fills the whole of an address.
func TestPeersMeet(t *testing.T) {
	forms := map[string]func(*testing.T) sock.Addr{
		"path": path, "abstract": abstract, "long": longPath,
		"with NULs": func(t *testing.T) sock.Addr { return abstract(t) + "\x00a\x00\x00" },
	}
	for form, make := range forms {
		for _, kind := range []sock.Kind{sock.Stream, sock.Packet} {
			t.Run(form+" "+kind.String(), func(t *testing.T) {
				withPeers(t, func(t *testing.T, p peer) { meet(t, p, kind, make(t)) })
			})
		}
	}
	meet(t, peer{programs["C"](t)}, sock.Packet, pathOf(t, 108))
}

func meet(t *testing.T, p peer, kind sock.Kind, at sock.Addr) {
	t.Helper()
	theirs := at
	if len(at) > 108 {
		p.Cmd.Dir, theirs = filepath.Dir(string(at)), sock.Addr(filepath.Base(string(at)))
	}
	p.Start()
	listener := listening(t, kind, at)
	p.order(t, "new "+kind.String(), "connect "+name(theirs))
	s, err := listener.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	talk(t, s, p)
	if remote, err := s.Remote(); remote != "" || err != nil {
		t.Errorf("the peer has the name %v, %v", remote, err)
	}
	_, _ = s.Close(), listener.Close()

	p.order(t, "close", "new "+kind.String(), "bind "+name(theirs), "listen")
	s = connected(t, kind, at)
	p.order(t, "accept")
	talk(t, s, p)
	if remote, err := s.Remote(); remote != theirs || err != nil {
		t.Errorf("the peer has the name %v, %v, want %v", remote, err, theirs)
	}
}

func talk(t *testing.T, s *sock.Socket, p peer) {
	t.Helper()
	send(t, s, "hello", holding(t, "gift")...)
	p.tell(t, "receive")
	got, err := p.Hear()
	if !strings.HasPrefix(got, "hello [gift] ") {
		t.Errorf("the peer got %q, %v", got, err)
	}
	p.order(t, "send answer return")
	answer, m := receive(t, s, 1)
	if words := words(t, m.Files); answer != "answer" || words != "return" {
		t.Errorf("%q with %q", answer, words)
	}
}

// Datagrams with names, descriptors and credentials, both ways.
func TestPeersSendDatagrams(t *testing.T) {
	withPeers(t, func(t *testing.T, p peer) {
		p.Start()
		ours, theirs := path(t), abstract(t)
		s := bound(t, sock.Datagram, ours)
		p.order(t, "new datagram", "sendto "+name(ours)+" unnamed")
		got, m := receive(t, s, 0)
		if got != "unnamed" || m.From != "" || m.Cred != nil {
			t.Errorf("%q, %+v", got, m)
		}
		if err := s.PassCred(true); err != nil {
			t.Fatal(err)
		}
		p.order(t, "bind "+name(theirs), "sendto "+name(ours)+" named gift")
		got, m = receive(t, s, 1)
		if want := (sock.Cred{PID: p.pid(), UID: os.Geteuid(), GID: os.Getegid()}); got != "named" || m.From != theirs || *m.Cred != want {
			t.Errorf("%q from %v, %+v, want %+v", got, m.From, m.Cred, want)
		}
		if words := words(t, m.Files); words != "gift" {
			t.Errorf("the file holds %q", words)
		}
		sendTo(t, s, m.From, "answer", holding(t, "return")...)
		p.tell(t, "receive")
		p.expect(t, line("answer", ours, "return"))
		p.order(t, "passcred")
		sendTo(t, s, theirs, "")
		p.tell(t, "receive")
		p.expect(t, fmt.Sprintf("- [] %s %d:%d:%d", name(ours), os.Getpid(), os.Geteuid(), os.Getegid()))
	})
}

// A C program that passes sizeof(struct sockaddr_un) has another name than it means.
func TestPaddedNames(t *testing.T) {
	withPeers(t, func(t *testing.T, p peer) {
		p.Start()
		meant := abstract(t)
		padded := sock.Padded(string(meant[1:]))
		p.order(t, "new datagram", "padded "+name(meant))
		s := fresh(t, sock.Datagram)
		wants(t, s.SendTo(t.Context(), meant, nil), errNobodyThere)
		sendTo(t, s, padded, "found")
		p.tell(t, "receive")
		p.expect(t, line("found", ""))
	})
}
