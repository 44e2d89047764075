package compare

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
)

// endless is more than a pair can do in the life of a test.
var endless = Cell{Kind: RoundTrip, Size: 64, Count: 1 << 60}

// A follower that is killed in the middle is told of by the leader.
func TestFollowerKilled(t *testing.T) {
	for _, s := range Subjects() {
		t.Run(s.Name, func(t *testing.T) {
			pair := startPair(t, s.Name)
			follower := childOf(t, pair.cmd.Process.Pid)
			err := measuring(t.Context(), t, pair, func() { _ = unix.Kill(follower, unix.SIGKILL) })
			if err == nil || !strings.Contains(err.Error(), s.Name+":") {
				t.Errorf("the follower was killed, and Measure says %v", err)
			}
		})
	}
}

// A pair ends with the context, and both its processes are gone.
func TestMeasureCancelled(t *testing.T) {
	for _, s := range Subjects() {
		t.Run(s.Name, func(t *testing.T) {
			pair := startPair(t, s.Name)
			follower := childOf(t, pair.cmd.Process.Pid)
			why := errors.New("enough")
			ctx, cancel := context.WithCancelCause(t.Context())
			if err := measuring(ctx, t, pair, func() { cancel(why) }); !errors.Is(err, why) {
				t.Errorf("got %v, want %v", err, why)
			}
			if err := unix.Kill(follower, 0); !errors.Is(err, unix.ESRCH) {
				t.Errorf("the follower still runs: %v", err)
			}
		})
	}
}

// measuring calls do while the pair is to measure endless.
func measuring(ctx context.Context, t *testing.T, pair *Pair, do func()) error {
	t.Helper()
	call := kithtest.Go(func() error {
		_, err := pair.Measure(ctx, endless)
		return err
	})
	if err := call.Parked(); err != nil { // it has given the order, and waits for the reply
		t.Fatal(err)
	}
	do()
	return call.Wait()
}

func childOf(t *testing.T, pid int) int {
	t.Helper()
	for _, thread := range threads(t, pid) {
		text := firstLine(fmt.Sprintf("/proc/%d/task/%d/children", pid, thread))
		if child, err := strconv.Atoi(text); err == nil {
			return child
		}
	}
	t.Fatalf("process %d has no child", pid)
	return 0
}

func threads(t *testing.T, pid int) (ids []int) {
	t.Helper()
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		id, err := strconv.Atoi(task.Name())
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}
