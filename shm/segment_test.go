package shm_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/ipc"
	"kith/shm"
)

func TestModeIsExact(t *testing.T) {
	defer unix.Umask(unix.Umask(0o077))
	each(t, func(t *testing.T, o object) {
		for _, mode := range []fs.FileMode{0o666, 0o640, 0o400, 0} {
			if o.kind == "sysv" && mode == 0 && os.Geteuid() != 0 {
				continue // shmctl would not even let its owner look
			}
			s := segment(t)(o.create(5000, mode))
			write(t, s, 4999, "x")
			stat, err := s.Stat()
			if err != nil || stat.Mode != mode || stat.Size != 5000 || stat.UID != uint32(os.Getuid()) || stat.GID != uint32(os.Getgid()) {
				t.Errorf("made with mode %v: %+v, %v", mode, stat, err)
			}
			if since := time.Since(stat.ChangeTime); stat.Removed || since < -time.Minute || since > time.Hour {
				t.Errorf("%+v", stat)
			}
			if err := s.Remove(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestCreateIsExclusive(t *testing.T) {
	each(t, func(t *testing.T, o object) {
		s := segment(t)(o.create(size, 0o600))
		write(t, s, 0, "mine")
		if _, err := o.create(size, 0o600); !errors.Is(err, unix.EEXIST) {
			t.Errorf("made twice: %v", err)
		}
		again, created, err := o.either(size/2, 0o644)
		if segment(t)(again, err); created || read(t, again, 0, 4) != "mine" {
			t.Error("what was there was made again")
		}
		if err := s.Remove(); err != nil {
			t.Error(err)
		}
		fresh, created, err := o.either(size, 0o644)
		if segment(t)(fresh, err); !created || read(t, fresh, 0, 4) != "\x00\x00\x00\x00" {
			t.Error("what was removed was found")
		}
		if err := again.Remove(); o.kind != "sysv" && !errors.Is(err, unix.ENOENT) {
			t.Errorf("another's name was removed: %v", err)
		}
	})
}

// Of a hundred who open or make, one makes.
func TestOneCreates(t *testing.T) {
	each(t, func(t *testing.T, o object) {
		var made atomic.Int32
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				s, created, err := o.either(size, 0o600)
				if err != nil {
					t.Error(err)
					return
				}
				if created {
					made.Add(1)
				}
				if _, err := s.WriteAt([]byte("x"), size-1); err != nil {
					t.Error(err)
				}
				_ = s.Close()
			})
		}
		if all.Wait(); made.Load() != 1 {
			t.Errorf("%d made it", made.Load())
		}
	})
}

// Who has an object that is there is shown with its path, not as "(deleted)".
func TestShownByName(t *testing.T) {
	for _, o := range []object{posix(t), file(t)} {
		s := segment(t)(o.create(size, 0o600))
		maps, err := os.ReadFile("/proc/self/maps")
		shown, err2 := os.Readlink(fmt.Sprint("/proc/self/fd/", s.File().Fd()))
		if err := errors.Join(err, err2); err != nil || shown != s.Name() || !strings.Contains(string(maps), s.Name()+"\n") {
			t.Errorf("%s is shown as %s, %v, in\n%s", s.Name(), shown, err, maps)
		}
	}
}

// Others remove it again and again: no call fails for that.
func TestCreateAgainstRemove(t *testing.T) {
	each(t, func(t *testing.T, o object) {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 25 {
					s, _, err := o.either(4096, 0o600)
					if err != nil {
						t.Error(err)
						return
					}
					if _, err := s.WriteAt([]byte("x"), 4095); err != nil {
						t.Error(err)
					}
					_ = s.Remove()
					_ = s.Close()
				}
			})
		}
		all.Wait()
	})
}

// A maker that is killed leaves nothing, or a whole object.
func TestKilledWhileCreating(t *testing.T) {
	o := posix(t)
	before := kithtest.Hold()
	for round := range 50 {
		child := kithtest.Command(t, "creates", o.name).Start()
		for range 1 + round%7 {
			if _, err := child.Hear(); err != nil {
				t.Fatal(err)
			}
		}
		child.Kill()
		s, err := o.open(shm.ReadOnly)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		stat, err := segment(t)(s, err).Stat()
		if err != nil || stat.Size != size || stat.Allocated < size || stat.Mode != 0o640 {
			t.Errorf("left behind: %+v, %v", stat, err)
		}
		if err := errors.Join(s.Remove(), s.Close()); err != nil {
			t.Error(err)
		}
	}
	if err := errors.Join(before.Left(), segmentsLeft()); err != nil {
		t.Error(err)
	}
}

func createsChild(args []string) error {
	for {
		s, err := shm.CreatePOSIX(args[0], size, 0o640)
		if err != nil {
			return err
		}
		if err := errors.Join(s.Remove(), s.Close()); err != nil {
			return err
		}
		kithtest.Say("made")
	}
}

func TestTooSmall(t *testing.T) {
	each(t, func(t *testing.T, o object) {
		_ = segment(t)(o.create(4096, 0o600))
		s, _, err := o.either(8192, 0o600)
		if o.kind == "file" { // grows
			if segment(t)(s, err); s.Size() != 8192 {
				t.Errorf("it has %d bytes", s.Size())
			}
			return
		}
		var tooSmall *shm.SizeError
		if !errors.As(err, &tooSmall) || *tooSmall != (shm.SizeError{Size: 4096, Want: 8192}) || !errors.Is(err, unix.EINVAL) {
			t.Errorf("%v", err)
		}
	})
}

func TestImpossibleSizes(t *testing.T) {
	before := kithtest.Hold()
	each(t, func(t *testing.T, o object) {
		for _, size := range []int64{0, -1, -1 << 63} {
			if s, err := o.create(size, 0o600); !errors.Is(err, unix.EINVAL) {
				t.Errorf("made %v of %d bytes: %v", s, size, err)
			}
			if s, _, err := o.either(size, 0o600); !errors.Is(err, unix.EINVAL) {
				t.Errorf("opened %v of %d bytes: %v", s, size, err)
			}
		}
		if s, err := o.create(1<<62, 0o600); err == nil {
			t.Errorf("made %v of 2^62 bytes", s)
		}
		if _, err := o.open(shm.ReadOnly); !errors.Is(err, unix.ENOENT) {
			t.Errorf("something was left: %v", err)
		}
	})
	if err := errors.Join(before.Left(), segmentsLeft()); err != nil {
		t.Error(err)
	}
}

// What the machine does not have is an error, before it is taken.
func TestMoreThanMemory(t *testing.T) {
	for _, o := range []object{sysv(t), posix(t)} {
		s, err := o.create(1<<43, 0o600)
		var limit *ipc.LimitError
		if !errors.As(err, &limit) {
			t.Fatalf("%s: made %v of 8 TiB: %v", o.kind, s, err)
		}
		t.Log(err)
	}
}

func TestReadOnly(t *testing.T) {
	each(t, func(t *testing.T, o object) {
		write(t, segment(t)(o.create(size, 0o600)), 8, "text")
		s := segment(t)(o.open(shm.ReadOnly))
		if n, err := s.WriteAt([]byte("x"), 0); n != 0 || !errors.Is(err, unix.EBADF) {
			t.Errorf("wrote %d, %v", n, err)
		}
		if got := read(t, s, 8, 4); got != "text" {
			t.Errorf("read %q", got)
		}
		view, err := s.Acquire()
		if err != nil {
			t.Fatal(err)
		}
		defer view.Release()
		if word, err := view.Uint32(8); err != nil || word.Load() == 0 {
			t.Errorf("a word: %v", err)
		}
		if _, err := o.open(0); !errors.Is(err, unix.EINVAL) {
			t.Errorf("opened for nothing: %v", err)
		}
	})
}

func TestOutside(t *testing.T) {
	each(t, func(t *testing.T, o object) {
		s := segment(t)(o.create(100, 0o600))
		write(t, s, 100, "")
		for _, offset := range []int64{-1, 98, 100, 4000, 1 << 62, -1 << 63} {
			if n, err := s.WriteAt([]byte("abc"), offset); n != 0 || !errors.Is(err, unix.EINVAL) {
				t.Errorf("wrote %d at %d, %v", n, offset, err)
			}
		}
		if _, err := s.ReadAt(make([]byte, 1), -1); !errors.Is(err, unix.EINVAL) {
			t.Errorf("read before the start: %v", err)
		}
		view, err := s.Acquire()
		if err != nil {
			t.Fatal(err)
		}
		defer view.Release()
		if bytes := view.Bytes(); len(bytes) != 100 || cap(bytes) != 100 {
			t.Errorf("%d of %d bytes", len(bytes), cap(bytes))
		}
		for _, offset := range []int64{-4, 2, 97, 100, 1 << 62} {
			if _, err := view.Uint32(offset); !errors.Is(err, unix.EINVAL) {
				t.Errorf("a word at %d: %v", offset, err)
			}
			if _, err := view.Uint64(offset); !errors.Is(err, unix.EINVAL) {
				t.Errorf("a long word at %d: %v", offset, err)
			}
		}
	})
}

func TestClosed(t *testing.T) {
	before := kithtest.Hold()
	each(t, func(t *testing.T, o object) {
		s := segment(t)(o.create(size, 0o600))
		view, err := s.Acquire()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		view.Bytes()[size-1] = 1 // is still there
		view.Release()
		view.Release()
		if view.Bytes() != nil {
			t.Error("released bytes were given out")
		}
		_, reading := s.ReadAt(make([]byte, 1), 0)
		_, writing := s.WriteAt(make([]byte, 1), 0)
		_, acquiring := s.Acquire()
		_, asking := s.Stat()
		_, word := view.Uint32(0)
		for what, err := range map[string]error{
			"read": reading, "write": writing, "acquire": acquiring, "stat": asking, "word": word,
			"sync": s.Sync(), "remove": s.Remove(), "seal": s.Seal(0), "close": s.Close(),
		} {
			if !errors.Is(err, os.ErrClosed) {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}

// A hundred goroutines copy and view while it is closed: each call works, or
// says that it is closed, and the memory is gone with the last of them.
func TestCloseUnmapsUnderNobody(t *testing.T) {
	for _, o := range []object{sysv(t), posix(t)} {
		before := kithtest.Hold()
		for range 20 {
			s, _, err := o.either(size, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			var all sync.WaitGroup
			begun := make(chan bool, 100)
			for worker := range 100 {
				all.Go(func() {
					err := use(s, worker, begun)
					if !errors.Is(err, os.ErrClosed) {
						t.Error(err)
					}
				})
			}
			for range 100 {
				<-begun
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			all.Wait()
		}
		if err := before.Left(); err != nil {
			t.Error(err)
		}
	}
}

// use uses the segment until that fails.
func use(s *shm.Segment, worker int, begun chan<- bool) error {
	p := make([]byte, 1000)
	for round := 0; ; round++ {
		runtime.Gosched() // a hundred share two processors
		if round == 1 {
			begun <- true
		}
		var err error
		switch worker % 3 {
		case 0:
			_, err = s.ReadAt(p, int64(worker)*100)
		case 1:
			_, err = s.WriteAt(p, int64(worker)*100)
		case 2:
			err = look(s, worker)
		}
		if err != nil {
			return err
		}
	}
}

func look(s *shm.Segment, worker int) error {
	view, err := s.Acquire()
	if err != nil {
		return err
	}
	defer view.Release()
	word, err := view.Uint64(int64(8 * worker))
	if err == nil {
		word.Add(1)
	}
	_ = view.Bytes()[size-1]
	return err
}

// All is there at creation: nothing has to be found at the first touch. What the
// kernel says of System V is in /proc/sysvipc/shm.
func TestAllocatedInFull(t *testing.T) {
	each(t, func(t *testing.T, o object) {
		s := segment(t)(o.create(1<<20, 0o600))
		stat, err := s.Stat()
		if err != nil {
			t.Fatal(err)
		}
		if o.kind == "sysv" {
			stat.Allocated = resident(t, s.ID())
		}
		if stat.Allocated < 1<<20 {
			t.Errorf("%d bytes are allocated", stat.Allocated)
		}
	})
}

// resident is how much of a segment is in memory.
func resident(t *testing.T, id shm.ID) int64 {
	table, err := os.ReadFile("/proc/sysvipc/shm")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		if fields := strings.Fields(line); fields[1] == id.String() {
			n, err := strconv.ParseInt(fields[len(fields)-2], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("%v is not in\n%s", id, table)
	return 0
}

func TestSyncAndFile(t *testing.T) {
	each(t, func(t *testing.T, o object) {
		s := segment(t)(o.create(size, 0o600))
		write(t, s, 10, "on disk")
		if err := s.Sync(); err != nil {
			t.Error(err)
		}
		if (s.File() == nil) != (o.kind == "sysv") || (s.ID() >= 0) != (o.kind == "sysv") || !strings.HasSuffix(s.Name(), strings.TrimLeft(o.name, "0x")) && o.kind != "sysv" {
			t.Errorf("file %v, identifier %v, name %q", s.File(), s.ID(), s.Name())
		}
		if s.File() == nil {
			return
		}
		text := make([]byte, 7)
		if _, err := s.File().ReadAt(text, 10); err != nil || string(text) != "on disk" {
			t.Errorf("the file has %q, %v", text, err)
		}
		if got := fmt.Sprint(s.Kind(), " ", s.Access()); !strings.EqualFold(got, o.kind+" read-write") {
			t.Errorf("it is %s", got)
		}
	})
}

func TestWords(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{fmt.Sprint(shm.KindSysV, shm.KindPOSIX, shm.KindMemfd, shm.KindFile, shm.Kind(0)), "SysV POSIX memfd file no kind of segment"},
		{fmt.Sprint(shm.ReadOnly, shm.ReadWrite, shm.Access(0)), "read-only read-write no access"},
		{(&shm.SizeError{Size: 1, Want: 2}).Error(), "1 bytes where 2 are wanted"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

// What a copy costs beside a plain one.
func BenchmarkReadAt(b *testing.B) {
	for _, size := range []int64{64, 1 << 20} {
		s := segment(b)(shm.CreateMemfd("bench", size))
		view, err := s.Acquire()
		if err != nil {
			b.Fatal(err)
		}
		p := make([]byte, size)
		b.Run(fmt.Sprintf("guarded/%d", size), func(b *testing.B) {
			for b.Loop() {
				if _, err := s.ReadAt(p, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("plain/%d", size), func(b *testing.B) {
			for b.Loop() {
				copy(p, view.Bytes())
			}
		})
		view.Release()
	}
}
