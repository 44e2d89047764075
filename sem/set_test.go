package sem_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/ipc"
	"kith/sem"
)

func wantLimit(t testing.TB, err error, name string, most int64, errno unix.Errno) {
	t.Helper()
	limit, found := errors.AsType[*ipc.LimitError](err)
	if !found || limit.Limit != name || limit.Max != most || limit.Raise == "" || !errors.Is(err, errno) {
		t.Errorf("%v, want the limit %s of %d, and %v", err, name, most, errno)
	}
}

func syscallError(err error) bool {
	_, found := errors.AsType[*os.SyscallError](err)
	return found
}

func TestSeveralAtOnce(t *testing.T) {
	_, set := newSet(t, 3, 0, 1)
	all := []sem.Op{{Index: 0, Change: -2}, {Index: 1, Change: 0}, {Index: 2, Change: -1}}
	if err := set.Do(t.Context(), all...); err != nil {
		t.Fatal(err)
	}
	err := set.TryDo(all...)
	if !errors.Is(err, sem.ErrBusy) || !errors.Is(err, unix.EAGAIN) || !syscallError(err) {
		t.Errorf("again: %v, want ErrBusy", err)
	}
	if values, err := set.Values(); !slices.Equal(values, []int{1, 0, 0}) || err != nil {
		t.Errorf("%v, %v", values, err)
	}
	call := kithtest.Go(func() error { return set.Do(t.Context(), all...) })
	waiting(t, set, 0, 1) // for the first in the way
	if err := set.Do(t.Context(), sem.Op{Index: 2, Change: 1}); err != nil {
		t.Fatal(err)
	}
	waiting(t, set, 0, 1)
	wantValue(t, set, 2, 1) // nothing is done before all can be
	if err := set.Do(t.Context(), sem.Op{Index: 0, Change: 1}); err != nil {
		t.Fatal(err)
	}
	if err := call.Wait(); err != nil {
		t.Error(err)
	}
	if values, err := set.Values(); !slices.Equal(values, []int{0, 0, 0}) || err != nil {
		t.Errorf("%v, %v", values, err)
	}
}

func TestManyAtOnce(t *testing.T) {
	values := make([]int, 300)
	_, set := newSet(t, values...)
	ops := make([]sem.Op, len(values))
	for i := range ops {
		ops[i] = sem.Op{Index: uint16(i), Change: int16(i)}
		values[i] = i
	}
	if err := set.Do(t.Context(), ops...); err != nil {
		t.Fatal(err)
	}
	if got, err := set.Values(); !slices.Equal(got, values) || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

func TestWaitForZero(t *testing.T) {
	_, set := newSet(t, 2)
	call := kithtest.Go(func() error { return set.Do(t.Context(), sem.Op{}) })
	until(t, "one waits for zero", func() bool { _, zero, _ := set.Waiters(0); return zero == 1 })
	if err := set.TryDo(sem.Op{}); !errors.Is(err, sem.ErrBusy) {
		t.Error(err)
	}
	if err := errors.Join(set.Do(t.Context(), sem.Op{Change: -2}), call.Wait()); err != nil {
		t.Error(err)
	}
}

// An operation's own NoWait is final, one of another's is not.
func TestNoWait(t *testing.T) {
	_, set := newSet(t, 0, 1)
	empty, full := sem.Op{Index: 0, Change: -1}, sem.Op{Index: 1, Change: -1}
	hasty := func(op sem.Op) sem.Op { op.Flags |= sem.NoWait; return op }
	for _, ops := range [][]sem.Op{{hasty(empty)}, {hasty(full), hasty(empty)}, {full, hasty(empty)}} {
		if err := set.Do(t.Context(), ops...); !errors.Is(err, sem.ErrBusy) {
			t.Errorf("%v: %v, want ErrBusy", ops, err)
		}
	}
	call := kithtest.Go(func() error { return set.Do(t.Context(), hasty(full), empty) })
	waiting(t, set, 0, 1)
	if err := errors.Join(set.TryDo(sem.Op{Change: 1}), call.Wait()); err != nil {
		t.Error(err)
	}
}

func TestDoIsCancelled(t *testing.T) {
	_, set := newSet(t, 0)
	before := kithtest.Hold()
	why := errors.New("no longer needed")
	ctx, cancel := context.WithCancelCause(t.Context())
	call := kithtest.Go(func() error { return set.Do(ctx, sem.Op{Change: -1}) })
	waiting(t, set, 0, 1)
	cancel(why)
	if err := call.Wait(); !errors.Is(err, why) || !syscallError(err) {
		t.Error(err)
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
	waiting(t, set, 0, 0)
	if err := set.Do(ctx, sem.Op{Change: 1}); !errors.Is(err, why) {
		t.Errorf("with a context that has ended: %v", err)
	}
	wantValue(t, set, 0, 0)
}

// The cause is what the caller made it, though it be an errno that means
// something to a semaphore too.
func TestCauseIsAnErrno(t *testing.T) {
	_, set := newSet(t, 0)
	s, err := sem.Init(make([]byte, sem.Size), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, errno := range []unix.Errno{unix.EAGAIN, unix.EIDRM, unix.ERANGE, unix.E2BIG, unix.EFAULT, unix.EINTR} {
		cause := fmt.Errorf("the caller's: %w", errno)
		for what, wait := range map[string]func(context.Context) error{
			"Do":   func(ctx context.Context) error { return set.Do(ctx, sem.Op{Change: -1}) },
			"Wait": s.Wait,
		} {
			ctx, cancel := context.WithCancelCause(t.Context())
			call := kithtest.Go(func() error { return wait(ctx) })
			if err := call.Parked(); err != nil {
				t.Fatal(err)
			}
			cancel(cause)
			if err := call.Wait(); !errors.Is(err, cause) {
				t.Errorf("%s: %v, want %v", what, err, cause)
			}
		}
	}
}

func TestRemovedUnderWaiters(t *testing.T) {
	_, set := newSet(t, 0)
	call := kithtest.Go(func() error { return set.Do(t.Context(), sem.Op{Change: -1}) })
	waiting(t, set, 0, 1)
	if err := set.Remove(); err != nil {
		t.Fatal(err)
	}
	if err := call.Wait(); !errors.Is(err, sem.ErrRemoved) || !errors.Is(err, unix.EIDRM) {
		t.Errorf("%v, want ErrRemoved", err)
	}
	_, value := set.Value(0)
	_, values := set.Values()
	_, _, waiters := set.Waiters(0)
	_, last := set.LastPID(0)
	_, stat := set.Stat()
	for what, err := range map[string]error{
		"Do": set.Do(t.Context(), sem.Op{Change: 1}), "TryDo": set.TryDo(sem.Op{Change: 1}), "Value": value, "Values": values,
		"Waiters": waiters, "LastPID": last, "Stat": stat, "SetValue": set.SetValue(0, 1), "SetValues": set.SetValues(1),
		"Chmod": set.Chmod(0o600), "Chown": set.Chown(0, 0), "Remove": set.Remove(),
	} {
		if !errors.Is(err, unix.EINVAL) || !syscallError(err) {
			t.Errorf("%s of a set that is gone: %v, want EINVAL", what, err)
		}
	}
}

func TestSetRefuses(t *testing.T) {
	key, set := newSet(t, 1, 2)
	_, value := set.Value(2)
	_, exists := sem.CreateSet(key, 0o600, 1)
	_, empty := sem.CreateSet(newKey(), 0o600)
	_, none := sem.FindSet(newKey())
	_, noneEither := sem.OpenSet(t.Context(), newKey())
	_, private := sem.FindSet(ipc.Private)
	for what, failed := range map[string]struct {
		err  error
		want unix.Errno
	}{
		"an index beyond, in Do":    {set.TryDo(sem.Op{Index: 2, Change: 1}), unix.EFBIG},
		"an index beyond, in Value": {value, unix.EINVAL},
		"an index below":            {set.SetValue(-1, 1), unix.EINVAL},
		"no operation":              {set.TryDo(), unix.EINVAL},
		"too few values":            {set.SetValues(1), unix.EINVAL},
		"too many values":           {set.SetValues(1, 2, 3), unix.EINVAL},
		"a key that is taken":       {exists, unix.EEXIST},
		"a set without a value":     {empty, unix.EINVAL},
		"a key that nobody has":     {none, unix.ENOENT},
		"nobody's key, with a wait": {noneEither, unix.ENOENT},
		"no key":                    {private, unix.ENOENT},
		"no user":                   {set.Chown(1<<32-1, 0), unix.EINVAL},
	} {
		if !errors.Is(failed.err, failed.want) || !syscallError(failed.err) && !pathError(failed.err) {
			t.Errorf("%s: %v, want %v", what, failed.err, failed.want)
		}
		if limit, found := errors.AsType[*ipc.LimitError](failed.err); found {
			t.Errorf("%s: the limit %v", what, limit)
		}
	}
	if values, err := set.Values(); !slices.Equal(values, []int{1, 2}) || err != nil {
		t.Errorf("it has %v, %v", values, err)
	}
}

// Undo belongs to the process: it outlives the threads that waited for it.
func TestUndoOutlivesThreads(t *testing.T) {
	const all = 50
	_, set := newSet(t, 0)
	before := kithtest.Hold()
	calls := make([]*kithtest.Call, all)
	for i := range calls {
		calls[i] = kithtest.Go(func() error { return set.Do(t.Context(), sem.Op{Change: -1, Flags: sem.Undo}) })
	}
	waiting(t, set, 0, all)
	if err := set.Do(t.Context(), sem.Op{Change: all}); err != nil {
		t.Fatal(err)
	}
	for _, call := range calls {
		if err := call.Wait(); err != nil {
			t.Error(err)
		}
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
	wantValue(t, set, 0, 0)
}

func TestSetStat(t *testing.T) {
	key, set := newSet(t, 1, 2, 3)
	if err := errors.Join(set.Chmod(0o640), set.Chown(12, 34)); err != nil {
		t.Fatal(err)
	}
	stat, err := set.Stat()
	if err != nil {
		t.Fatal(err)
	}
	want := ipc.Perm{Key: key, UID: 12, GID: 34, CreatorUID: uint32(os.Geteuid()), CreatorGID: uint32(os.Getegid()), Mode: 0o640}
	if stat.Perm != want || stat.Number != 3 || stat.Operation.IsZero() || stat.Change.IsZero() {
		t.Errorf("%+v, want %+v", stat, want)
	}
	if pid, err := set.LastPID(0); pid != os.Getpid() || err != nil {
		t.Errorf("last was %d, %v", pid, err)
	}
}

func TestSetByID(t *testing.T) {
	set, err := sem.CreateSet(ipc.Private, 0o600, 7)
	if err != nil {
		t.Fatal(err)
	}
	defer set.Remove()
	wantValue(t, sem.SetByID(set.ID()), 0, 7)
	if err := sem.SetByID(-1).TryDo(sem.Op{}); !errors.Is(err, unix.EINVAL) {
		t.Error(err)
	}
}
