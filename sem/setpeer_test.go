package sem_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/ipc"
	"kith/sem"
)

func TestSetTheyCreateWeOpen(t *testing.T) {
	key := newKey()
	c := cPeer(t)
	c.do("vcreate %d 2", int(key))
	defer c.do("vremove")
	set, err := sem.OpenSet(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	setExchange(t, set, c)
}

// Python's creator does no first operation: the set looks unfinished, and
// FindSet takes it as it is.
func TestSetPythonCreatesWeFind(t *testing.T) {
	key := newKey()
	p := pythonPeer(t)
	p.do("vcreate %d 2", int(key))
	defer p.do("vremove")
	wantUnfinished(t, key)
	set, err := sem.FindSet(key)
	if err != nil {
		t.Fatal(err)
	}
	setExchange(t, set, p)
	if _, err := sem.OpenSet(t.Context(), key); err != nil {
		t.Errorf("after an operation: %v", err)
	}
}

func wantUnfinished(t *testing.T, key ipc.Key) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := sem.OpenSet(ctx, key)
	if !errors.Is(err, sem.ErrUnfinished) || !errors.Is(err, context.DeadlineExceeded) || !pathError(err) {
		t.Errorf("%v, want ErrUnfinished", err)
	}
}

func TestSetWeCreateTheyOpen(t *testing.T) {
	eachPeer(t, func(t *testing.T, p peer) {
		key, set := newSet(t, 2)
		if answer := p.ask("vopen %d", int(key)); answer != fmt.Sprintf("ok %d", set.ID()) {
			t.Fatal(answer)
		}
		setExchange(t, set, p)
	})
}

// setExchange takes and gives back on both sides of a set of one 2.
func setExchange(t *testing.T, set *sem.Set, p peer) {
	t.Helper()
	if err := set.Do(t.Context(), sem.Op{Change: -1}); err != nil {
		t.Fatal(err)
	}
	p.want("ok 1", "vvalue 0")
	p.want(fmt.Sprintf("ok %d", os.Getpid()), "vpid 0")
	p.do("vop 0,-1,0")
	wantValue(t, set, 0, 0)
	if pid, err := set.LastPID(0); pid != p.Cmd.Process.Pid || err != nil {
		t.Errorf("last was %d, %v", pid, err)
	}
	p.do("vop 0,0,0") // waits for zero
	p.do("vsetvalue 0 5")
	wantValue(t, set, 0, 5)
	if err := set.SetValue(0, 2); err != nil {
		t.Fatal(err)
	}
	p.want("ok 2", "vvalue 0")
}

func TestSetWeHoldTheyWait(t *testing.T) {
	eachPeer(t, func(t *testing.T, p peer) {
		key, set := newSet(t, 0)
		p.do("vopen %d", int(key))
		p.tell("vop 0,-1,0")
		waiting(t, set, 0, 1)
		if err := set.Do(t.Context(), sem.Op{Change: 2}); err != nil {
			t.Fatal(err)
		}
		if answer := p.hear(); answer != "ok 0" {
			t.Fatal(answer)
		}
		p.tell("vop 0,0,0")
		until(t, "they wait for zero", func() bool { _, zero, _ := set.Waiters(0); return zero == 1 })
		if err := set.Do(t.Context(), sem.Op{Change: -1}); err != nil {
			t.Fatal(err)
		}
		if answer := p.hear(); answer != "ok 0" {
			t.Fatal(answer)
		}
	})
}

func TestSetTheyHoldWeWait(t *testing.T) {
	eachPeer(t, func(t *testing.T, p peer) {
		key, set := newSet(t, 0)
		p.do("vopen %d", int(key))
		taking := kithtest.Go(func() error { return set.Do(t.Context(), sem.Op{Change: -1}) })
		waiting(t, set, 0, 1)
		p.want("ok 1", "vncnt 0")
		p.do("vop 0,2,0")
		if err := taking.Wait(); err != nil {
			t.Fatal(err)
		}
		zero := kithtest.Go(func() error { return set.Do(t.Context(), sem.Op{}) })
		until(t, "we wait for zero", func() bool { _, n, _ := set.Waiters(0); return n == 1 })
		p.want("ok 1", "vzcnt 0")
		p.do("vop 0,-1,0")
		if err := zero.Wait(); err != nil {
			t.Fatal(err)
		}
	})
}

// The kernel gives back what a dead holder had with Undo.
func TestSetTheyDieHolding(t *testing.T) {
	eachPeer(t, func(t *testing.T, p peer) {
		key, set := newSet(t, 1)
		p.do("vopen %d", int(key))
		p.do("vop 0,-1,0x1000")
		call := kithtest.Go(func() error { return set.Do(t.Context(), sem.Op{Change: -1}) })
		waiting(t, set, 0, 1)
		p.Kill()
		if err := call.Wait(); err != nil {
			t.Fatal(err)
		}
	})
}

func init() {
	kithtest.Register(map[string]kithtest.Func{"take": take})
}

// take takes one of a set, and lives until it is killed.
func take(args []string) error {
	set, err := findSet(args[0])
	if err != nil {
		return err
	}
	if err := set.Do(context.Background(), sem.Op{Change: -1, Flags: sem.Undo}); err != nil {
		return err
	}
	kithtest.Say("took")
	kithtest.Hear()
	return nil
}

func findSet(key string) (*sem.Set, error) {
	var number int32
	if _, err := fmt.Sscan(key, &number); err != nil {
		return nil, err
	}
	return sem.FindSet(ipc.Key(number))
}

func TestSetWeDieHolding(t *testing.T) {
	eachPeer(t, func(t *testing.T, p peer) {
		key, set := newSet(t, 1)
		p.do("vopen %d", int(key))
		us := kithtest.Command(t, "take", fmt.Sprint(int(key))).Start()
		if line, err := us.Hear(); line != "took" {
			t.Fatal(line, err)
		}
		p.tell("vop 0,-1,0")
		waiting(t, set, 0, 1)
		us.Kill()
		if answer := p.hear(); answer != "ok 0" {
			t.Fatal(answer)
		}
	})
}

// To set a value forgets what was to be undone.
func TestSetValueForgetsUndo(t *testing.T) {
	key, set := newSet(t, 5)
	c := cPeer(t)
	c.do("vopen %d", int(key))
	c.do("vop 0,-1,0x1000")
	if err := set.SetValues(3); err != nil {
		t.Fatal(err)
	}
	c.Kill()
	wantValue(t, set, 0, 3)
}

func TestSetTheyDieWaiting(t *testing.T) {
	eachPeer(t, func(t *testing.T, p peer) {
		key, set := newSet(t, 0)
		p.do("vopen %d", int(key))
		p.tell("vop 0,-1,0")
		waiting(t, set, 0, 1)
		p.Kill()
		waiting(t, set, 0, 0)
		if err := set.TryDo(sem.Op{Change: 1}); err != nil {
			t.Fatal(err)
		}
		wantValue(t, set, 0, 1)
	})
}

func TestSetTheyRemove(t *testing.T) {
	eachPeer(t, func(t *testing.T, p peer) {
		key, set := newSet(t, 0)
		p.do("vopen %d", int(key))
		call := kithtest.Go(func() error { return set.Do(t.Context(), sem.Op{Change: -1}) })
		waiting(t, set, 0, 1)
		p.do("vremove")
		if err := call.Wait(); !errors.Is(err, sem.ErrRemoved) {
			t.Errorf("%v, want ErrRemoved", err)
		}
	})
}

func TestSetWeRemove(t *testing.T) {
	key, set := newSet(t, 0)
	c := cPeer(t)
	c.do("vopen %d", int(key))
	c.tell("vop 0,-1,0")
	waiting(t, set, 0, 1)
	if err := set.Remove(); err != nil {
		t.Fatal(err)
	}
	if answer := c.hear(); answer != fmt.Sprintf("errno %d", unix.EIDRM) {
		t.Error(answer)
	}
}

// A creator that died half-way is told of, and its set removed.
func TestSetCreatorDies(t *testing.T) {
	key := newKey()
	c := cPeer(t)
	c.do("vhalf %d 3", int(key))
	c.Kill()
	wantUnfinished(t, key)
	set, err := sem.FindSet(key)
	if err != nil {
		t.Fatal(err)
	}
	if err := set.Remove(); err != nil {
		t.Fatal(err)
	}
	set, err = sem.CreateSet(key, 0o600, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer set.Remove()
	if _, err := sem.OpenSet(t.Context(), key); err != nil {
		t.Error(err)
	}
}

// An opener waits for a creator that is slow.
func TestSetCreatorIsSlow(t *testing.T) {
	key := newKey()
	c := cPeer(t)
	c.do("vhalf %d 1", int(key))
	opening := kithtest.Go(func() error {
		set, err := sem.OpenSet(t.Context(), key)
		if err != nil {
			return err
		}
		return set.TryDo(sem.Op{Change: -4})
	})
	if err := opening.Parked(); err != nil {
		t.Fatal(err)
	}
	c.do("vinitialize 4")
	if err := opening.Wait(); err != nil {
		t.Error(err)
	}
	gone := newKey()
	c.do("vhalf %d 1", int(gone))
	c2 := cPeer(t)
	c2.do("vopen %d", int(key))
	c2.do("vremove")
	removed := kithtest.Go(func() error { _, err := sem.OpenSet(t.Context(), gone); return err })
	if err := removed.Parked(); err != nil {
		t.Fatal(err)
	}
	c.do("vremove")
	if err := removed.Wait(); !errors.Is(err, sem.ErrRemoved) {
		t.Errorf("removed before it was finished: %v", err)
	}
}
