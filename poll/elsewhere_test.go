package poll_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/poll"
)

// watch, a child, waits for descriptor 3 in a set of each backend.
func watch([]string) error {
	source := os.NewFile(3, "source")
	for _, backend := range poll.Backends() {
		set, err := poll.New(backend)
		if err != nil {
			return err
		}
		if _, err := set.Add(source, poll.Readable, poll.Level); err != nil {
			return err
		}
		events := make([]poll.Event, 2)
		call := kithtest.Go(func() error {
			n, err := set.Wait(context.Background(), events)
			if n != 1 || events[0].Ready&poll.Readable == 0 {
				err = errors.Join(err, fmt.Errorf("%d events, %v", n, events[0].Ready))
			}
			return err
		})
		if backend == poll.Epoll { // the others find it ready
			if err := call.Parked(); err != nil {
				return err
			}
			kithtest.Say("waits")
		}
		if err := errors.Join(call.Wait(), set.Close()); err != nil {
			return err
		}
	}
	return nil
}

// Somebody without rights, and somebody in another PID namespace, wait for sources that
// they were handed: also for a process which they cannot name.
func TestElsewhere(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	for who, attributes := range map[string]*syscall.SysProcAttr{
		"nobody":        {Credential: &syscall.Credential{Uid: nobody, Gid: nobody}},
		"PID namespace": {Cloneflags: syscall.CLONE_NEWPID},
	} {
		t.Run(who, func(t *testing.T) {
			p := peer{kithtest.C(t, "testdata/peer.c").Start()}
			process, err := unix.PidfdOpen(p.Cmd.Process.Pid, unix.PIDFD_NONBLOCK)
			counter := eventfd(t)
			watches(t, attributes, file(t, "pidfd", process, err), p.Kill)
			watches(t, attributes, counter, func() { _, _ = counter.Write([]byte{1, 0, 0, 0, 0, 0, 0, 0}) })
		})
	}
}

const nobody = 65534

func watches(t *testing.T, attributes *syscall.SysProcAttr, source *os.File, ready func()) {
	t.Helper()
	child := kithtest.Command(t, "watch")
	child.Cmd.SysProcAttr, child.Cmd.ExtraFiles = attributes, []*os.File{source}
	child.Start()
	hears(t, child, "waits")
	ready()
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
}

// A process of another PID namespace than ours, its first, ends.
func TestProcessOfAnotherNamespace(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	for _, backend := range poll.Backends() {
		set, pidfd := only(t, backend), -1
		p := peer{kithtest.C(t, "testdata/peer.c")}
		p.Cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, PidFD: &pidfd}
		p.Start()
		registration := add(t, set, file(t, "pidfd", pidfd, nil), poll.Readable, poll.Level)
		waiting := waits(t, set)
		if err := p.Say("exit"); err != nil {
			t.Fatal(err)
		}
		waiting.returns(t, poll.Event{Registration: registration, Ready: poll.Readable})
	}
}
