package bench

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"kith"
	"kith/internal/kithtest"
)

const (
	pace      = time.Millisecond // from one message to the next
	pacedSize = 64               // of a message, bytes
)

func init() {
	kithtest.Register(map[string]kithtest.Func{"pacedpeer": pacedPeer, "pacedsender": pacedSender})
}

func pacedPeer(args []string) error {
	ctx := context.Background()
	listener, err := kith.Listen(ctx, args[0])
	if err != nil {
		return err
	}
	kithtest.Say("listening")
	conn, err := listener.Accept(ctx)
	if err != nil {
		return err
	}
	return pacedSide(conn, echoPaced)
}

func pacedSender(args []string) error {
	conn, err := kith.Dial(context.Background(), args[0])
	if err != nil {
		return err
	}
	return pacedSide(conn, sendPaced)
}

// pacedSide does its part in each turn, and says what it has measured.
func pacedSide(conn *kith.Conn, part func(*kith.Conn, pacedOrder) ([]time.Duration, error)) error {
	for {
		var order pacedOrder
		if err := json.Unmarshal([]byte(kithtest.Hear()), &order); err != nil {
			return err
		}
		kithtest.Say("begun")
		result, err := pacedTurn(order, func() ([]time.Duration, error) { return part(conn, order) })
		if err != nil {
			return err
		}
		text, err := json.Marshal(result)
		if err != nil {
			return err
		}
		kithtest.Say(string(text))
	}
}

func pacedTurn(order pacedOrder, part func() ([]time.Duration, error)) (r pacedResult, err error) {
	before := kernelTime(unix.CLOCK_PROCESS_CPUTIME_ID)
	var busy busyWork
	if order.Busy {
		busy.start(order.Alone)
	}
	r.Ages, err = part()
	r.CPU = kernelTime(unix.CLOCK_PROCESS_CPUTIME_ID) - before
	if order.Busy {
		busy.end()
		r.CPU = busy.others
	}
	return r, err
}

// echoPaced sends back what comes, and says how old it was.
func echoPaced(conn *kith.Conn, order pacedOrder) (ages []time.Duration, err error) {
	ctx := context.Background()
	for range order.messages() {
		message, err := conn.Receive(ctx)
		if err != nil {
			return nil, err
		}
		ages = append(ages, age(message))
		if err := conn.Send(ctx, message); err != nil {
			return nil, err
		}
	}
	return ages, nil
}

// sendPaced sends whether or not the answers come, which another goroutine takes.
func sendPaced(conn *kith.Conn, order pacedOrder) (ages []time.Duration, err error) {
	ctx := context.Background()
	answered := make(chan error, 1)
	go func() {
		for range order.messages() {
			message, err := conn.Receive(ctx)
			if err != nil {
				answered <- err
				return
			}
			ages = append(ages, age(message))
		}
		answered <- nil
	}()
	message := make([]byte, pacedSize)
	began := time.Now()
	for n := range order.Count {
		time.Sleep(time.Until(began.Add(time.Duration(n) * pace)))
		if order.Count-n > order.messages() {
			continue
		}
		binary.NativeEndian.PutUint64(message, uint64(monotonic()))
		if err := conn.Send(ctx, message); err != nil {
			return nil, err
		}
	}
	return ages, <-answered
}

// messages is how many are sent.
func (o pacedOrder) messages() int {
	if o.Silent {
		return 1
	}
	return o.Count
}

func age(message []byte) time.Duration {
	return monotonic() - time.Duration(binary.NativeEndian.Uint64(message))
}

// The kernel's clock is the same in all processes; Go's starts with each, and is much
// quicker to read.
var (
	started = time.Now()
	offset  = kernelTime(unix.CLOCK_MONOTONIC) - time.Since(started)
)

func monotonic() time.Duration { return offset + time.Since(started) }

func kernelTime(clock int32) time.Duration {
	var now unix.Timespec
	_ = unix.ClockGettime(clock, &now) // these clocks exist
	return time.Duration(now.Nano())
}

// A busyWork is a goroutine that works all the time. Where it is alone on its thread, it
// knows how much of the process's CPU time was not its own.
type busyWork struct {
	stop   atomic.Bool
	ended  chan struct{}
	others time.Duration
}

func (w *busyWork) start(alone bool) {
	w.ended = make(chan struct{})
	go func() {
		defer close(w.ended)
		if alone {
			runtime.LockOSThread() // and ends it
		}
		before := othersTime()
		for !w.stop.Load() {
		}
		w.others = othersTime() - before
	}()
}

func (w *busyWork) end() {
	w.stop.Store(true)
	<-w.ended
}

func othersTime() time.Duration {
	return kernelTime(unix.CLOCK_PROCESS_CPUTIME_ID) - kernelTime(unix.CLOCK_THREAD_CPUTIME_ID)
}
