package shm_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/ipc"
	"kith/shm"
)

const nobody = 65534

// asNobody runs a Func of this binary as another user. Its directory is one that
// this user reaches.
func asNobody(t *testing.T, name string, args ...string) *kithtest.Child {
	t.Helper()
	kithtest.NeedKernel(t, "root")
	child := kithtest.Command(t, name, args...)
	child.Cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	child.Cmd.Dir = "/"
	return child
}

// open to all, and in the open: where another user gets to.
func public(t *testing.T) string {
	directory, err := os.MkdirTemp("", "kith")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	if err := os.Chmod(directory, 0o777|fs.ModeSticky); err != nil { // as /dev/shm
		t.Fatal(err)
	}
	return directory
}

// What a mode does not admit is EACCES, what only owners may is EPERM.
func TestOtherUsersAreRefused(t *testing.T) {
	key := ipc.Key(0x6b<<24 | unused())
	sysv := segment(t)(shm.CreateSysV(key, size, 0o600))
	t.Cleanup(func() { _ = sysv.ID().Remove() })
	p, f := posix(t), fileIn(public(t))
	_ = segment(t)(p.create(size, 0o600))
	_ = segment(t)(f.create(size, 0o600))
	child := asNobody(t, "refused", sysv.ID().String(), p.name, f.name, strconv.Itoa(int(key)))
	if err := child.Start().Wait(); err != nil {
		t.Error(err)
	}
}

func refusedChild(args []string) error {
	number, _ := strconv.Atoi(args[0])
	key, _ := strconv.Atoi(args[3])
	id := shm.ID(number)
	_, stat := id.Stat()
	var all []error
	for what, err := range map[string][2]error{
		"attach":         {drop(id.Attach(shm.ReadOnly)), unix.EACCES},
		"by key":         {drop(shm.OpenSysV(ipc.Key(key), shm.ReadWrite)), unix.EACCES},
		"open or create": {either(shm.OpenOrCreateSysV(ipc.Key(key), size, 0o600)), unix.EACCES},
		"stat":           {stat, unix.EACCES},
		"remove":         {id.Remove(), unix.EPERM},
		"chmod":          {id.Chmod(0o666), unix.EACCES},
		"lock":           {id.Lock(), unix.EPERM},
		"unlock":         {id.Unlock(), unix.EPERM},
		"POSIX":          {drop(shm.OpenPOSIX(args[1], shm.ReadOnly)), unix.EACCES},
		"POSIX, either":  {either(shm.OpenOrCreatePOSIX(args[1], size, 0o600)), unix.EACCES},
		"POSIX, unlink":  {shm.UnlinkPOSIX(args[1]), unix.EACCES},
		"file":           {drop(shm.OpenFile(args[2], shm.ReadOnly)), unix.EACCES},
		"file, either":   {either(shm.OpenOrCreateFile(args[2], size, 0o600)), unix.EACCES},
		"file, no right": {drop(shm.CreateFile("/kith-test", size, 0o600)), unix.EACCES},
	} {
		if !errors.Is(err[0], err[1]) {
			all = append(all, fmt.Errorf("%s: %w, want %w", what, err[0], err[1]))
		}
	}
	return errors.Join(all...)
}

// Who may read only attaches to read only (SHM_RDONLY).
func TestOtherUsersRead(t *testing.T) {
	key := ipc.Key(0x6b<<24 | unused())
	sysv := segment(t)(shm.CreateSysV(key, size, 0o644))
	t.Cleanup(func() { _ = sysv.ID().Remove() })
	p, f := posix(t), fileIn(public(t))
	for _, s := range []*shm.Segment{sysv, segment(t)(p.create(size, 0o644)), segment(t)(f.create(size, 0o644))} {
		write(t, s, 0, "to all")
	}
	child := asNobody(t, "reads", strconv.Itoa(int(key)), p.name, f.name)
	if err := child.Start().Wait(); err != nil {
		t.Error(err)
	}
}

func readsChild(args []string) error {
	key, _ := strconv.Atoi(args[0])
	for _, open := range []func(shm.Access) (*shm.Segment, error){
		func(a shm.Access) (*shm.Segment, error) { return shm.OpenSysV(ipc.Key(key), a) },
		func(a shm.Access) (*shm.Segment, error) { return shm.OpenPOSIX(args[1], a) },
		func(a shm.Access) (*shm.Segment, error) { return shm.OpenFile(args[2], a) },
	} {
		if err := drop(open(shm.ReadWrite)); !errors.Is(err, unix.EACCES) {
			return fmt.Errorf("to write: %w", err)
		}
		s, err := open(shm.ReadOnly)
		if err != nil {
			return err
		}
		text := make([]byte, 6)
		if _, err := s.ReadAt(text, 0); err != nil || string(text) != "to all" {
			return fmt.Errorf("read %q, %w", text, err)
		}
	}
	return nil
}

// What the mode admits is opened, another user's in a sticky directory too, and
// says whose it is; chmod and remove are still its owner's.
func TestOtherUsersAreAdmitted(t *testing.T) {
	key := ipc.Key(0x6b<<24 | unused())
	sysv := segment(t)(shm.CreateSysV(key, size, 0o666))
	t.Cleanup(func() { _ = sysv.ID().Remove() })
	p, f := posix(t), fileIn(public(t))
	shared := []*shm.Segment{sysv, segment(t)(p.create(size, 0o666)), segment(t)(f.create(size, 0o666))}
	child := asNobody(t, "admitted", strconv.Itoa(int(key)), p.name, f.name)
	if err := child.Start().Wait(); err != nil {
		t.Error(err)
	}
	for _, s := range shared {
		if got := read(t, s, 0, 6); got != "nobody" {
			t.Errorf("%v: %q", s.Kind(), got)
		}
	}
}

func admittedChild(args []string) error {
	key, _ := strconv.Atoi(args[0])
	a, created1, err1 := shm.OpenOrCreateSysV(ipc.Key(key), size, 0o600)
	b, created2, err2 := shm.OpenOrCreatePOSIX(args[1], size, 0o600)
	c, created3, err3 := shm.OpenOrCreateFile(args[2], size, 0o600)
	if err := errors.Join(err1, err2, err3); err != nil || created1 || created2 || created3 {
		return fmt.Errorf("created: %v %v %v, %w", created1, created2, created3, err)
	}
	for _, s := range []*shm.Segment{a, b, c} {
		_, err := s.WriteAt([]byte("nobody"), 0)
		stat, err2 := s.Stat()
		if err := errors.Join(err, err2); err != nil || stat.UID != 0 || stat.Mode != 0o666 {
			return fmt.Errorf("%+v, %w", stat, err)
		}
		if err := s.Remove(); !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EACCES) {
			return fmt.Errorf("%v: removed: %w", s.Kind(), err)
		}
	}
	if err := a.ID().Chmod(0o600); !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("chmod: %w", err)
	}
	return nil
}

// With fs.protected_regular, O_CREAT on another user's file in a sticky
// directory is EACCES: it is opened without.
func TestProtectedRegular(t *testing.T) {
	const setting = "/proc/sys/fs/protected_regular"
	kithtest.NeedKernel(t, "root")
	before, err := os.ReadFile(setting)
	if err == nil {
		err = os.WriteFile(setting, []byte("2"), 0)
	}
	if err != nil { // in a container: then there is nothing to get around
		t.Logf("not to be set here: %v", err)
		return
	}
	t.Cleanup(func() { _ = os.WriteFile(setting, before, 0) })
	f := fileIn(public(t))
	s := segment(t)(f.create(size, 0o666))
	if err := os.Chown(f.name, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	if file, err := os.OpenFile(f.name, os.O_RDWR|os.O_CREATE, 0); !errors.Is(err, unix.EACCES) {
		_ = file.Close()
		t.Fatalf("the kernel does not protect: %v", err)
	}
	if err := either(f.either(size, 0o600)); err != nil {
		t.Error(err)
	}
	_ = s.Close()
}

// A user without rights does everything for itself.
func TestUnprivileged(t *testing.T) {
	child := asNobody(t, "unprivileged", strconv.Itoa(unused()), fileIn(public(t)).name)
	if err := child.Start().Wait(); err != nil {
		t.Error(err)
	}
}

func unprivilegedChild(args []string) error {
	number, _ := strconv.Atoi(args[0])
	name := "kith-test-" + args[0]
	for _, mode := range []fs.FileMode{0o600, 0o444, 0} {
		a, err1 := shm.CreateSysV(ipc.Key(0x6b<<24|number), size, mode)
		b, err2 := shm.CreatePOSIX(name, size, mode)
		c, err3 := shm.CreateFile(args[1], size, mode)
		d, err4 := shm.CreateMemfd(name, size)
		if err := errors.Join(err1, err2, err3, err4); err != nil {
			return err
		}
		for _, s := range []*shm.Segment{a, b, c, d} {
			if _, err := s.WriteAt([]byte("x"), size-1); err != nil {
				return err
			}
		}
		if err := errors.Join(a.ID().Lock(), a.ID().Unlock()); err != nil {
			return err
		}
		if err := errors.Join(a.Remove(), b.Remove(), c.Remove(), d.Close()); err != nil {
			return err
		}
	}
	return nil
}

// IPC_SET and SHM_LOCK.
func TestSysVOwners(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	s := segment(t)(shm.CreateSysV(ipc.Private, size, 0o640))
	defer func() { _ = s.Remove() }()
	id := s.ID()
	if err := errors.Join(id.Chmod(0o604), id.Chown(nobody, 7), id.Lock()); err != nil {
		t.Fatal(err)
	}
	stat, err := id.Stat()
	want := ipc.Perm{UID: nobody, GID: 7, CreatorUID: uint32(os.Getuid()), CreatorGID: uint32(os.Getgid()), Mode: 0o604}
	if err != nil || stat.Perm != want || !stat.Locked || stat.Destroyed || stat.ID != id {
		t.Errorf("%+v, %v", stat, err)
	}
	if stat.Size != size || stat.Attached != 1 || stat.CreatorPID != os.Getpid() || stat.LastPID != os.Getpid() ||
		stat.AttachTime.IsZero() || !stat.DetachTime.IsZero() || stat.ChangeTime.IsZero() {
		t.Errorf("%+v", stat)
	}
	if err := id.Unlock(); err != nil {
		t.Error(err)
	}
	if stat, err := id.Stat(); err != nil || stat.Locked {
		t.Errorf("%+v, %v", stat, err)
	}
}
