package rendezvous

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"

	"kith/driver"
	"kith/internal/kithtest"
)

// Where others can write the directory, they may put something else in the new file's
// place: a link to what is ours and precious, which must not be given away.
func TestAnotherFileInItsPlace(t *testing.T) {
	directory := short(t)
	path, precious := in(directory), filepath.Join(directory, "precious")
	replacements := map[string]func() error{
		"a link":         func() error { return os.Symlink(precious, path) },
		"a hard link":    func() error { return os.Link(precious, path) },
		"another socket": func() error { leave(t, path); return nil },
		"nothing":        func() error { return nil },
	}
	for what, replace := range replacements {
		if err := os.WriteFile(precious, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		leave(t, path)
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		keep := path + "kept" // so that its inode is not used again
		if err := errors.Join(os.Rename(path, keep), replace()); err != nil {
			t.Fatal(err)
		}
		err = Access{Mode: 0o666, Owner: os.Geteuid(), Group: -1}.dress(path, info)
		if what == "nothing" && !errors.Is(err, unix.ENOENT) || what != "nothing" && !errors.Is(err, unix.EADDRINUSE) {
			t.Errorf("%s: %v", what, err)
		}
		for _, file := range []string{precious, path} {
			if is, err := os.Stat(file); err == nil && is.Mode().Perm() != 0o600 {
				t.Errorf("%s: %s has mode %v", what, file, is.Mode())
			}
		}
		_, _, _ = os.Remove(path), os.Remove(precious), os.Remove(keep)
	}
}

// A socket that cannot have its owner is an error, and no file is left.
func TestDressFails(t *testing.T) {
	path := in(short(t))
	child := kithtest.Command(t, "own with few descriptors", path).Start()
	if heard, err := child.Hear(); heard != "too many open files" || err != nil {
		t.Errorf("%q, %v", heard, err)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("left behind: %v", err)
	}
}

// ownWithFewDescriptors, in a child, may have as many as it takes to bind, and not the one
// that dress needs.
func ownWithFewDescriptors(args []string) error {
	listening, err := Listen(context.Background(), network, args[0], OnlyUs()) // opens what the runtime keeps
	if err != nil {
		return err
	}
	_ = listening.Close()
	for limit := uint64(3); ; limit++ {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: limit, Max: 100}); err != nil {
			return err
		}
		_, err := Listen(context.Background(), network, args[0], Access{Mode: 0o660, Owner: -1, Group: os.Getegid()})
		if err == nil {
			return errors.New("it never failed when bound")
		}
		var path *os.PathError
		if errors.As(err, &path) && path.Path == args[0] && path.Op == "open" {
			kithtest.Say(path.Err.Error())
			return nil
		}
	}
}

func TestParseAccess(t *testing.T) {
	for text, want := range map[string]Access{
		"shm:x": OnlyUs(),
		"shm:x?mode=0660&owner=0&group=4294967294":  {Mode: 0o660, Group: 4294967294},
		"shm:x?allow-uid=3,1,root&allow-gid=root,7": {Mode: 0o600, Owner: -1, Group: -1, users: []int{3, 1, 0}, groups: []int{0, 7}},
	} {
		a := address(t, text)
		got := ParseAccess(&a)
		if err := a.Done(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v, want %+v", text, got, err, want)
		}
	}
	a, err := driver.ParseAddress("shm:x?mode=1777")
	if ParseAccess(&a); err != nil || !errors.Is(a.Done(), driver.ErrAddress) {
		t.Error(err, a.Done())
	}
}
