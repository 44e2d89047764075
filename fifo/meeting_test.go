package fifo_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"

	"kith/fifo"
	"kith/internal/kithtest"
)

// What inotify tells of is enough: nobody looks by a timer here.
func TestTold(t *testing.T) {
	defer fifo.OnlyTold()()
	path, they := made(t), cPeer(t)
	for flag, hows := range map[int][]string{os.O_RDONLY: {"w", "wn", "rw"}, os.O_WRONLY: {"rn", "rw"}} {
		for _, how := range hows {
			all := []*opening{waiting(t, path, flag), waiting(t, path, flag)}
			they.asks("ok", "open %s %s", how, path)
			for _, o := range all {
				ok(t, errors.Join(o.Wait(), o.file.Close()))
			}
			they.asks("ok", "close")
		}
		for _, attack := range []string{"removed", "renamed", "FIFO"} {
			gone := made(t)
			o := waiting(t, gone, flag)
			ok(t, attacks[attack](t, gone))
			wants(t, o.Wait(), fifo.ErrReplaced)
		}
	}
	before := kithtest.Hold() // one who leaves does not take the news from the others
	ctx, cancel := context.WithCancelCause(t.Context())
	first, second := startOpen(ctx, path, os.O_RDONLY), waiting(t, path, os.O_RDONLY)
	ok(t, first.Parked())
	cancel(errCause)
	wants(t, first.Wait(), errCause)
	they.asks("ok", "open w %s", path)
	ok(t, errors.Join(second.Wait(), second.file.Close()))
	ok(t, before.Left())
}

// They are killed in the midst of a meeting, by the hundred, the one or the other
// side. Whoever is left meets the next.
func TestKilledInMeeting(t *testing.T) {
	path, other := made(t), made(t)
	before := kithtest.Hold(filepath.Dir(path))
	early := 0
	for i := range 120 {
		flag, how := os.O_RDONLY, "w"
		if i%2 == 0 {
			flag, how = os.O_WRONLY, "r"
		}
		start := []func(testing.TB) *peer{cPeer, goPeer}[i/2%2]
		o, they := startOpen(t.Context(), path, flag), start(t)
		they.asks("ok", "open rw %s", other) // it is awake
		they.tell("open %s %s", how, path)
		for range rand.IntN(1000) {
			runtime.Gosched()
		}
		they.Kill()
		select {
		case <-o.Done():
			early++
		default:
		}
		next := cPeer(t)
		next.tell("open %s %s", how, path)
		ok(t, o.Wait())
		again := startOpen(t.Context(), path, flag) // or next would wait, if it was early
		next.hears("ok")
		next.asks("ok", "close")
		next.tell("open %s %s", how, path)
		next.hears("ok")
		ok(t, errors.Join(again.Wait(), again.file.Close(), o.file.Close()))
		next.Kill()
	}
	t.Logf("%d of 120 met the one that was killed", early)
	ok(t, before.Left())
}

// The end of a context races with the other side: it is the one or the other.
func TestCancelRaces(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	path, they := made(t), cPeer(t)
	before := kithtest.Hold(filepath.Dir(path))
	met := 0
	for i := range 400 {
		ctx, cancel := context.WithCancelCause(t.Context())
		flag, how := os.O_RDONLY, "w"
		if i%2 == 0 {
			flag, how = os.O_WRONLY, "r"
		}
		o := startOpen(ctx, path, flag)
		they.tell("open %s %s", how, path)
		for range rand.IntN(2000) {
			if ctx.Err() != nil {
				t.Fatal(ctx.Err())
			}
		}
		cancel(errCause)
		if err := o.Wait(); err == nil {
			met++
		} else {
			wants(t, err, errCause)
			if o.file != nil {
				t.Fatal("a file, and an error")
			}
			o = startOpen(t.Context(), path, flag) // or they would wait for ever
			ok(t, o.Wait())
		}
		they.hears("ok")
		ok(t, o.file.Close())
		they.asks("ok", "close")
	}
	t.Logf("%d of 400 met", met)
	ok(t, before.Left())
}

// Two processes of ours meet again and again, whoever comes first.
func TestMeetAgain(t *testing.T) {
	path, they := made(t), goPeer(t)
	for i := range 300 {
		flag, how := os.O_RDONLY, "w"
		if rand.IntN(2) == 0 {
			flag, how = os.O_WRONLY, "r"
		}
		they.tell("open %s %s", how, path)
		file, err := fifo.Open(t.Context(), path, flag)
		ok(t, err)
		they.hears("ok")
		word := fmt.Sprint("word", i)
		if flag == os.O_RDONLY {
			they.asks("ok", "write %s", word)
			reads(t, file, word)
		} else {
			_, err := file.WriteString(word)
			ok(t, err)
			they.asks("got "+word, "read")
		}
		ok(t, file.Close())
		they.asks("ok", "close")
	}
}
