package lock_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/ipc"
	"kith/lock"
)

// solitary is a user of whom there is no other process.
var solitary = uint32(1_000_000 + os.Getpid())

// Where a process may have few threads, thousands who want to wait do not kill it.
func TestFewProcesses(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	for _, limit := range []int{40, 300} {
		path := lockedByUs(t)
		child := kithtest.Command(t, "many", path, "rlimit", strconv.Itoa(limit))
		child.Cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: solitary, Gid: solitary}}
		survives(t, &peer{child.Start(), t}, limit)
	}
}

// The same in a container, and beside another one there.
func TestFewThreadsInGroup(t *testing.T) {
	for _, limit := range []int{40, 300} {
		group := kithtest.PidsGroup(t, limit)
		first := &peer{kithtest.Command(t, "many", lockedByUs(t), "group", group).Start(), t}
		second := &peer{kithtest.Command(t, "many", lockedByUs(t), "group", group).Start(), t}
		survives(t, first, limit)
		survives(t, second, limit)
	}
}

func lockedByUs(t *testing.T) string {
	t.Helper()
	path := filepath.Join(directoryFor(t, 0o755), "lock")
	file := openFile(t, path, os.O_RDWR|os.O_CREATE)
	chmod(t, path, 0o666)
	l := take(t, lock.On(file, lock.Flock), lock.Exclusive)
	t.Cleanup(func() { unlock(t, l) })
	return path
}

// survives hears how many wait, with nobody killed, and lets them go.
func survives(t *testing.T, they *peer, limit int) {
	t.Helper()
	line, err := they.Hear()
	if err != nil {
		t.Fatal(err)
	}
	var waiting int
	if _, err := fmt.Sscanf(line, "%d wait", &waiting); err != nil || waiting < 1 || waiting > limit/2 {
		t.Errorf("%q, of whom %d threads may be", line, limit)
	}
	they.asks("ok", "cancel")
}

// many is a process with 3,000 who want to wait: a path, and how it is limited.
func many(args []string) error {
	if err := limitMe(args[1], args[2]); err != nil {
		return err
	}
	file, err := os.OpenFile(args[0], os.O_RDWR, 0)
	if err != nil {
		return err
	}
	const wanting = 3000
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var refused atomic.Int32
	ended := make(chan error, wanting)
	for range wanting {
		go func() {
			_, err := lock.On(file, lock.Flock).Lock(ctx, lock.Exclusive, lock.Whole)
			if _, typed := errors.AsType[*ipc.LimitError](err); typed && errors.Is(err, ipc.ErrTooManyWaiting) {
				refused.Add(1)
				return
			}
			ended <- err
		}()
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if err := kithtest.QueuedLeft(info, func() int { return wanting - int(refused.Load()) }); err != nil {
		return err
	}
	waiting := wanting - int(refused.Load())
	kithtest.Say(fmt.Sprintf("%d wait", waiting))
	kithtest.Hear()
	cancel()
	for range waiting {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			return err
		}
	}
	kithtest.Say("ok")
	select {} // so that its threads count until the test ends
}

func limitMe(how, value string) error {
	if how == "group" {
		return os.WriteFile(filepath.Join(value, "cgroup.procs"), []byte(strconv.Itoa(os.Getpid())), 0)
	}
	most, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		return err
	}
	return unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: most, Max: most})
}
