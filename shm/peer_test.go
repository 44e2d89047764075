package shm_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/ipc"
	"kith/shm"
)

// An object is a name of one kind, which nobody else uses.
type object struct {
	kind   string // as the peers call it
	name   string
	create func(size int64, mode fs.FileMode) (*shm.Segment, error)
	open   func(access shm.Access) (*shm.Segment, error)
	either func(size int64, mode fs.FileMode) (*shm.Segment, bool, error)
	remove func() error
}

var names atomic.Int32

// unused is a number of this process that was not used before.
func unused() int { return os.Getpid()<<8&0xffffff | int(names.Add(1)) }

// segmentsLeft says which POSIX segments of this process's tests there still are.
func segmentsLeft() error {
	left, err := filepath.Glob(fmt.Sprintf("/dev/shm/kith-test-%d-*", os.Getpid()))
	if len(left) > 0 {
		err = fmt.Errorf("left behind: %q", left)
	}
	return err
}

func sysv(t testing.TB) object {
	key := ipc.Key(0x6b<<24 | unused())
	remove := func() error {
		id, err := shm.FindSysV(key)
		if err == nil {
			err = id.Remove()
		}
		return err
	}
	t.Cleanup(func() { _ = remove() })
	return object{
		"sysv", key.String(),
		func(size int64, mode fs.FileMode) (*shm.Segment, error) { return shm.CreateSysV(key, size, mode) },
		func(access shm.Access) (*shm.Segment, error) { return shm.OpenSysV(key, access) },
		func(size int64, mode fs.FileMode) (*shm.Segment, bool, error) {
			return shm.OpenOrCreateSysV(key, size, mode)
		},
		remove,
	}
}

func posix(t testing.TB) object {
	name := fmt.Sprintf("/kith-test-%d-%d", os.Getpid(), unused())
	remove := func() error { return shm.UnlinkPOSIX(name) }
	t.Cleanup(func() { _ = remove() })
	return object{
		"posix", name,
		func(size int64, mode fs.FileMode) (*shm.Segment, error) { return shm.CreatePOSIX(name, size, mode) },
		func(access shm.Access) (*shm.Segment, error) { return shm.OpenPOSIX(name, access) },
		func(size int64, mode fs.FileMode) (*shm.Segment, bool, error) {
			return shm.OpenOrCreatePOSIX(name, size, mode)
		},
		remove,
	}
}

func file(t testing.TB) object { return fileIn(t.TempDir()) }

func fileIn(directory string) object {
	path := filepath.Join(directory, fmt.Sprintf("kith-test-%d", unused()))
	return object{
		"file", path,
		func(size int64, mode fs.FileMode) (*shm.Segment, error) { return shm.CreateFile(path, size, mode) },
		func(access shm.Access) (*shm.Segment, error) { return shm.OpenFile(path, access) },
		func(size int64, mode fs.FileMode) (*shm.Segment, bool, error) {
			return shm.OpenOrCreateFile(path, size, mode)
		},
		func() error { return os.Remove(path) },
	}
}

// each runs a test for the three kinds that have names.
func each(t *testing.T, test func(t *testing.T, o object)) {
	for _, make := range []func(testing.TB) object{sysv, posix, file} {
		o := make(t)
		t.Run(o.kind, func(t *testing.T) { test(t, o) })
	}
}

// A segment of a test is closed with it.
func segment(t testing.TB) func(s *shm.Segment, err error) *shm.Segment {
	return func(s *shm.Segment, err error) *shm.Segment {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
}

// peer starts a C or Python program on the object; size 0: on the one that is there.
func (o object) peer(t testing.TB, language string, size int) *kithtest.Child {
	t.Helper()
	args := []string{o.kind, o.name, strconv.Itoa(size), "640"}
	var child *kithtest.Child
	if language == "C" {
		child = kithtest.C(t, "testdata/peer.c", args...)
	} else {
		kithtest.NeedPython(t, "sysv_ipc", "python3-sysv-ipc")
		child = kithtest.Python(t, "testdata/peer.py", args...)
	}
	return child.Start()
}

// told says a line and wants the answer.
func told(t testing.TB, child *kithtest.Child, line, want string) {
	t.Helper()
	if line != "" {
		if err := child.Say(line); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := child.Hear(); got != want {
		t.Fatalf("told %q, the peer said %q, %v, want %q", line, got, err, want)
	}
}

func read(t testing.TB, s *shm.Segment, offset int64, n int) string {
	t.Helper()
	p := make([]byte, n)
	if got, err := s.ReadAt(p, offset); got != n || err != nil {
		t.Fatalf("read %d bytes, %v", got, err)
	}
	return string(p)
}

func write(t testing.TB, s *shm.Segment, offset int64, text string) {
	t.Helper()
	if n, err := s.WriteAt([]byte(text), offset); n != len(text) || err != nil {
		t.Fatalf("wrote %d bytes, %v", n, err)
	}
}

// Programs that are not ours make what we open, and open what we make; each sees
// what the other writes; they die attached, and we go on.
func TestPeersShare(t *testing.T) {
	each(t, func(t *testing.T, o object) {
		for _, language := range []string{"C", "Python"} {
			for _, theirs := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/theirs=%v", language, theirs), func(t *testing.T) { share(t, o, language, theirs) })
			}
		}
	})
}

func share(t *testing.T, o object, language string, theirs bool) {
	before := kithtest.Hold()
	var s *shm.Segment
	var child *kithtest.Child
	var err error
	if theirs {
		child = o.peer(t, language, size)
		told(t, child, "", fmt.Sprintf("ready %d", size))
		s, err = o.open(shm.ReadWrite)
	} else {
		s, err = o.create(size, 0o600)
		child = o.peer(t, language, 0)
		told(t, child, "", fmt.Sprintf("ready %d", size))
	}
	if err != nil {
		t.Fatal(err)
	}
	write(t, s, 4000, "from Go")
	told(t, child, "read 4000 7", fmt.Sprintf("%x", "from Go"))
	told(t, child, fmt.Sprintf("write %d %x", size-4, "peer"), "ok 0")
	if got := read(t, s, size-4, 4); got != "peer" {
		t.Errorf("the peer's words are %q", got)
	}
	child.Kill()
	write(t, s, 0, "alone")
	if got := read(t, s, 0, 5); got != "alone" {
		t.Errorf("after the peer's death: %q", got)
	}
	if err := errors.Join(o.remove(), s.Close()); err != nil {
		t.Error(err)
	}
	if err := errors.Join(before.Left(), segmentsLeft()); err != nil {
		t.Error(err)
	}
}

// Atomic words are counted by C and by us at once, and nothing is lost.
func TestPeersCount(t *testing.T) {
	const times = 200_000
	each(t, func(t *testing.T, o object) {
		s := segment(t)(o.create(size, 0o600))
		child := o.peer(t, "C", 0)
		told(t, child, "", fmt.Sprintf("ready %d", size))
		view, err := s.Acquire()
		if err != nil {
			t.Fatal(err)
		}
		defer view.Release()
		long, err := view.Uint64(size - 8)
		short, err2 := view.Uint32(4)
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		_ = child.Say(fmt.Sprintf("add %d %d", size-8, times))
		_ = child.Say(fmt.Sprintf("add32 4 %d", times))
		for range times {
			long.Add(1)
			short.Add(1)
		}
		for range 2 {
			if _, err := child.Hear(); err != nil {
				t.Fatal(err)
			}
		}
		if long.Load() != 2*times || short.Load() != 2*times {
			t.Errorf("counted %d and %d, want %d", long.Load(), short.Load(), 2*times)
		}
	})
}

// What a peer removes while we have it stays ours; nobody finds it any more.
func TestPeersRemove(t *testing.T) {
	each(t, func(t *testing.T, o object) {
		for _, language := range []string{"C", "Python"} {
			if o.kind == "file" && language == "C" {
				continue // its word is shm_unlink
			}
			s := segment(t)(o.create(size, 0o600))
			child := o.peer(t, language, 0)
			told(t, child, "", fmt.Sprintf("ready %d", size))
			told(t, child, "remove", "ok 0")
			write(t, s, 0, "still")
			told(t, child, "read 0 5", fmt.Sprintf("%x", "still"))
			if stat, err := s.Stat(); err != nil || !stat.Removed {
				t.Errorf("removed: %+v, %v", stat, err)
			}
			if _, err := o.open(shm.ReadOnly); !errors.Is(err, unix.ENOENT) {
				t.Errorf("what is removed was found: %v", err)
			}
		}
	})
}

// After its removal, a segment of System V has the key 0 and is attached by its
// identifier, by a C program too, until the last one lets go.
func TestSysVRemovedIsAttachedByID(t *testing.T) {
	o := sysv(t)
	s := segment(t)(o.create(size, 0o600))
	if err := s.Remove(); err != nil {
		t.Fatal(err)
	}
	byID := object{kind: "id", name: s.ID().String()}.peer(t, "C", 0)
	told(t, byID, "", fmt.Sprintf("ready %d", size))
	again := segment(t)(s.ID().Attach(shm.ReadOnly))
	told(t, byID, fmt.Sprintf("write 0 %x", "word"), "ok 0")
	if got := read(t, again, 0, 4); got != "word" {
		t.Errorf("read %q", got)
	}
	stat, err := s.ID().Stat()
	if err != nil || stat.Perm.Key != 0 || !stat.Destroyed || stat.Attached != 3 || stat.LastPID != os.Getpid() {
		t.Errorf("%+v, %v", stat, err)
	}
	byID.Kill()
	if err := errors.Join(s.Close(), again.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ID().Attach(shm.ReadOnly); !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EIDRM) {
		t.Errorf("after the last: %v", err)
	}
}

// A peer that takes the file away and gives it back as fast as it can makes
// copies fail, hundreds of them, and nothing else.
func TestPeersTruncate(t *testing.T) {
	for _, o := range []object{posix(t), file(t)} {
		t.Run(o.kind, func(t *testing.T) {
			s := segment(t)(o.create(size, 0o600))
			child := o.peer(t, "C", 0)
			told(t, child, "", fmt.Sprintf("ready %d", size))
			_ = child.Say("blink 1000000000")
			done := make(chan error)
			for worker := range 4 {
				go func() { done <- faults(s, 100, worker%2 == 0) }()
			}
			go func() { done <- opens(o, 200) }()
			for range 5 {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
			child.Kill()
		})
	}
}

// faults copies until so many copies have failed, each in the way it should.
func faults(s *shm.Segment, times int, writing bool) error {
	p := make([]byte, size)
	for times > 0 {
		n, err := s.ReadAt(p, 0)
		if writing {
			n, err = s.WriteAt(p, 0)
		}
		var fault *shm.FaultError
		switch {
		case err == nil && n == size:
		case n == 0 && errors.As(err, &fault) && errors.Is(err, shm.ErrTruncated) && fault.Offset >= 0 && fault.Offset < size:
			times--
		default:
			return fmt.Errorf("%d bytes, %w", n, err)
		}
	}
	return nil
}

// opens opens while the size changes between any two looks at it.
func opens(o object, times int) error {
	for range times {
		s, err := o.open(shm.ReadOnly)
		var tooSmall *shm.SizeError
		if errors.As(err, &tooSmall) {
			continue
		}
		if err != nil {
			return err
		}
		_, err = s.ReadAt(make([]byte, 1), s.Size()-1)
		_ = s.Close()
		if err != nil && !errors.Is(err, shm.ErrTruncated) {
			return err
		}
	}
	return nil
}

// A file that stays short tells which byte is gone; what is left can be read.
func TestTruncatedByPeer(t *testing.T) {
	for _, o := range []object{posix(t), file(t)} {
		s := segment(t)(o.create(size, 0o600))
		child := o.peer(t, "C", 0)
		told(t, child, "", fmt.Sprintf("ready %d", size))
		write(t, s, 0, strings.Repeat("x", size))
		page := os.Getpagesize()
		told(t, child, fmt.Sprintf("truncate %d", page+1), "ok 0")
		_ = read(t, s, 0, 2*page)
		if got := read(t, s, int64(page), 3); got != "x\x00\x00" {
			t.Errorf("behind the end, in its page: %q", got)
		}
		for _, offset := range []int{2 * page, 2*page + 100, size - 1} {
			n, err := s.ReadAt(make([]byte, 1), int64(offset))
			var fault *shm.FaultError
			var path *fs.PathError
			if !errors.As(err, &fault) || fault.Offset != int64(offset) || n != 0 || !errors.As(err, &path) {
				t.Errorf("at %d: %d bytes, %v", offset, n, err)
			}
		}
		if stat, err := s.Stat(); err != nil || stat.Size != int64(page)+1 || s.Size() != size {
			t.Errorf("its size is %d, %v", stat.Size, err)
		}
	}
}

// Segment is what io says it is.
func TestSegmentIsReaderAndWriter(t *testing.T) {
	var _ io.ReaderAt = (*shm.Segment)(nil)
	each(t, func(t *testing.T, o object) {
		s := segment(t)(o.create(100, 0o600))
		want := bytes.Repeat([]byte("0123456789"), 10)
		if n, err := io.Copy(io.NewOffsetWriter(s, 0), bytes.NewReader(want)); n != 100 || err != nil {
			t.Errorf("copied in %d, %v", n, err)
		}
		if got, err := io.ReadAll(io.NewSectionReader(s, 0, 1000)); !bytes.Equal(got, want) || err != nil {
			t.Errorf("copied out %q, %v", got, err)
		}
		if n, err := s.ReadAt(make([]byte, 20), 90); n != 10 || !errors.Is(err, io.EOF) {
			t.Errorf("over the end: %d, %v", n, err)
		}
		if n, err := s.ReadAt(make([]byte, 1), 100); n != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("at the end: %d, %v", n, err)
		}
	})
}
