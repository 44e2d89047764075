package death_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"kith"
	"kith/internal/kithtest"
)

// Without memory for a ring, Dial and Accept say so, and leave nothing; with memory, the
// next one works.

func TestMemoryOfGroup(t *testing.T) {
	group := kithtest.MemoryGroup(t)
	limit := func(bytes string) {
		if err := os.WriteFile(filepath.Join(group, "memory.limit_in_bytes"), []byte(bytes), 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, role := range roles {
		t.Run(role, func(t *testing.T) {
			limit("48m")
			starve(t, role, func(child *kithtest.Child) {
				pid := strconv.Itoa(child.Cmd.Process.Pid)
				if err := os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte(pid), 0); err != nil {
					t.Fatal(err)
				}
			}, func(*kithtest.Child) { limit("256m") })
		})
	}
}

func TestAddressSpace(t *testing.T) {
	for _, role := range roles {
		t.Run(role, func(t *testing.T) {
			var was unix.Rlimit
			starve(t, role, func(child *kithtest.Child) {
				pid := child.Cmd.Process.Pid
				most := unix.Rlimit{Cur: used(t, pid) + 96<<20, Max: unix.RLIM_INFINITY}
				if err := unix.Prlimit(pid, unix.RLIMIT_AS, &most, &was); err != nil {
					t.Fatal(err)
				}
			}, func(child *kithtest.Child) {
				if err := unix.Prlimit(child.Cmd.Process.Pid, unix.RLIMIT_AS, &was, nil); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// used is how much address space a process uses, in bytes.
func used(t *testing.T, pid int) uint64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseUint(strings.Fields(string(text))[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * uint64(os.Getpagesize())
}

// starve has a child meet us while it has no memory for its ring, and then again.
func starve(t *testing.T, role string, take, give func(*kithtest.Child)) {
	t.Helper()
	addr := "shm:" + filepath.Join(place(t), "x")
	var h *host
	if role == dialer {
		var err error
		if h, err = beHost(addr); err != nil {
			t.Fatal(err)
		}
	}
	child := kithtest.Command(t, "starved", role, addr+"?ring=64m").Start()
	hears(t, child, "ready")
	take(child)
	_ = child.Say("hungry")
	if role == listener {
		if err := call(addr); !errors.Is(err, unix.ENOMEM) {
			t.Errorf("who dials the hungry one is told %v", err)
		}
	}
	hears(t, child, "hungry")
	give(child)
	_ = child.Say("fed")
	if role == listener {
		if err := call(addr); err != nil {
			t.Error(err)
		}
	}
	hears(t, child, "fed")
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
	if h != nil {
		if err := h.close(); err != nil {
			t.Error(err)
		}
	}
}

func hears(t *testing.T, child *kithtest.Child, want string) {
	t.Helper()
	if heard, err := child.Hear(); heard != want {
		t.Fatalf("%q, not %q: %v", heard, want, err)
	}
}

// runStarved is a child: its side, and the address, with a ring for which it has no memory
// at first.
func runStarved(args []string) error {
	debug.SetGCPercent(-1)
	meet := func() error { return call(args[1]) }
	if args[0] == listener {
		l, err := kith.Listen(context.Background(), args[1])
		if err != nil {
			return err
		}
		defer l.Close()
		meet = func() error {
			conn, err := l.Accept(context.Background())
			if err == nil {
				err = echo(conn)
			}
			return err
		}
	}
	before := kithtest.Hold()
	kithtest.Say("ready")
	kithtest.Hear()
	err := meet()
	if !errors.Is(err, unix.ENOMEM) {
		return fmt.Errorf("%w; want ENOMEM", err)
	}
	if err := before.Left(); err != nil {
		return err
	}
	kithtest.Say("hungry")
	kithtest.Hear()
	if err := meet(); err != nil {
		return err
	}
	kithtest.Say("fed")
	return nil
}
