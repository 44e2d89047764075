package kith_test

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"kith"
	"kith/internal/kithtest"
)

// What a user may not give away, or where it may make nothing, is an error that leaves
// nothing behind.
func TestGivenAway(t *testing.T) {
	directory := public(t, 0o777)
	child := member.starts(t)
	for _, scheme := range withAccess {
		addr := at(scheme, directory)
		for keys, want := range map[string]string{
			"owner=1001":                         "allowed",
			"owner=0":                            "eperm",
			"owner=1003&mode=0660":               "eperm",
			"group=2000":                         "allowed",
			"group=3000&mode=0660":               "allowed",
			"group=0":                            "eperm",
			"group=100&mode=0660&allow-gid=2000": "eperm",
			"owner=1001&group=77":                "eperm",
		} {
			says := []string{where(addr)}
			if want == "allowed" {
				says = nil
			}
			untouched(t, directory, func() {
				expects(t, child, want, says, "listen %s?%s", addr, keys)
				if want == "allowed" {
					expects(t, child, "allowed", nil, "close")
				}
			})
		}
		for _, closed := range []fs.FileMode{0o700, 0o711, 0o733, 0o755} { // 0733: no list to take the lock of
			below := fmt.Sprintf("%s/%s%o", directory, scheme, closed)
			if os.Mkdir(below, 0o700) != nil || os.Chmod(below, closed) != nil {
				t.Fatal(below)
			}
			untouched(t, directory, func() {
				expects(t, child, "eacces", []string{below}, "listen %s?mode=0666&allow-uid=0", at(scheme, below))
			})
		}
	}
}

func TestReadOnlyFileSystem(t *testing.T) {
	kithtest.NeedKernel(t, "mount")
	directory := alone(t)
	if err := unix.Mount("tmpfs", directory, "tmpfs", unix.MS_RDONLY, "size=4k"); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Unmount(directory, 0) }()
	for _, scheme := range withAccess {
		addr := at(scheme, directory) + "?mode=0660&group=2000"
		untouched(t, directory, func() { refuses(t, "read-only", listen(t, addr), unix.EROFS, where(addr)) })
	}
}

// A dead listener's socket is taken over, whatever its mode and owner, by whoever may
// remove it: anybody who may write the directory, unless that is sticky.
func TestTakeOverFromOthers(t *testing.T) {
	for _, sticky := range []bool{false, true} {
		t.Run(fmt.Sprint("sticky=", sticky), func(t *testing.T) {
			directory := alone(t)
			if err := unix.Chmod(directory, map[bool]uint32{false: 0o777, true: 0o1777}[sticky]); err != nil {
				t.Fatal(err)
			}
			for _, dead := range []struct {
				of   user
				keys string
			}{{member, ""}, {member, "?mode=0666&group=2000"}, {root, ""}, {root, "?owner=1003"}, {root, "?owner=1001&mode=0222"}, {stranger, "?mode=0606"}} {
				for _, heir := range []user{root, member, anybody} {
					addr := at("shm", directory)
					leaveBehind(t, dead.of, addr+dead.keys)
					want := inherits(t, where(addr), dead.of, heir, sticky)
					child := heir.starts(t)
					expects(t, child, want, nil, "listen %s?mode=0640", addr)
					if want == "allowed" {
						if got := describe(t, where(addr)); got != fmt.Sprintf("Srw-r----- %d %d", heir.uid, heir.gid) {
							t.Error(got)
						}
						expects(t, child, "allowed", nil, "close")
					} else if err := listen(t, addr); err != nil { // root is always heir
						t.Error(err)
					}
					if left := tree(t, directory)[1:]; len(left) > 0 {
						t.Fatalf("%v: left behind: %q", dead, left)
					}
				}
			}
		})
	}
}

func leaveBehind(t testing.TB, u user, addr string) {
	t.Helper()
	child := u.starts(t)
	expects(t, child, "allowed", nil, "listen %s", addr)
	child.Kill()
}

// inherits is who may take over: it has to find out that nobody is there, which takes the
// right to connect, and then to remove the file.
func inherits(t testing.TB, path string, dead, heir user, sticky bool) string {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	uid, gid := owners(info)
	left := policy{mode: info.Mode().Perm(), owner: int(uid), group: int(gid)}
	switch {
	case left.verdict(dead, heir) == "eacces":
		return "taken" // for all that it can know
	case sticky && heir.uid != 0 && heir.uid != int(uid):
		return "eperm"
	}
	return "allowed"
}

// A living listener keeps its name, whoever comes, with whatever keys.
func TestTwoListeners(t *testing.T) {
	directory := public(t, 0o777)
	for _, scheme := range withAccess {
		addr := at(scheme, directory)
		first := member.starts(t)
		expects(t, first, "allowed", nil, "listen %s?mode=0666&allow-uid=1003", addr)
		was := describe(t, where(addr))
		for _, u := range []user{root, stranger, member} {
			second := u.starts(t)
			expects(t, second, "taken", []string{where(addr)}, "listen %s?mode=0606", addr)
			expects(t, second, "allowed", nil, "listen %s2?mode=0606&allow-uid=1001", addr) // two with rules of their own
			expects(t, first, "allowed", nil, "dial %s2?allow-uid=%d", addr, u.uid)
			expects(t, second, "allowed", nil, "close")
		}
		if is := describe(t, where(addr)); is != was {
			t.Errorf("it was %s, and is %s", was, is)
		}
		expects(t, stranger.starts(t), "allowed", nil, "dial %s?allow-uid=1001", addr)
		expects(t, first, "allowed", nil, "close")
	}
}

// To let others in to a directory of kith's that is closed to them is refused at once.
func TestClosedDirectory(t *testing.T) {
	directory := public(t, 0o755)
	for _, c := range []struct {
		chosen, closed, keys string
		mode                 fs.FileMode
		want                 string
	}{
		{"d", "d", "?mode=0666&allow-uid=1003", 0o700, "eacces"},
		{"d", "d", "?allow-gid=2000", 0o744, "eacces"},
		{"d/not yet", "d", "?mode=0666&allow-uid=1003", 0o755, "eacces"}, // it would be made 0700
		{"d/e", "d", "?mode=0666&allow-uid=1003", 0o700, "eacces"},       // above it
		{"d", "d", "?mode=0666&allow-uid=1003", 0o711, "allowed"},
		{"d", "d", "?mode=0660&group=2000&allow-gid=2000", 0o710, "allowed"},
		{"d", "d", "?mode=0666", 0o700, "allowed"}, // for the same user
		{"d", "d", "?mode=0666&allow-uid=0", 0o700, "allowed"},
		{"d/not yet", "d", "", 0o755, "allowed"},
	} {
		t.Run(fmt.Sprint(c.chosen, c.keys, c.mode), func(t *testing.T) {
			chosen, closed := directory+"/"+c.chosen, directory+"/"+c.closed
			if strings.HasSuffix(c.chosen, "/e") {
				_ = os.MkdirAll(chosen, 0o755)
			}
			_ = os.Mkdir(closed, 0o755)
			if err := os.Chmod(closed, c.mode); err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(closed)
			t.Setenv("KITH_DIR", chosen)
			for _, scheme := range withAccess {
				files := tree(t, directory)
				listener, err := kith.Listen(t.Context(), scheme+":x"+c.keys)
				if c.want == "allowed" {
					if err != nil || listener.Close() != nil {
						t.Error(err)
					}
					continue
				}
				refuses(t, c.keys, err, fs.ErrPermission, chosen, "KITH_DIR")
				if now := tree(t, directory); len(now) != len(files) {
					t.Errorf("made %q", now)
				}
				if c.chosen == "d" {
					if err := listen(t, scheme+":"+chosen+"/x."+scheme+c.keys); err == nil {
						t.Error("the path that a name stands for is not refused as the name is")
					}
				}
			}
		})
	}
}

// Any other path is taken at its word, as it may be mounted elsewhere.
func TestClosedPath(t *testing.T) {
	directory := public(t, 0o700)
	for _, scheme := range withAccess {
		if err := listen(t, at(scheme, directory)+"?mode=0666&allow-uid=1003"); err != nil {
			t.Error(err)
		}
	}
}

// Where $KITH_DIR is one that several users share, names are enough.
func TestSharedDirectory(t *testing.T) {
	directory := public(t, 0o1777)
	listens, dials := member.starts(t, "KITH_DIR="+directory), native.starts(t, "KITH_DIR="+directory)
	for _, scheme := range withAccess {
		expects(t, listens, "allowed", nil, "listen %s:orders?mode=0660&group=2000&allow-gid=2000", scheme)
		expects(t, dials, "allowed", nil, "dial %s:orders?allow-gid=2000", scheme)
		expects(t, dials, "distrusted", []string{directory}, "dial %s:orders", scheme)
		expects(t, listens, "allowed", nil, "close")
	}
}
