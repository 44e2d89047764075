package sem_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/ipc"
	"kith/sem"
)

func init() {
	kithtest.Register(map[string]kithtest.Func{"limits": limits, "stranger": stranger, "nobody": nobody})
}

func TestLargestValue(t *testing.T) {
	_, set := newSet(t, 32767)
	_, create := sem.CreateSet(newKey(), 0o600, 1, 32768)
	for _, err := range map[string]error{
		"Do":             set.Do(t.Context(), sem.Op{Change: 1}),
		"Do with Undo":   set.Do(t.Context(), sem.Op{Change: 1, Flags: sem.Undo}),
		"SetValue":       set.SetValue(0, 32768),
		"SetValue below": set.SetValue(0, -1),
		"SetValues":      set.SetValues(65536),
		"CreateSet":      create,
	} {
		wantLimit(t, err, "SEMVMX", 32767, unix.ERANGE)
	}
	wantValue(t, set, 0, 32767)
}

func TestLargestUndo(t *testing.T) {
	_, set := newSet(t, 0)
	for range 3 { // the value never gets large, but what is to be undone does
		if err := set.Do(t.Context(), sem.Op{Change: 10000, Flags: sem.Undo}, sem.Op{Change: -10000}); err != nil {
			t.Fatal(err)
		}
	}
	err := set.Do(t.Context(), sem.Op{Change: 10000, Flags: sem.Undo}, sem.Op{Change: -10000})
	wantLimit(t, err, "SEMAEM", 32767, unix.ERANGE)
	if err := set.SetValue(0, 0); err != nil { // or the end of this process would undo it all
		t.Fatal(err)
	}
}

// The machine's limits, in a namespace with small ones of its own.
func TestLimits(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	child := kithtest.Command(t, "limits")
	child.Cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWIPC}
	if err := child.Start().Wait(); err != nil {
		t.Error(err)
	}
}

// limits meets every one of them.
func limits([]string) error {
	const file = "/proc/sys/kernel/sem"
	if err := os.WriteFile(file, []byte("5 8 3 2"), 0); err != nil { // SEMMSL SEMMNS SEMOPM SEMMNI
		return err
	}
	_, large := sem.CreateSet(ipc.Private, 0o600, make([]int, 6)...)
	set, err := sem.CreateSet(ipc.Private, 0o600, make([]int, 5)...)
	if err != nil {
		return err
	}
	ops := set.Do(context.Background(), make([]sem.Op, 4)...)
	_, sum := sem.CreateSet(ipc.Private, 0o600, make([]int, 4)...)
	if _, err := sem.CreateSet(ipc.Private, 0o600, 1); err != nil {
		return err
	}
	_, third := sem.CreateSet(ipc.Private, 0o600, 1)
	return errors.Join(
		isLimit(large, "SEMMSL", 5, file+", field 1", unix.EINVAL),
		isLimit(sum, "SEMMNS", 8, file+", field 2", unix.ENOSPC),
		isLimit(ops, "SEMOPM", 3, file+", field 3", unix.E2BIG),
		isLimit(third, "SEMMNI", 2, file+", field 4", unix.ENOSPC),
	)
}

func isLimit(err error, name string, most int64, raise string, errno unix.Errno) error {
	limit, found := errors.AsType[*ipc.LimitError](err)
	if !found || limit.Limit != name || limit.Max != most || limit.Raise != raise || !errors.Is(err, errno) {
		return fmt.Errorf("%w, want the limit %s of %d, and %w", err, name, most, errno)
	}
	return nil
}

// Another user may do nothing with what is not theirs.
func TestStranger(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	name, _ := newSemaphore(t, 1)
	key, set := newSet(t, 1)
	asNobody(t, "stranger", name, fmt.Sprint(int(key)))
	wantValue(t, set, 0, 1)
}

func stranger(args []string) error {
	name := args[0]
	set, err := findSet(args[1])
	if err != nil {
		return err
	}
	_, open := sem.Open(name)
	_, create := sem.Create(name, 1, 0o600)
	_, value := set.Value(0)
	_, values := set.Values()
	_, stat := set.Stat()
	return errors.Join(
		is("Open", open, unix.EACCES),
		is("Create", create, unix.EEXIST),
		is("Unlink", sem.Unlink(name), unix.EACCES),
		is("Do", set.Do(context.Background(), sem.Op{Change: 1}), unix.EACCES),
		is("Value", value, unix.EACCES),
		is("Values", values, unix.EACCES),
		is("Stat", stat, unix.EACCES),
		is("SetValue", set.SetValue(0, 1), unix.EACCES),
		is("SetValues", set.SetValues(1), unix.EACCES),
		is("Chmod", set.Chmod(0o666), unix.EPERM),
		is("Chown", set.Chown(65534, 65534), unix.EPERM),
		is("Remove", set.Remove(), unix.EPERM),
	)
}

func is(what string, err error, want unix.Errno) error {
	if !errors.Is(err, want) {
		return fmt.Errorf("%s: %w, want %w", what, err, want)
	}
	return nil
}

// Whoever is not root can do everything with what is theirs.
func TestNobody(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	asNobody(t, "nobody", unlinked(t), fmt.Sprint(int(newKey())))
}

func nobody(args []string) error {
	name, ctx := args[0], context.Background()
	s, err := sem.Create(name, 0, 0o600)
	if err != nil {
		return err
	}
	var key int32
	if _, err := fmt.Sscan(args[1], &key); err != nil {
		return err
	}
	set, err := sem.CreateSet(ipc.Key(key), 0o600, 0)
	if err != nil {
		return err
	}
	defer set.Remove()
	blind, err := sem.CreateSet(ipc.Private, 0o200, 0) // not to be read, by its creator either
	if err != nil {
		return err
	}
	defer blind.Remove()
	waits := kithtest.Go(func() error { return errors.Join(s.Wait(ctx), set.Do(ctx, sem.Op{Change: -1, Flags: sem.Undo})) })
	err = errors.Join(waits.Parked(), s.Post(), set.Do(ctx, sem.Op{Change: 1, Flags: sem.Undo}), waits.Wait())
	ending, cancel := context.WithCancel(ctx)
	waits = kithtest.Go(func() error { return set.Do(ending, sem.Op{Change: -1}) })
	err = errors.Join(err, waits.Parked())
	cancel()
	if cancelled := waits.Wait(); !errors.Is(cancelled, context.Canceled) {
		err = errors.Join(err, cancelled)
	}
	return errors.Join(err, lockedOut(set), sem.Unlink(name))
}

// lockedOut takes its own permissions, and gets them back as the owner.
func lockedOut(set *sem.Set) error {
	err := set.Chmod(0)
	_, value := set.Value(0)
	return errors.Join(err, is("Value", value, unix.EACCES), set.Chmod(0o600), set.TryDo(sem.Op{}))
}

func asNobody(t *testing.T, name string, args ...string) {
	t.Helper()
	child := kithtest.Command(t, name, args...)
	child.Cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if err := child.Start().Wait(); err != nil {
		t.Error(err)
	}
}
