package lock_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"testing"

	"kith/internal/kithtest"
	"kith/lock"
)

// speaks is which kinds of locks a language has.
var speaks = map[string][]string{
	"C":      {"flock", "ofd", "posix", "lockf"},
	"Python": {"flock", "posix"},
	"Go":     {"flock", "ofd", "posix"},
}

// forEach runs a test for each kind of lock of each language.
func forEach(t *testing.T, test func(t *testing.T, language, kind string)) {
	for language, kinds := range speaks {
		for _, kind := range kinds {
			t.Run(language+"/"+kind, func(t *testing.T) { test(t, language, kind) })
		}
	}
}

// sharing is the modes of a holder and of one who comes, and whether both can be.
var sharing = []struct {
	first, second string
	both          bool
}{
	{"exclusive", "exclusive", false},
	{"exclusive", "shared", false},
	{"shared", "exclusive", false},
	{"shared", "shared", true},
}

func TestWeHoldTheyWait(t *testing.T) {
	forEach(t, func(t *testing.T, language, kind string) {
		file := newFile(t)
		they := newPeer(t, language, file.Name())
		for _, s := range sharing {
			if kind == "lockf" && s.second == "shared" {
				continue // has exclusive locks only
			}
			l := take(t, lock.On(file, kinds[kind]), modes[s.first])
			if s.both {
				they.asks("ok", "%s try %s 0 0", kind, s.second)
			} else {
				they.asks(busy(), "%s try %s 0 0", kind, s.second)
				they.tell("%s wait %s 0 0", kind, s.second)
				queued(t, file.Name(), 1)
			}
			unlock(t, l)
			if !s.both {
				they.hears("ok")
			}
			they.asks("ok", "%s drop %s 0 0", kind, s.second)
		}
	})
}

func TestTheyHoldWeWait(t *testing.T) {
	forEach(t, func(t *testing.T, language, kind string) {
		file := newFile(t)
		they := newPeer(t, language, file.Name())
		for _, s := range sharing {
			if kind == "lockf" && s.first == "shared" {
				continue
			}
			target := lock.On(file, kinds[kind])
			they.asks("ok", "%s try %s 0 0", kind, s.first)
			l, err := target.Try(modes[s.second], lock.Whole)
			if !s.both {
				wants(t, err, lock.ErrBusy)
				l = waitUntil(t, file.Name(), target, modes[s.second], func() {
					they.asks("ok", "%s drop %s 0 0", kind, s.first)
				})
			} else if err != nil {
				t.Fatal(err)
			}
			unlock(t, l)
		}
	})
}

// Whoever dies with a lock has given it up.
func TestTheyDieHolding(t *testing.T) {
	forEach(t, func(t *testing.T, language, kind string) {
		file := newFile(t)
		they := newPeer(t, language, file.Name())
		they.asks("ok", "%s try exclusive 0 0", kind)
		unlock(t, waitUntil(t, file.Name(), lock.On(file, kinds[kind]), lock.Shared, they.Kill))
	})
}

func TestWeDieHolding(t *testing.T) {
	forEach(t, func(t *testing.T, language, kind string) {
		path := newFile(t).Name()
		ours, they := newPeer(t, "Go", path), newPeer(t, language, path)
		ours.asks("ok", "%s try exclusive 0 0", kind) // lockf is POSIX to us
		they.tell("%s wait exclusive 0 0", kind)
		queued(t, path, 1)
		ours.Kill()
		they.hears("ok")
	})
}

// One who is killed while it waits is in nobody's way.
func TestTheyDieWaiting(t *testing.T) {
	forEach(t, func(t *testing.T, language, kind string) {
		file := newFile(t)
		l := take(t, lock.On(file, kinds[kind]), lock.Exclusive)
		first, second := newPeer(t, language, file.Name()), newPeer(t, "Go", file.Name())
		first.tell("%s wait exclusive 0 0", kind)
		queued(t, file.Name(), 1)
		second.tell("%s wait exclusive 0 0", kind)
		queued(t, file.Name(), 2)
		first.Kill()
		queued(t, file.Name(), 1)
		unlock(t, l)
		second.hears("ok")
	})
}

// Lock files by path, against flock(1), which is what At is for.
func TestFlockProgram(t *testing.T) {
	kithtest.Need(t, "flock", "sh")
	path := newFile(t).Name()
	file := lock.At(path, lock.Flock)
	flock := func(options ...string) *peer {
		options = append(options, path, "sh", "-c", "echo ok; exec >&- 2>&-; read line")
		return &peer{kithtest.Peer(t, exec.Command("flock", options...)).Start(), t}
	}
	l := take(t, file, lock.Exclusive)
	they := flock("-o", "-x")
	queued(t, path, 1)
	unlock(t, l)
	they.hears("ok")
	if _, err := file.Try(lock.Shared, lock.Whole); err == nil {
		t.Error("flock(1) holds it, and so do we")
	}
	l = waitUntil(t, path, file, lock.Shared, they.Kill)
	reader := flock("-s", "-n")
	reader.hears("ok")
	if err := flock("-x", "-n").Wait(); err == nil {
		t.Error("flock(1) -x got what we share")
	}
	unlock(t, l)
}

// What lslocks(8) says of ours.
func TestListed(t *testing.T) {
	kithtest.Need(t, "lslocks")
	file := newFile(t)
	ours := newPeer(t, "Go", file.Name())
	for kind, want := range map[string]string{"flock": "FLOCK", "posix": "POSIX", "ofd": "OFDLCK"} {
		span := lock.Range{Start: 10, Length: 20}
		if kind == "flock" {
			span = lock.Whole
		}
		ours.asks("ok", "%s try exclusive %d %d", kind, span.Start, span.Length)
		if !listed(t, file.Name(), want, span) {
			t.Errorf("lslocks does not list our %s lock", kind)
		}
		ours.asks("ok", "%s drop exclusive %d %d", kind, span.Start, span.Length)
	}
}

func listed(t *testing.T, path, kind string, span lock.Range) bool {
	t.Helper()
	text, err := exec.Command("lslocks", "--json", "--notruncate", "-o", "TYPE,INODE,START,END").Output()
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Locks []struct {
			Type              string
			Inode, Start, End json.Number
		}
	}
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	end := max(0, span.Start+span.Length-1)
	want := fmt.Sprintln(kind, inode(t, path), span.Start, end)
	for _, l := range list.Locks {
		if fmt.Sprintln(l.Type, l.Inode, l.Start, l.End) == want {
			return true
		}
	}
	return false
}

// Record locks exclude each other whatever their form; flock is another world.
func TestKindsAgainstEachOther(t *testing.T) {
	for _, ours := range speaks["Go"] {
		for _, theirs := range speaks["C"] {
			t.Run(ours+"/"+theirs, func(t *testing.T) {
				file := newFile(t)
				they := newPeer(t, "C", file.Name())
				l := take(t, lock.On(file, kinds[ours]), lock.Exclusive)
				want := busy()
				if (ours == "flock") != (theirs == "flock") {
					want = "ok"
				}
				they.asks(want, "%s try exclusive 0 0", theirs)
				unlock(t, l)
			})
		}
	}
}
