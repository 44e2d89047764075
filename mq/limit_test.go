package mq_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/ipc"
	"kith/mq"
)

const nobody = 65534

// isLimit reports how err is not that limit.
func isLimit(err error, errno error, name string, most int64) error {
	var limit *ipc.LimitError
	if !errors.As(err, &limit) || !errors.Is(err, errno) || limit.Limit != name || limit.Max != most || limit.Raise == "" {
		return fmt.Errorf("%w: want the limit %s of %d, %w", err, name, most, errno)
	}
	return nil
}

// The limits of the machine, in an IPC namespace of their own, where there is no
// /dev/mqueue, and for somebody whom they bind.
func TestMachineLimits(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	kithtest.NeedKernel(t, "mqueue")
	for _, name := range []string{"posix limits", "sysv limits"} {
		child := kithtest.Command(t, name)
		child.Cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWIPC}
		if err := child.Start().Wait(); err != nil {
			t.Error(err)
		}
	}
}

// become sets limits of this namespace, and then gives all privileges up.
func become(uid int, limits map[string]int) error {
	for file, value := range limits {
		if err := os.WriteFile("/proc/sys/"+file, []byte(strconv.Itoa(value)), 0); err != nil {
			return err
		}
	}
	return syscall.Setuid(uid)
}

func posixLimits([]string) error {
	const limits = "fs/mqueue/"
	if err := become(nobody, map[string]int{limits + "queues_max": 2, limits + "msg_max": 7, limits + "msgsize_max": 300}); err != nil {
		return err
	}
	creates := func(messages, size int) error {
		_, err := mq.Create("/x", 0o600, mq.Attributes{Messages: messages, Size: size})
		return err
	}
	return errors.Join(
		isLimit(creates(8, 1), unix.EINVAL, "msg_max", 7),
		isLimit(creates(1, 301), unix.EINVAL, "msgsize_max", 300),
		with(unix.RLIMIT_MSGQUEUE, 1000, func() error {
			return isLimit(creates(7, 300), unix.EMFILE, "RLIMIT_MSGQUEUE", 1000)
		}),
		with(unix.RLIMIT_NOFILE, 3, func() error {
			_, err := mq.Open("/x", os.O_RDONLY)
			return errors.Join(
				isLimit(creates(7, 300), unix.EMFILE, "RLIMIT_NOFILE", 3),
				isLimit(err, unix.EMFILE, "RLIMIT_NOFILE", 3))
		}),
		creates(7, 300),
		is(creates(7, 300), unix.EEXIST),
		func() error { _, err := mq.Create("/y", 0, mq.Attributes{}); return err }(),
		func() error {
			_, err := mq.Create("/z", 0, mq.Attributes{})
			return isLimit(err, unix.ENOSPC, "queues_max", 2)
		}(),
	)
}

// with runs f under a lower limit.
func with(resource int, most uint64, f func() error) error {
	var old unix.Rlimit
	if err := unix.Getrlimit(resource, &old); err != nil {
		return err
	}
	if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: most, Max: old.Max}); err != nil {
		return err
	}
	return errors.Join(f(), unix.Setrlimit(resource, &old))
}

func is(got, want error) error {
	if !errors.Is(got, want) {
		return fmt.Errorf("%w, want %w", got, want)
	}
	return nil
}

func sysvLimits([]string) error {
	if err := become(nobody, map[string]int{"kernel/msgmni": 2, "kernel/msgmax": 100, "kernel/msgmnb": 200}); err != nil {
		return err
	}
	q, err := mq.CreateSysV(1, 0o600)
	if err != nil {
		return err
	}
	_, second := mq.CreateSysV(ipc.Private, 0o600)
	_, third := mq.CreateSysV(ipc.Private, 0o600)
	_, again := mq.CreateSysV(1, 0o600)
	ctx := context.Background()
	err = errors.Join(
		second, isLimit(third, unix.ENOSPC, "MSGMNI", 2), is(again, unix.EEXIST),
		q.TrySend(make([]byte, 100), 1),
		isLimit(q.TrySend(make([]byte, 101), 1), unix.EINVAL, "MSGMAX", 100),
		isLimit(q.SetMaxBytes(201), unix.EPERM, "MSGMNB", 200),
		q.TrySend(make([]byte, 100), 1),
		is(q.TrySend(make([]byte, 1), 1), mq.ErrFull),
		q.SetMaxBytes(50),
		isLimit(q.Send(ctx, make([]byte, 51), 1), unix.EAGAIN, "msg_qbytes", 50),
		is(q.TrySend(make([]byte, 50), 1), mq.ErrFull),
	)
	if tooLong := q.TrySend(make([]byte, 51), 1); errors.Is(tooLong, mq.ErrFull) {
		err = errors.Join(err, errors.New("a message that will never fit is told to wait"))
	}
	return err
}

// Another user is kept out, or in, as the mode says, and can see how a System V
// queue is.
func TestOtherUser(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	name := freshName(t)
	q, err := mq.Create(name, 0o602, mq.Attributes{Messages: 2, Size: 8})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	sysv, key := createSysV(t)
	child := kithtest.Command(t, "other user", name, strconv.Itoa(int(key)))
	child.Cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	child.Start()
	keptOut := func() {
		t.Helper()
		if said, err := child.Hear(); said != "kept out" {
			t.Fatal(said, err)
		}
	}
	keptOut()
	if got := receive(t, q); got != "0 let in" {
		t.Errorf("received %q", got)
	}
	if err := errors.Join(sysv.Chmod(0o602), child.Say("go on")); err != nil {
		t.Fatal(err)
	}
	keptOut()
	if got := receiveSysV(t, sysv, mq.Selection{}); got != "1 let in" {
		t.Errorf("received %q", got)
	}
	if err := sysv.Chown(nobody, nobody); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(child.Say("go on"), child.Wait()); err != nil {
		t.Fatal(err)
	}
	if _, err := sysv.Stat(); !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EIDRM) {
		t.Errorf("the new owner has removed it: %v", err)
	}
}

func otherUser(args []string) error {
	_, reading := mq.Open(args[0], os.O_RDONLY)
	_, both := mq.Open(args[0], os.O_RDWR)
	err := errors.Join(is(reading, unix.EACCES), is(both, unix.EACCES), is(mq.Unlink(args[0]), unix.EACCES))
	sender, opening := mq.Open(args[0], os.O_WRONLY)
	if err := errors.Join(err, opening); err != nil {
		return err
	}
	key, _ := strconv.Atoi(args[1])
	sysv, err := mq.OpenSysV(ipc.Key(key))
	if err != nil {
		return err
	}
	err = errors.Join(sender.TrySend([]byte("let in"), 0), is(sysv.TrySend(nil, 1), unix.EACCES), keptOut(sysv))
	if err != nil {
		return err
	}
	kithtest.Say("kept out")
	kithtest.Hear()
	if err := errors.Join(sysv.TrySend([]byte("let in"), 1), keptOut(sysv)); err != nil {
		return err
	}
	kithtest.Say("kept out")
	kithtest.Hear()
	return errors.Join(sysv.Chmod(0o600), sysv.Remove())
}

// keptOut makes sure that a queue's messages cannot be had.
func keptOut(q *mq.SysV) error {
	_, _, receiving := q.TryReceive(mq.Selection{}, make([]byte, 8))
	_, _, peeking := q.Peek(0, make([]byte, 8))
	_, stating := q.Stat()
	err := errors.Join(is(receiving, unix.EACCES), is(peeking, unix.EACCES), stating)
	for _, setting := range []error{q.Chmod(0o666), q.Chown(nobody, nobody), q.SetMaxBytes(1 << 30), q.Remove()} {
		err = errors.Join(err, is(setting, unix.EPERM))
		if strings.Contains(setting.Error(), "MSGMNB") {
			err = errors.Join(err, fmt.Errorf("%w, where no limit stands in the way", setting))
		}
	}
	return err
}
