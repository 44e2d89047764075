package death_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"kith"
	"kith/internal/kithtest"
)

// The sides of a connection: the one that the victim has.
const (
	dialer   = "dialer"
	listener = "listener"
)

var roles = []string{dialer, listener}

// kills is how many random kills a run makes: KITH_KILLS, or some.
func kills(t *testing.T) int {
	text := os.Getenv("KITH_KILLS")
	if text == "" {
		return 30
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal("KITH_KILLS: ", err)
	}
	return n
}

// A process that does everything at once is killed at a random moment, again and again.
func TestDeathAtRandom(t *testing.T) {
	before := kithtest.Hold()
	directory := place(t)
	messages, sessions := 0, 0
	for n := range kills(t) {
		s := storm{role: roles[n%2], addr: at(directory, "x"), until: rand.IntN(1 << rand.IntN(14))}
		seed := rand.Uint64()
		if err := s.outlive(t, filepath.Join(directory, "ledger"), seed); err != nil {
			t.Fatalf("kill %d, of a %s with the seed %d, after %d messages: %v", n, s.role, seed, s.until, err)
		}
		messages, sessions = messages+s.received, sessions+s.sessions
	}
	t.Logf("%d kills; %d messages came in %d connections", kills(t), messages, sessions)
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

// A storm is one wild process, which is killed as soon as so many messages have come.
type storm struct {
	role   string // the wild one's
	addr   string
	until  int // messages
	child  *kithtest.Child
	ledger ledger
	dead   context.Context
	kill   func()

	halts bool // stop it now and then
	halt  chan struct{}
	stops int

	received int
	sessions int
	number   int // of the session, as the wild one counts
}

func (s *storm) outlive(t *testing.T, path string, seed uint64) (err error) {
	if s.ledger, err = openLedger(path); err != nil {
		return err
	}
	defer s.ledger.close()
	s.child = kithtest.Command(t, "wild", s.role, s.addr, path, strconv.FormatUint(seed, 10))
	killing, halting := s.arm(), s.armHalts()
	next, done, err := s.meet()
	if err != nil {
		return err
	}
	if s.until == 0 {
		s.kill()
	}
	for err == nil {
		var conn *kith.Conn
		if conn, err = next(); err == nil {
			err = s.use(conn)
		}
	}
	if s.dead.Err() == nil && !s.child.Killed() {
		return errors.Join(errors.New("it was not killed yet"), err)
	}
	<-killing.Done()
	close(s.halt)
	return errors.Join(expected(err), halting.Wait(), done(), inherit(s.role, s.addr))
}

// arm makes kill end the process while we go on.
func (s *storm) arm() *kithtest.Call {
	now, kill := context.WithCancel(context.Background())
	dead, buried := context.WithCancel(context.Background())
	s.kill, s.dead = kill, dead
	return kithtest.Go(func() error {
		defer buried()
		<-now.Done()
		s.child.Kill()
		return nil
	})
}

// meet starts the process. Then next is how the next connection is made.
func (s *storm) meet() (next func() (*kith.Conn, error), done func() error, err error) {
	if s.role == listener {
		s.child.Start()
		_, err := s.child.Hear()
		return func() (*kith.Conn, error) { return kith.Dial(context.Background(), s.addr) }, func() error { return nil }, err
	}
	l, err := kith.Listen(context.Background(), s.addr)
	if err != nil {
		return nil, nil, err
	}
	s.child.Start()
	return func() (*kith.Conn, error) { return l.Accept(s.dead) }, l.Close, nil
}

// expected takes away how a storm is to end: nobody is there to meet, or the one we had
// met has died.
func expected(err error) error {
	for _, end := range []error{kith.ErrPeerDied, kith.ErrNoListener, context.Canceled, net.ErrClosed} {
		if errors.Is(err, end) {
			return nil
		}
	}
	return err
}
