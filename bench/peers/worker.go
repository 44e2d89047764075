package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// workerEnv tells a process that it is a worker, and of which subject. c/worker.h says
// what a worker does; this is the same in Go.
const workerEnv = "KITH_PEERS_WORKER"

// work is the life of a worker: it meets the other one, then does its half of each
// order.
func work(name string, args []string) error {
	s, err := subjectNamed(name)
	if err != nil {
		return err
	}
	if len(args) != 2 || s.meeting == nil {
		return fmt.Errorf("a worker is called lead|follow PLACE, not %q", args)
	}
	w := &worker{leads: args[0] == lead}
	if err := w.meet(context.Background(), s.meeting, args[1]); err != nil {
		return err
	}
	fmt.Println("ready", s.version())
	for {
		var o order
		if _, err := fmt.Scanln(&o.kind, &o.size, &o.count); errors.Is(err, io.EOF) {
			return w.link.Close()
		} else if err != nil {
			return err
		}
		ns, err := w.half(o)
		if err != nil {
			return err
		}
		fmt.Printf("done %.3f\n", ns)
	}
}

// The sides, as a worker's first argument says it.
const (
	lead   = "lead"
	follow = "follow"
)

// An order is one thing to do together.
type order struct {
	kind        kind
	size, count int
}

func (o order) String() string { return fmt.Sprintf("%s %d %d\n", o.kind, o.size, o.count) }

type worker struct {
	leads bool
	link  link
}

// meet returns when both have talked.
func (w *worker) meet(ctx context.Context, m *meeting, place string) (err error) {
	if w.leads {
		if w.link, err = m.dial(ctx, place); err != nil {
			return err
		}
		if err := w.say(0, smallest); err != nil {
			return err
		}
		return w.link.take(1, smallest)
	}
	accept, err := m.listen(ctx, place)
	if err != nil {
		return err
	}
	fmt.Println("listening")
	if w.link, err = accept(); err != nil {
		return err
	}
	if err := w.link.take(0, smallest); err != nil {
		return err
	}
	return w.say(1, smallest)
}

// say puts a message on its way at once.
func (w *worker) say(number uint64, size int) error {
	if err := w.link.put(number, size); err != nil {
		return err
	}
	return w.link.flush()
}

// half does the worker's half. The leader starts its clock when the follower says, by a
// message, that it is there, and has the nanoseconds of a message, or the median of the
// round trips.
func (w *worker) half(o order) (ns float64, err error) {
	if w.leads {
		if err := w.link.take(0, smallest); err != nil {
			return 0, err
		}
		if o.kind == roundTrip {
			return w.ask(o)
		}
		return w.pour(o)
	}
	if err := w.say(0, smallest); err != nil {
		return 0, err
	}
	if o.kind == roundTrip {
		return 0, w.answer(o)
	}
	return 0, w.drain(o)
}

func (w *worker) ask(o order) (float64, error) {
	times := make([]time.Duration, o.count)
	start, last := time.Now(), time.Duration(0)
	for i := range uint64(o.count) {
		if err := w.say(2*i, o.size); err != nil {
			return 0, err
		}
		if err := w.link.take(2*i+1, o.size); err != nil {
			return 0, err
		}
		now := time.Since(start)
		times[i] = now - last
		last = now
	}
	slices.Sort(times)
	return float64(times[len(times)/2]), nil
}

func (w *worker) answer(o order) error {
	for i := range uint64(o.count) {
		if err := w.link.take(2*i, o.size); err != nil {
			return err
		}
		if err := w.say(2*i+1, o.size); err != nil {
			return err
		}
	}
	return nil
}

// pour returns when the last message has been read.
func (w *worker) pour(o order) (float64, error) {
	start := time.Now()
	for i := range uint64(o.count) {
		if err := w.link.put(i, o.size); err != nil {
			return 0, err
		}
	}
	if err := w.link.flush(); err != nil {
		return 0, err
	}
	err := w.link.take(uint64(o.count), smallest)
	return float64(time.Since(start)) / float64(o.count), err
}

func (w *worker) drain(o order) error {
	for i := range uint64(o.count) {
		if err := w.link.take(i, o.size); err != nil {
			return err
		}
	}
	return w.say(uint64(o.count), smallest)
}

// workIfWorker does not return in a process that is a worker.
func workIfWorker() {
	name := os.Getenv(workerEnv)
	if name == "" {
		return
	}
	if err := work(name, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
