package kith_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith"
	"kith/internal/kithtest"
)

// enough is how many descriptors no single call needs.
const enough = 40

// withFew lets this process open only so many more descriptors while f runs.
func withFew(more int, f func() error) error {
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		return err
	}
	few := unix.Rlimit{Cur: uint64(lowestFree() + more), Max: was.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		return err
	}
	return errors.Join(f(), unix.Setrlimit(unix.RLIMIT_NOFILE, &was))
}

// lowestFree is the descriptor that the kernel would give next.
func lowestFree() int {
	fd, err := unix.Dup(0)
	if err != nil {
		return -1
	}
	_ = unix.Close(fd)
	return fd
}

// untilItWorks calls try with one descriptor more each time. It has to fail with
// EMFILE and the address until it works, and to leave nothing.
func untilItWorks(addr string, try func() error) error {
	for more := range enough {
		before := kithtest.Hold()
		var tried error
		if err := withFew(more, func() error { tried = try(); return nil }); err != nil {
			return err
		}
		if left := before.Left(); left != nil {
			return errors.Join(fmt.Errorf("with %d descriptors: %w", more, left), tried)
		}
		if tried == nil {
			if more == 0 {
				return errors.New("it needed no descriptor?")
			}
			kithtest.Say("done")
			return nil
		}
		if !errors.Is(tried, unix.EMFILE) || !strings.Contains(tried.Error(), where(addr)) {
			return fmt.Errorf("with %d descriptors: %w; want EMFILE with the address", more, tried)
		}
	}
	return errors.New("it never works")
}

func echo(conn *kith.Conn) error {
	ctx := context.Background()
	if err := conn.Send(ctx, []byte("still there")); err != nil {
		return err
	}
	_, err := conn.Receive(ctx)
	return err
}

// actWithFewDescriptors, in a child, dials or listens, and has a Conn that goes
// on meanwhile.
func actWithFewDescriptors(args []string) error {
	ctx := context.Background()
	verb, addr, other := args[0], args[1], args[2]
	conn, err := kith.Dial(ctx, other)
	if err != nil {
		return err
	}
	defer conn.Close()
	return untilItWorks(addr, func() error {
		var err error
		if verb == "dial" {
			var second *kith.Conn
			if second, err = kith.Dial(ctx, addr); err == nil {
				err = second.Close()
			}
		} else {
			var listener *kith.Listener
			if listener, err = kith.Listen(ctx, addr); err == nil {
				err = listener.Close()
			}
		}
		if going := echo(conn); going != nil {
			return fmt.Errorf("the other connection ended: %s", going.Error())
		}
		return err
	})
}

func finish(t *testing.T, child *kithtest.Child) {
	t.Helper()
	if heard, err := child.Hear(); heard != "done" {
		t.Errorf("%q, %v", heard, err)
	}
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
}

func TestDescriptorLimit(t *testing.T) {
	for _, scheme := range schemes {
		for _, verb := range []string{"dial", "listen"} {
			t.Run(scheme+" "+verb, func(t *testing.T) {
				directory := alone(t)
				listener := serving(t, at(scheme, directory))
				addr := listener.Addr()
				if verb == "listen" {
					addr = at(scheme, alone(t))
					if scheme == "tcp" {
						addr = "tcp:127.0.0.1:0"
					}
				}
				finish(t, kithtest.Command(t, "few descriptors", verb, addr, listener.Addr()).Start())
				if err := dial(t, listener.Addr()); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// acceptWithFew, in a child, listens, and accepts the one who comes with ever
// more descriptors to spare: Accept has to say what is lacking, each time.
func acceptWithFew(args []string) error {
	listener, err := kith.Listen(context.Background(), args[0])
	if err != nil {
		return err
	}
	defer listener.Close()
	kithtest.Say(listener.Addr())
	accept := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second) // only a failure takes so long
		defer cancel()
		conn, err := listener.Accept(ctx)
		if err == nil {
			err = conn.Close()
		}
		return err
	}
	for more := 0; ; more++ {
		var accepted error
		if err := withFew(more, func() error { kithtest.Say("dial"); accepted = accept(); return nil }); err != nil {
			return err
		}
		if accepted == nil {
			kithtest.Say("done")
			return nil
		}
		if !errors.Is(accepted, unix.EMFILE) || !strings.Contains(accepted.Error(), where(listener.Addr())) || more > enough {
			return fmt.Errorf("with %d descriptors: %w; want EMFILE with the address", more, accepted)
		}
	}
}

func TestDescriptorLimitOfAccept(t *testing.T) {
	for _, scheme := range schemes {
		t.Run(scheme, func(t *testing.T) {
			child := kithtest.Command(t, "accept with few", at(scheme, alone(t))).Start()
			addr, err := child.Hear()
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var calls []*kithtest.Call
			for {
				heard, err := child.Hear()
				if err != nil {
					t.Fatal(err)
				}
				if heard == "done" {
					break
				}
				calls = append(calls, kithtest.Go(func() error {
					conn, err := kith.Dial(ctx, addr)
					if err == nil {
						_ = conn.Close()
					}
					return err
				}))
			}
			cancel()
			for _, call := range calls { // the child may have refused, or left, but not kept anybody
				if err := call.Wait(); err != nil && !strings.Contains(err.Error(), where(addr)) {
					t.Errorf("a dialer was told %v", err)
				}
			}
			if err := child.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

// joinParentOnce, in a grandchild, joins its parent.
func joinParentOnce([]string) error {
	conn, err := kith.Parent(context.Background())
	if err == nil {
		err = conn.Close()
	}
	return err
}

func startWithFew(args []string) error {
	stdin, open, err := os.Pipe()
	if err != nil {
		return err
	}
	defer open.Close() // a child of kithtest ends with it
	return untilItWorks("fd:", func() error {
		cmd := exec.Command("/proc/self/exe")
		cmd.Stdin, cmd.Stderr = stdin, os.Stderr
		cmd.Stdout = os.Stderr
		cmd.Env = append(os.Environ(), "KITHTEST_CHILD=join parent")
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		conn, err := kith.StartAt(ctx, cmd, args[0])
		if err != nil {
			if cmd.Process != nil && cmd.ProcessState == nil {
				return errors.New("the process was left running")
			}
			return err
		}
		return errors.Join(conn.Close(), cmd.Wait())
	})
}

func TestDescriptorLimitOfStart(t *testing.T) {
	for _, addr := range []string{"fd:?via=shm&ring=4k", "fd:?via=socket"} {
		t.Run(addr, func(t *testing.T) {
			finish(t, kithtest.Command(t, "start with few", addr).Start())
		})
	}
}

// dialWithoutMappings, in a child, uses up its mappings but for a few, dials, and
// has one more to spare each time.
func dialWithoutMappings(args []string) error {
	debug.SetGCPercent(-1)
	ctx := context.Background()
	addr := args[0]
	for range 3 { // what the runtime needs of its own is there
		conn, err := kith.Dial(ctx, addr)
		if err != nil {
			return err
		}
		if err := conn.Close(); err != nil {
			return err
		}
	}
	text, err := os.ReadFile("/proc/sys/vm/max_map_count")
	if err != nil {
		return err
	}
	most, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	page := os.Getpagesize()
	filler, err := unix.Mmap(-1, 0, (2*most+4)*page, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return err
	}
	// Every second page is another mapping.
	split := func(i int) error { return unix.Mprotect(filler[(2*i+1)*page:(2*i+2)*page], unix.PROT_READ) }
	join := func(i int) error { return unix.Mprotect(filler[(2*i+1)*page:(2*i+2)*page], unix.PROT_NONE) }
	filled := 0
	for err = split(0); err == nil; err = split(filled) {
		filled++
	}
	failures := 0
	for range enough {
		conn, dialled := kith.Dial(ctx, addr)
		if dialled == nil {
			err := errors.Join(conn.Close(), unix.Munmap(filler))
			if failures == 0 {
				err = errors.Join(err, fmt.Errorf("it needed no mapping, of %d", filled))
			}
			kithtest.Say("done")
			return err
		}
		if !errors.Is(dialled, unix.ENOMEM) || !strings.Contains(dialled.Error(), where(addr)) {
			return fmt.Errorf("without mappings: %w; want ENOMEM with the address", dialled)
		}
		failures++
		if filled--; filled < 0 {
			return errors.New("nothing was filled")
		}
		if err := join(filled); err != nil {
			return err
		}
	}
	return errors.New("it never works")
}

func TestMappingLimit(t *testing.T) {
	listener := serving(t, at("shm", alone(t))+"?ring=4k")
	finish(t, kithtest.Command(t, "no mappings", listener.Addr()).Start())
	if err := dial(t, listener.Addr()); err != nil {
		t.Error(err)
	}
}

// limited dials with and without the limit that a child has set itself.
func limited(addr string, resource int, limit uint64, cause error) error {
	ctx := context.Background()
	debug.SetGCPercent(-1)
	before := kithtest.Hold()
	var was unix.Rlimit
	if err := unix.Getrlimit(resource, &was); err != nil {
		return err
	}
	if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: limit, Max: was.Max}); err != nil {
		return err
	}
	conn, err := kith.Dial(ctx, addr)
	if lifted := unix.Setrlimit(resource, &was); lifted != nil {
		return lifted
	}
	if err == nil {
		_ = conn.Close()
		return errors.New("the limit did nothing")
	}
	if !errors.Is(err, cause) || !strings.Contains(err.Error(), where(addr)) {
		return fmt.Errorf("%w; want %w with the address", err, cause)
	}
	if err := before.Left(); err != nil {
		return err
	}
	if conn, err = kith.Dial(ctx, addr); err == nil {
		err = conn.Close()
	}
	kithtest.Say("done")
	return err
}

func dialWithoutAddressSpace(args []string) error {
	status, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return err
	}
	pages, err := strconv.ParseUint(strings.Fields(string(status))[0], 10, 64)
	if err != nil {
		return err
	}
	return limited(args[0], unix.RLIMIT_AS, pages*uint64(os.Getpagesize())+96<<20, unix.ENOMEM)
}

// A file over the limit is a signal, SIGXFSZ, which kills a Go process: the limit
// has to be respected before the kernel is asked.
func dialWithSmallFiles(args []string) error {
	return limited(args[0], unix.RLIMIT_FSIZE, 1<<20, unix.EFBIG)
}

func TestMemoryLimits(t *testing.T) {
	listener := serving(t, at("shm", alone(t)))
	for _, name := range []string{"no address space", "small files"} {
		t.Run(name, func(t *testing.T) {
			finish(t, kithtest.Command(t, name, listener.Addr()+"?ring=64m").Start())
		})
	}
	if err := dial(t, listener.Addr()); err != nil {
		t.Error(err)
	}
}

// useFullFileSystem, in a child with mounts of its own, listens where nothing
// more can be made, and with ever more files to spare.
func useFullFileSystem(args []string) error {
	scheme, directory := args[0], args[1]
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	for inodes := 1; inodes < enough; inodes++ {
		if err := unix.Mount("tmpfs", directory, "tmpfs", 0, "size=64k,nr_inodes="+strconv.Itoa(inodes)); err != nil {
			return err
		}
		worked, err := listenInFull(scheme, directory)
		if err := errors.Join(err, unix.Unmount(directory, 0)); err != nil {
			return fmt.Errorf("with %d inodes: %w", inodes, err)
		}
		if worked {
			kithtest.Say("done")
			return nil
		}
	}
	return errors.New("it never works")
}

func listenInFull(scheme, directory string) (worked bool, err error) {
	before := kithtest.Hold(directory)
	sub := filepath.Join(directory, "sub")
	if err := os.Setenv("KITH_DIR", sub); err != nil {
		return false, err
	}
	listener, err := kith.Listen(context.Background(), scheme+":x")
	if err == nil {
		return true, listener.Close()
	}
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), sub) {
		return false, fmt.Errorf("%w; want ENOSPC with the path", err)
	}
	_ = os.Remove(sub) // which may have been made
	return false, before.Left()
}

func TestFullFileSystem(t *testing.T) {
	for _, scheme := range []string{"shm", "unix", "unixpacket", "fifo"} {
		t.Run(scheme, func(t *testing.T) {
			kithtest.NeedKernel(t, "mount")
			child := kithtest.Command(t, "full file system", scheme, alone(t))
			child.Cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
			finish(t, child.Start())
		})
	}
}
