package lock_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/lock"
)

const (
	stormers = 5  // processes at once,
	lives    = 20 // each killed so often,
	hands    = 3  // with so many goroutines
)

// Processes lock, convert, remove and unlock, and are killed at any moment: there
// is never more than one holder, nothing is stuck, and no file is left.
func TestStorm(t *testing.T) {
	for name, kind := range map[string]lock.Kind{"flock": lock.Flock, "ofd": lock.OFD} {
		t.Run(name, func(t *testing.T) {
			directory := t.TempDir()
			var all sync.WaitGroup
			for range stormers {
				all.Go(func() { liveAndDie(t, directory, name, "remove") })
			}
			all.Wait()
			clean(t, directory, kind)
		})
	}
}

// flock(1) does not look whether a lock file was removed; so here none is.
func TestStormWithFlockProgram(t *testing.T) {
	kithtest.Need(t, "flock")
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	directory := t.TempDir()
	var all sync.WaitGroup
	all.Go(func() { liveAndDie(t, directory, "flock", "keep") })
	all.Go(func() { liveAndDie(t, directory, "flock", "keep") })
	all.Go(func() {
		for range lives {
			once := kithtest.Command(t, "once", directory)
			flock := exec.Command("flock", filepath.Join(directory, "lock"), program, directory)
			flock.Env = once.Cmd.Env
			if err := kithtest.Peer(t, flock).Start().Wait(); err != nil {
				t.Error(err)
			}
		}
	})
	all.Wait()
	clean(t, directory, lock.Flock)
}

func liveAndDie(t *testing.T, directory, kind, how string) {
	for range lives {
		child := kithtest.Command(t, "storm", directory, kind, how).Start()
		for range 1 + rand.IntN(30) {
			if _, err := child.Hear(); err != nil {
				t.Errorf("ended before it was killed: %v", err)
				return
			}
		}
		child.Kill()
	}
}

// clean looks at what is left: the witness's files, the lock file, and no lock.
func clean(t *testing.T, directory string, kind lock.Kind) {
	t.Helper()
	l := take(t, lock.At(filepath.Join(directory, "lock"), kind), lock.Exclusive)
	if err := l.Remove(); err != nil {
		t.Error(err)
	}
	left, err := os.ReadDir(directory)
	if err != nil || len(left) != 2 {
		t.Errorf("%v, %v: want the counter and the log", left, err)
	}
	log, err := os.ReadFile(filepath.Join(directory, "log"))
	if err != nil {
		t.Fatal(err)
	}
	last := uint64(0)
	for line := range strings.Lines(string(log)) {
		var n uint64
		if _, err := fmt.Sscan(line, &n); err != nil || n <= last {
			t.Fatalf("%q after %d: two held the lock", line, last)
		}
		last = n
	}
	t.Logf("held %d times", last)
}

// storm is one of the processes: directory, kind, whether to remove.
func storm(args []string) error {
	w, err := newWitness(args[0])
	if err != nil {
		return err
	}
	file := lock.At(filepath.Join(args[0], "lock"), kinds[args[1]])
	failed := make(chan error)
	for range hands {
		go func() {
			for {
				if err := turn(file, w, args[2] == "remove"); err != nil {
					failed <- err
				}
				kithtest.Say("turn")
			}
		}()
	}
	return <-failed
}

// turn holds the lock once, or gives up.
func turn(file *lock.Target, w *witness, remove bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience())
	defer cancel()
	mode := lock.Exclusive - lock.Mode(rand.IntN(2))
	l, err := file.Lock(ctx, mode, lock.Whole)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	if err == nil && mode == lock.Shared {
		err = convertSoon(l) // two who convert may wait for each other
	}
	if errors.Is(err, lock.ErrLost) {
		return nil
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return l.Unlock()
	}
	if err != nil {
		return err
	}
	if err := w.see(); err != nil {
		return err
	}
	if remove && rand.IntN(2) == 0 {
		return l.Remove()
	}
	return l.Unlock()
}

func convertSoon(l *lock.Lock) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	return l.Convert(ctx, lock.Exclusive)
}

// patience is long, or far too short.
func patience() time.Duration {
	if rand.IntN(3) == 0 {
		return time.Duration(rand.IntN(1000)) * time.Microsecond
	}
	return time.Minute
}

// once is one turn under flock(1), which holds the lock.
func once(args []string) error {
	w, err := newWitness(args[0])
	if err != nil {
		return err
	}
	return w.see()
}

// A witness sees, by means of its own, whether two hold a lock at once: by a POSIX
// lock, which ends before those of a dying process's open files, by a counter
// in this process, and by one in a file, that no two may read alike.
type witness struct {
	inside       atomic.Int32
	counter, log *os.File
}

func newWitness(directory string) (*witness, error) {
	counter, err := os.OpenFile(filepath.Join(directory, "counter"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(directory, "log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	return &witness{counter: counter, log: log}, err
}

func (w *witness) see() error {
	if w.inside.Add(1) != 1 {
		return errors.New("two goroutines hold the lock")
	}
	defer w.inside.Add(-1)
	if err := w.fcntl(unix.F_WRLCK); err != nil {
		return fmt.Errorf("two processes hold the lock: %w", err)
	}
	var number [8]byte
	if _, err := w.counter.ReadAt(number[:], 0); err != nil && number != [8]byte{} {
		return err
	}
	n := binary.NativeEndian.Uint64(number[:]) + 1
	binary.NativeEndian.PutUint64(number[:], n)
	if _, err := w.counter.WriteAt(number[:], 0); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(w.log, n); err != nil {
		return err
	}
	return w.fcntl(unix.F_UNLCK)
}

func (w *witness) fcntl(kind int16) error {
	return unix.FcntlFlock(w.counter.Fd(), unix.F_SETLK, &unix.Flock_t{Type: kind})
}
