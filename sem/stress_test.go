package sem_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"kith/internal/kithtest"
	"kith/ipc"
	"kith/sem"
)

// One who gives up at the moment of a Post does not take the wake-up with them:
// either they get it, or the one behind them does.
func TestGivingUpPassesTheWakeUpOn(t *testing.T) {
	_, s := newSemaphore(t, 0)
	for round := range 300 {
		ctx, cancel := context.WithCancel(t.Context())
		hasty := kithtest.Go(func() error { return s.Wait(ctx) })
		asleep(t, s, 1)
		if err := hasty.Parked(); err != nil {
			t.Fatal(err)
		}
		patient := kithtest.Go(func() error {
			ctx, cancel := soon(t)
			defer cancel()
			return s.Wait(ctx)
		})
		asleep(t, s, 2)

		var both sync.WaitGroup
		both.Go(func() { delay(round); cancel() })
		both.Go(func() { _ = s.Post() })
		both.Wait()
		switch err := hasty.Wait(); {
		case err == nil:
			if err := s.Post(); err != nil {
				t.Fatal(err)
			}
		case !errors.Is(err, context.Canceled):
			t.Fatal(err)
		}
		if err := patient.Wait(); err != nil {
			t.Fatalf("round %d: the wake-up is lost: %v", round, err)
		}
		wantSemaphore(t, s, 0, 0)
	}
}

// delay lets the one or the other come first.
func delay(round int) {
	for end := time.Now().Add(time.Duration(round%100) * time.Microsecond); time.Now().Before(end); {
	}
}

// C and Go take turns, some of Go's giving up early: one has it at a time, and
// nothing is lost.
func TestTurnsWithC(t *testing.T) {
	const each, neighbours, patient, hasty = 400, 2, 2, 4
	path, page := memory(t)
	s, err := sem.Init(page, 1)
	if err != nil {
		t.Fatal(err)
	}
	var cs []peer
	for range neighbours {
		c := cPeer(t)
		c.do("at %s", path)
		c.tell("rounds %d", each)
		cs = append(cs, c)
	}
	turn := func(ctx context.Context) error {
		if err := s.Wait(ctx); err != nil {
			return err
		}
		count := binary.NativeEndian.Uint64(page[sem.Size:]) // as C's rounds does
		binary.NativeEndian.PutUint64(page[sem.Size:], count+1)
		return s.Post()
	}
	var turns sync.WaitGroup
	for range patient {
		turns.Go(func() {
			ctx, cancel := soon(t)
			defer cancel()
			for range each {
				if err := turn(ctx); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range hasty {
		turns.Go(func() {
			for done := 0; done < each/4; {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(300))*time.Microsecond)
				if err := turn(ctx); err == nil {
					done++
				} else if !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				cancel()
			}
		})
	}
	turns.Wait()
	for _, c := range cs {
		if answer := c.hear(); answer != "ok 0" {
			t.Error(answer)
		}
	}
	const all = each*(neighbours+patient) + each/4*hasty
	if got := binary.NativeEndian.Uint64(page[sem.Size:]); got != all {
		t.Errorf("%d turns, want %d", got, all)
	}
	wantSemaphore(t, s, 1, 0)
}

// A waiter that dies between its wake-up and its taking what it was woken for
// takes the wake-up with it: ours look by themselves.
func TestWokenAndDead(t *testing.T) {
	sem.SetRelook(10 * time.Millisecond)
	defer sem.SetRelook(time.Hour)
	name, s := newSemaphore(t, 0)
	c := cPeer(t)
	c.do("open %s", name)
	c.tell("perish")
	asleep(t, s, 1)
	until(t, "C sleeps in the kernel", func() bool { return sleeping(t, c.Cmd.Process.Pid) })
	call := kithtest.Go(func() error { return s.Wait(t.Context()) })
	if err := errors.Join(call.Parked(), s.Post()); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
	if err := call.Wait(); err != nil {
		t.Error(err)
	}
}

// Holders and waiters are killed at any moment, C's and ours, and nobody is
// stuck: the kernel gives back what they had.
func TestKilledAtRandom(t *testing.T) {
	key, set := newSet(t, 1)
	ctx, cancel := soon(t)
	defer cancel()
	survivor := kithtest.Go(func() error {
		for ctx.Err() == nil {
			err := set.Do(ctx, sem.Op{Change: -1, Flags: sem.Undo})
			if err == nil {
				err = set.Do(t.Context(), sem.Op{Change: 1, Flags: sem.Undo})
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	var slots sync.WaitGroup
	for range 3 {
		slots.Go(func() {
			for range 35 {
				c := cPeer(t)
				c.do("vopen %d", int(key))
				c.tell("vchurn 0x1000")
				killAfter(t, c.Child, rand.IntN(8))
			}
		})
	}
	slots.Go(func() {
		for range 5 {
			killAfter(t, kithtest.Command(t, "churn", fmt.Sprint(int(key))).Start(), rand.IntN(8))
		}
	})
	slots.Wait()
	cancel()
	if err := survivor.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	wantValue(t, set, 0, 1)
	waiting(t, set, 0, 0)
}

// killAfter kills a child after it had the semaphore so often.
func killAfter(t *testing.T, child *kithtest.Child, turns int) {
	for range turns {
		if _, err := child.Hear(); err != nil {
			t.Error(err)
		}
	}
	child.Kill()
}

func init() {
	kithtest.Register(map[string]kithtest.Func{"churn": churn, "waits": waits, "joins": joins})
}

// churn takes and gives back for ever, and says each time that it has it.
func churn(args []string) error {
	set, err := findSet(args[0])
	for ctx := context.Background(); err == nil; err = set.Do(ctx, sem.Op{Change: 1, Flags: sem.Undo}) {
		if err := set.Do(ctx, sem.Op{Change: -1, Flags: sem.Undo}); err != nil {
			return err
		}
		kithtest.Say("has")
	}
	return err
}

// waits waits for a semaphore.
func waits(args []string) error {
	s, err := sem.Open(args[0])
	if err != nil {
		return err
	}
	return s.Wait(context.Background())
}

// Waiters are killed as they are woken, and the one who stays gets what it waits
// for.
func TestWaitersKilledAtRandom(t *testing.T) {
	name, s := newSemaphore(t, 0)
	for round := range 120 {
		var child *kithtest.Child
		dead, err := s.Waiters()
		if err != nil {
			t.Fatal(err)
		}
		if round%30 == 0 {
			child = kithtest.Command(t, "waits", name).Start()
		} else {
			c := cPeer(t)
			c.do("open %s", name)
			c.tell("wait")
			child = c.Child
		}
		asleep(t, s, dead+1)
		call := kithtest.Go(func() error {
			ctx, cancel := soon(t)
			defer cancel()
			return s.Wait(ctx)
		})
		if err := call.Parked(); err != nil {
			t.Fatal(err)
		}
		var both sync.WaitGroup
		both.Go(func() { delay(round); child.Kill() })
		both.Go(func() { _ = s.Post() })
		both.Wait()
		// The child may have died with it, or with the wake-up.
		if err := errors.Join(s.Post(), call.Wait()); err != nil {
			t.Fatal(err)
		}
		for s.TryWait() == nil {
		}
	}
}

// sleeping is whether a process waits in the kernel (proc_pid_stat(5)).
func sleeping(t *testing.T, pid int) bool {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	return strings.HasPrefix(string(stat[bytes.LastIndexByte(stat, ')'):]), ") S")
}

// Processes that meet at a new key all find its values: none of their changes is
// lost to a creator that sets them afterwards.
func TestSetCreateRace(t *testing.T) {
	const processes, rounds = 4, 200
	var keys []string
	for range rounds {
		keys = append(keys, fmt.Sprint(int(newKey())))
	}
	t.Cleanup(func() {
		for _, key := range keys {
			if set, err := findSet(key); err == nil {
				_ = set.Remove()
			}
		}
	})
	var children []*kithtest.Child
	for range processes {
		child := kithtest.Command(t, "joins", keys...).Start()
		children = append(children, child)
		if line, err := child.Hear(); err != nil {
			t.Fatal(line, err)
		}
	}
	for _, child := range children {
		if err := child.Say("go"); err != nil {
			t.Fatal(err)
		}
	}
	for _, child := range children {
		if err := child.Wait(); err != nil {
			t.Error(err)
		}
	}
	for _, key := range keys {
		set, err := findSet(key)
		if err != nil {
			t.Fatal(err)
		}
		wantValue(t, set, 0, 10+processes)
		wantValue(t, set, 1, 20+processes)
	}
}

// joins opens or makes the set of each key, and adds one to its values.
func joins(keys []string) error {
	kithtest.Say("ready")
	kithtest.Hear()
	for _, text := range keys {
		var key ipc.Key
		if _, err := fmt.Sscan(text, &key); err != nil {
			return err
		}
		set, err := sem.CreateSet(key, 0o600, 10, 20)
		if errors.Is(err, fs.ErrExist) {
			set, err = sem.OpenSet(context.Background(), key)
		}
		if err == nil {
			err = set.TryDo(sem.Op{Index: 0, Change: 1}, sem.Op{Index: 1, Change: 1})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// What a semaphore guards is no data race: the race detector is told.
func TestGuardsData(t *testing.T) {
	_, s := newSemaphore(t, 1)
	_, set := newSet(t, 1)
	for what, guard := range map[string]struct{ take, give func() error }{
		"Semaphore": {func() error { return s.Wait(t.Context()) }, s.Post},
		"Set": {
			func() error { return set.Do(t.Context(), sem.Op{Change: -1}) },
			func() error { return set.TryDo(sem.Op{Change: 1}) },
		},
	} {
		count := 0
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range 250 {
					err := guard.take()
					count++
					if err := errors.Join(err, guard.give()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if count != 1000 {
			t.Errorf("%s: counted %d", what, count)
		}
	}
}
