package rendezvous

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"kith/driver"
	"kith/internal/kithtest"
)

func TestPath(t *testing.T) {
	directory := short(t)
	t.Setenv("KITH_DIR", directory)
	for name, want := range map[string]string{
		"orders":       directory + "/orders.unix",
		"/run/x.sock":  "/run/x.sock",
		"/run//a/../x": "/run/x",
		"..":           directory + "/...unix", // a name, not the directory above
		"a%20b":        directory + "/a b.unix",
	} {
		if got, err := Path(address(t, "unix:"+name)); got != want || err != nil {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
}

func TestPathLength(t *testing.T) {
	fits := "/" + strings.Repeat("x", maxSocketPath-1)
	if got, err := Path(address(t, "unix:"+fits)); got != fits || err != nil {
		t.Errorf("%d bytes: %v", len(fits), err)
	}
	long := fits + "x"
	if _, err := Path(address(t, "unix:"+long)); !errors.Is(err, driver.ErrAddress) || !strings.Contains(err.Error(), long) {
		t.Errorf("%d bytes: %v, want ErrAddress with the path", len(long), err)
	}
}

// The longest path is one that the kernel takes, and one byte more is not.
func TestLongestPathWorks(t *testing.T) {
	directory := short(t)
	path := filepath.Join(directory, strings.Repeat("x", maxSocketPath-len(directory)-1))
	if len(path) != maxSocketPath {
		t.Fatal(len(path))
	}
	go answer(listening(t, path))
	reach(t, path)
}

func TestImpossibleNames(t *testing.T) {
	directory := short(t)
	missing := filepath.Join(directory, "missing")
	t.Setenv("KITH_DIR", missing)
	for _, name := range []string{"", "a/b", "./a", "../a", "a/", strings.Repeat("x", maxSocketPath)} {
		_, err := Path(address(t, "unix:"+name))
		if !errors.Is(err, driver.ErrAddress) {
			t.Errorf("%q: %v, want ErrAddress", name, err)
		}
		if _, err := os.Lstat(missing); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: an impossible name made the directory", name)
			_ = os.Remove(missing)
		}
	}
	if _, err := driver.ParseAddress("unix:a%00b"); !errors.Is(err, driver.ErrAddress) {
		t.Errorf("NUL: %v", err)
	}
}

func TestChosenDirectory(t *testing.T) {
	directory := short(t)
	missing := filepath.Join(directory, "a", "b")
	t.Setenv("KITH_DIR", missing)
	path, err := Path(address(t, "unix:x"))
	if path != missing+"/x.unix" || err != nil {
		t.Fatalf("%q, %v", path, err)
	}
	go answer(listening(t, path)) // its directory has been made
	reach(t, path)
	if info, err := os.Stat(missing); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("made with mode %v, %v, want 0700", info.Mode(), err)
	}

	for _, relative := range []string{"here", "./here", "../here"} {
		t.Setenv("KITH_DIR", relative)
		_, err := Path(address(t, "unix:x"))
		if !errors.Is(err, driver.ErrAddress) || !strings.Contains(err.Error(), relative) {
			t.Errorf("KITH_DIR=%s: %v", relative, err)
		}
	}

	file := filepath.Join(directory, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KITH_DIR", file)
	if _, err := Path(address(t, "unix:x")); !errors.Is(err, syscall.ENOTDIR) || !strings.Contains(err.Error(), file) {
		t.Errorf("KITH_DIR is a file: %v, want ENOTDIR", err)
	}
}

// Whoever sets KITH_DIR answers for it: a directory that several users share is
// taken as it is.
func TestSharedDirectory(t *testing.T) {
	directory := short(t)
	t.Setenv("KITH_DIR", directory)
	if err := os.Chmod(directory, 0o777); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(directory, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	path, err := Path(address(t, "unix:x"))
	if path != directory+"/x.unix" || err != nil {
		t.Fatalf("%q, %v", path, err)
	}
	go answer(listening(t, path))
	reach(t, path)
	if info, err := os.Stat(directory); err != nil || info.Mode().Perm() != 0o777 {
		t.Errorf("its mode became %v, %v", info.Mode(), err)
	}
}

// The directory that kith chooses in /tmp, where anybody may have been before.
func TestPrivateDirectory(t *testing.T) {
	directory := short(t)
	path := filepath.Join(directory, "kith-1")
	for range 2 { // made, then found
		if got, err := private(path); got != path || err != nil {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if info, err := os.Lstat(path); err != nil || info.Mode() != fs.ModeDir|0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	untrusted := map[string]func() error{
		"writable by all":   func() error { return os.Chmod(path, 0o777) },
		"writable by group": func() error { return os.Chmod(path, 0o770) },
		"a symlink": func() error {
			return errors.Join(os.Remove(path), os.Mkdir(path+"real", 0o700), os.Symlink(path+"real", path))
		},
		"a dangling symlink": func() error { return errors.Join(os.Remove(path), os.Symlink(path+"none", path)) },
		"a file":             func() error { return errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o600)) },
	}
	for _, what := range []string{"writable by all", "writable by group", "a symlink", "a dangling symlink", "a file"} {
		if err := untrusted[what](); err != nil {
			t.Fatal(err)
		}
		if _, err := private(path); !errors.Is(err, syscall.EPERM) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want EPERM with the path", what, err)
		}
	}
	if _, err := os.Lstat(path + "none"); err == nil {
		t.Error("a symlink was followed, and a directory made")
	}
}

func TestPrivateDirectoryOfAnother(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	path := filepath.Join(short(t), "kith-1")
	if err := errors.Join(os.Mkdir(path, 0o700), os.Lchown(path, 65534, 65534)); err != nil {
		t.Fatal(err)
	}
	if _, err := private(path); !errors.Is(err, syscall.EPERM) || !strings.Contains(err.Error(), path) {
		t.Errorf("%v, want EPERM with the path", err)
	}
}
