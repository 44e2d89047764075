package wait

import (
	"context"
	"errors"
	flags "flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/internal/sys"
	"kith/ring"
	"kith/shm"
	"kith/sock"
)

const ringSize = 4096

// A side is one process's half of a connection, as kith/transport/shm puts it
// together: a ring each way, and a door for each of the two things to wait for.
type side struct {
	producer   ring.Producer
	consumer   ring.Consumer
	consumed   *atomic.Uint64 // by the peer
	data, room Waiter
	dataBell   Bell // the peer may wait for data
	roomBell   Bell
	parks      *atomic.Int64
	random     *rand.Rand
	last       [1 << 10]byte // the body of the last record, read as a user would
	pauses     int           // how long dawdle dawdles: 2 to the power of it
}

// A parkingSocket counts how often a reader found nothing and parked.
type parkingSocket struct {
	*os.File
	parks *atomic.Int64
}

type parkingConn struct {
	syscall.RawConn
	parks *atomic.Int64
}

func (s parkingSocket) SyscallConn() (syscall.RawConn, error) {
	raw, err := s.File.SyscallConn()
	return parkingConn{raw, s.parks}, err
}

func (c parkingConn) Read(f func(uintptr) bool) error {
	return c.RawConn.Read(func(fd uintptr) bool {
		done := f(fd)
		if !done {
			c.parks.Add(1)
		}
		return done
	})
}

// newSide makes a side of two segments and two sockets. With spins, it spins as
// a connection does; else every wait parks.
func newSide(ownFile, peerFile, front, back *os.File, spins bool) (*side, error) {
	var segments [2]ring.Segment
	for i, file := range []*os.File{ownFile, peerFile} {
		memory, err := sys.MapRing(file, ring.ControlSize, ringSize, i == 0)
		if err != nil {
			return nil, err
		}
		segments[i] = ring.NewSegment(memory, ringSize) // mapped until the process ends
	}
	own, peer := segments[0], segments[1]
	s := &side{parks: new(atomic.Int64), pauses: 15, random: rand.New(rand.NewPCG(1, uint64(os.Getpid())))}
	frontDoor, err := NewDoor(parkingSocket{front, s.parks})
	if err != nil {
		return nil, err
	}
	backDoor, err := NewDoor(parkingSocket{back, s.parks})
	if err != nil {
		return nil, err
	}
	s.producer, s.consumer = ring.NewProducer(own, peer, !sys.HaveBarrier()), ring.NewConsumer(own, peer)
	s.consumed = peer.Consumed
	s.data, s.room = NewWaiter(own.WantsData, frontDoor, NewGate()), NewWaiter(own.WantsRoom, backDoor, NewGate())
	s.dataBell, s.roomBell = NewBell(peer.WantsData, frontDoor), NewBell(peer.WantsRoom, backDoor)
	if !spins {
		s.data.spinner.skip, s.room.spinner.skip = math.MaxInt, math.MaxInt
	}
	return s, nil
}

// joined starts a child with the other side, and makes ours.
func joined(t *testing.T, name string, spins bool, args ...string) (*kithtest.Child, *side) {
	t.Helper()
	child := kithtest.Command(t, name, append([]string{fmt.Sprint(spins)}, args...)...)
	var files [4]*os.File
	var err [4]error
	files[0], err[0] = shm.Memfd("kith-wait-test", ring.ControlSize+ringSize)
	files[1], err[1] = shm.Memfd("kith-wait-test", ring.ControlSize+ringSize)
	front, theirFront, err2 := sock.Pair(sock.Packet)
	back, theirBack, err3 := sock.Pair(sock.Packet)
	if err := errors.Join(err[0], err[1], err2, err3); err != nil {
		t.Fatal(err)
	}
	files[2], files[3] = theirFront, theirBack
	child.Cmd.ExtraFiles = files[:]
	ours, sideErr := newSide(files[0], files[1], front, back, spins)
	if sideErr != nil {
		t.Fatal(sideErr)
	}
	child.Start()
	sock.CloseAll(files[:])
	t.Cleanup(func() { sock.CloseAll([]*os.File{front, back}) })
	return child, ours
}

// inherited is the child's side.
func inherited(spins bool) (*side, error) {
	for fd := 5; fd <= 6; fd++ {
		if err := unix.SetNonblock(fd, true); err != nil {
			return nil, err
		}
	}
	file := func(fd uintptr) *os.File { return os.NewFile(fd, "inherited") }
	return newSide(file(4), file(3), file(5), file(6), spins)
}

// bound is how long nothing may happen before it is a lost wake-up.
var bound = flags.Duration("bound", 20*time.Second, "how long a wake-up may take before it counts as lost")

var errLost = errors.New("nothing happened for too long")

// watched is a context that ends when nobody calls alive for too long: the
// failure of a test, not its clock.
func watched() (ctx context.Context, alive func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	timer := time.AfterFunc(*bound, func() { cancel(errLost) })
	return ctx, func() { timer.Reset(*bound) }
}

// next waits for a record, and tells an error from a wake-up that was lost: one
// that only the end of ctx has replaced.
func (s *side) next(ctx context.Context) (kind uint8, body []byte, err error) {
	for {
		if kind, body, err = s.consumer.Next(); kind != 0 || err != nil {
			return kind, body, err
		}
		if s.consumer.Tell() {
			s.roomBell.Ring()
		}
		err := s.data.Wait(ctx, s.consumer.Word(), 0)
		if err == nil && ctx.Err() != nil {
			err = fmt.Errorf("LOST: the record is there, want %#x: %w", s.data.want.Load(), errLost)
		}
		if err != nil {
			return 0, nil, err
		}
	}
}

func (s *side) take(length int) {
	if s.consumer.Advance(length) {
		s.roomBell.Ring()
	}
}

func (s *side) put(ctx context.Context, body []byte) error {
	for {
		written, err := s.producer.Write(ring.Message, body)
		if written {
			s.dataBell.Ring()
			return nil
		}
		if err == nil {
			err = s.room.Wait(ctx, s.consumed, s.producer.Seen())
			if err == nil && ctx.Err() != nil {
				err = fmt.Errorf("LOST: there is room, want %#x: %w", s.room.want.Load(), errLost)
			}
		}
		if err != nil {
			return err
		}
	}
}

// dawdle takes from nothing to some microseconds, so that stores and looks of
// the two sides meet in every order.
func (s *side) dawdle() {
	for range s.random.IntN(1 << s.random.IntN(s.pauses)) {
		sys.Pause()
	}
}
