package sock_test

import (
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
	"kith/sock"
)

// A last record is not taken for the end where both come just as Receive looks.
// On two CPUs that moment comes once in some thousand rounds. Who sends spins, as
// who yields or sleeps comes too late for it.
func TestReceiveLastRecord(t *testing.T) {
	var sender atomic.Int64 // its descriptor; 0: it has sent
	done := make(chan struct{})
	defer close(done)
	go sendLast(&sender, done)
	rounds := 10000
	if runtime.GOMAXPROCS(0) == 1 {
		rounds = 100 // it never comes there, and each round takes ten milliseconds
	}
	const enough = 3 * time.Second // on a machine that others use
	for round, begun := 0, time.Now(); round < rounds && time.Since(begun) < enough; round++ {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		socket := os.NewFile(uintptr(pair[0]), "socket")
		s, err := sock.On(socket)
		if err != nil {
			t.Fatal(err)
		}
		sender.Store(int64(pair[1]))
		m, err := s.Receive(t.Context(), make([]byte, 8), sock.Exactly(0))
		if m.N != 4 || err != nil {
			t.Fatalf("round %d: %d bytes, %v", round, m.N, err)
		}
		for sender.Load() != 0 {
			sys.Pause()
		}
		_ = s.Close()
	}
}

func sendLast(sender *atomic.Int64, done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		default:
		}
		if fd := int(sender.Load()); fd != 0 {
			_, _ = unix.Write(fd, []byte("last"))
			_ = unix.Close(fd)
			sender.Store(0)
		}
	}
}
