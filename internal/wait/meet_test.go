package wait

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/internal/sys"
)

// meetingSize is the length of a record, in bytes: where the stores of several lines are
// still on their way, the one that publishes it is longer on its way than the look
// after it takes.
const meetingSize = 1000

// TestMeeting publishes at the moment in which the peer announces that it parks, time
// and again: there are a hundred nanoseconds in which both looks could be in vain.
// TestWithoutAFence shows that it meets them. The fence is the peer's barrier, or our own,
// for which it asks, or now this, now that.
func TestMeeting(t *testing.T) {
	for _, fences := range []string{"theirs", "ours", "either"} {
		t.Run(fences, func(t *testing.T) { meeting(t, fences) })
	}
}

func meeting(t *testing.T, fences string) {
	cpus := allowed(t)
	if len(cpus) < 2 {
		t.Log("on one CPU nobody does anything at the same moment as another")
		return
	}
	count := rounds(20_000)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer pin(t, cpus...)
	pin(t, cpus[0])
	child, s := joined(t, "meet", false, strconv.Itoa(count), bound.String(), fences) // it has the CPUs of this thread
	pin(t, cpus[1])
	if err := s.publish(t, child, count); err != nil {
		t.Fatal(err)
	}
	said, err := child.Hear()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d meetings, the peer parked in %s of them", count, said)
}

// publish sends each record at the moment in which the peer begins to wait for it: sooner
// than the last time where it then saw the announcement, else a bit later.
func (s *side) publish(t *testing.T, child *kithtest.Child, count int) error {
	const step, most = 16, 1 << 13
	body := make([]byte, meetingSize)
	late, knocks := 0, uint64(0)
	for n := range uint64(count) {
		for turn := 1; !s.producer.Taken(); turn++ {
			if turn%1000 == 0 && ended(child) {
				return fmt.Errorf("the peer waits for record %d no more", n)
			}
			sys.Pause()
		}
		for range late + s.random.IntN(8*step) {
			knocks = s.dataBell.Knocks() // takes a nanosecond
		}
		binary.NativeEndian.PutUint64(body, n)
		if err := s.put(t.Context(), body); err != nil {
			return err
		}
		if s.dataBell.Knocks() > knocks {
			late = max(0, late-step)
		} else {
			late = min(late+step, most)
		}
	}
	return nil
}

func ended(child *kithtest.Child) bool {
	select {
	case <-child.Ended():
		return true
	default:
		return false
	}
}

// meet is the peer: it waits for each record a microsecond after it has said that it
// has taken the last.
func meet(args []string) error {
	count, _ := strconv.Atoi(args[1])
	s, err := inherited(args[0] == "true")
	if err != nil {
		return err
	}
	if *bound, err = time.ParseDuration(args[2]); err != nil {
		return err
	}
	fences := args[3]
	ctx, alive := watched()
	for n := range uint64(count) {
		alive()
		s.consumer.Tell()
		for range 20 {
			sys.Pause()
		}
		if fences == "theirs" || fences == "either" && s.random.IntN(3) == 0 {
			s.data.relieve()
		}
		if err := s.expect(ctx, n); err != nil {
			return err
		}
	}
	s.consumer.Tell()
	kithtest.Say(strconv.FormatInt(s.parks.Load(), 10))
	kithtest.Hear()
	return nil
}

// allowed is the CPUs that this process may use.
func allowed(t *testing.T) (cpus []int) {
	t.Helper()
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
	for cpu := 0; len(cpus) < set.Count(); cpu++ {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
}

// pin lets this thread, and the processes that it starts, use these CPUs alone.
func pin(t *testing.T, cpus ...int) {
	t.Helper()
	var set unix.CPUSet
	for _, cpu := range cpus {
		set.Set(cpu)
	}
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
}
