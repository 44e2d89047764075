// A parent that watches many children with one epoll, and starts those that fail again.
//
//	go run ./examples/children 3 sh -c 'sleep 10; exit 1'
//	kill -KILL PID # of one of them, in another terminal
//
// Each child is started again when it fails, five times at most, until it ends well.
// Ctrl-C, or SIGTERM, ends all of them.
//
// What to learn from it:
//
//   - One loop hears of all. There is no goroutine for each child that waits for it,
//     and no handler of SIGCHLD, which says that some child has ended, once for several.
//   - A child is known by its pidfd, which the kernel gives with it (clone(2)). By its PID
//     it would be another process as soon as somebody has waited for it.
//   - Who starts a process waits for it, or it stays a zombie. Wait does not wait
//     any more when the event has come.
//   - A child that fails again and again must not keep the machine busy: there is a limit.
//     (A parent that runs for months forgets old failures, or waits ever longer.)
//   - While the parent ends, an end is no failure. So it takes two loops: the first
//     one starts children again, the second one does not.
//   - A terminal sends Ctrl-C to the children too, kill(1) sends SIGTERM to one process.
//     So the parent passes on a signal of its own choice.
//   - A parent that is killed cannot end its children. They have a pipe as their standard
//     input, nobody ever writes to it, and the parent has the only other end: a child
//     that reads meets its end when the parent has died, however it died. (The parent's
//     death can send a signal, too, PR_SET_PDEATHSIG in prctl(2). But to the kernel
//     the parent is the thread that made the child, and threads of Go come and go.)
package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"

	"kith/proc"
)

// restarts are how often a child that fails is started again.
const restarts = 5

var errGivenUp = errors.New("some children have failed too often")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal kills
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) < 2 {
		return errors.New("usage: children N CMD [ARG...]")
	}
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	f, err := newFamily(args[1:])
	if err != nil {
		return err
	}
	defer f.Close()
	for i := range n {
		if err := f.start(&child{number: i + 1}); err != nil {
			return errors.Join(err, f.end())
		}
	}
	if err = f.live(ctx); ctx.Err() != nil {
		err = nil // we were asked to
	}
	return errors.Join(err, f.end())
}

// A family is a parent and its children.
type family struct {
	*proc.Watcher
	command  []string
	children map[*proc.Watch]*child

	// The two ends of the pipe that tells of the parent's end.
	lifeline, life *os.File
}

type child struct {
	*exec.Cmd
	number   int
	failures int
}

func newFamily(command []string) (*family, error) {
	watcher, err := proc.New()
	if err != nil {
		return nil, err
	}
	lifeline, life, err := os.Pipe()
	return &family{watcher, command, map[*proc.Watch]*child{}, lifeline, life}, err
}

// start starts a child, for the first time or again.
func (f *family) start(c *child) error {
	c.Cmd = exec.Command(f.command[0], f.command[1:]...)
	c.Stdin, c.Stdout, c.Stderr = f.lifeline, os.Stdout, os.Stderr
	watch, err := f.Start(c.Cmd)
	if err != nil {
		return err
	}
	f.children[watch] = c
	fmt.Printf("%d: started as %d\n", c.number, watch.PID())
	return nil
}

// live starts children that fail again, until all have ended for good, or ctx has.
func (f *family) live(ctx context.Context) (givenUp error) {
	for event, err := range f.events(ctx) {
		if err != nil {
			return err
		}
		c, failed := f.bury(event)
		switch {
		case !failed:
		case c.failures == restarts:
			fmt.Printf("%d: given up\n", c.number)
			givenUp = errGivenUp
		default:
			c.failures++
			if err := f.start(c); err != nil {
				return err
			}
		}
	}
	return givenUp
}

// end ends the children that are left, and waits for them.
func (f *family) end() error {
	for _, c := range f.children {
		_ = c.Process.Signal(syscall.SIGTERM)
	}
	for event, err := range f.events(context.Background()) {
		if err != nil {
			return err
		}
		f.bury(event)
	}
	return nil
}

// events is what comes as long as there is a child.
func (f *family) events(ctx context.Context) iter.Seq2[proc.Event, error] {
	return func(yield func(proc.Event, error) bool) {
		if f.Len() == 0 {
			return
		}
		for event, err := range f.Events(ctx) {
			if !yield(event, err) || f.Len() == 0 {
				return
			}
		}
	}
}

// bury waits for a child that has ended, and says how it ended.
func (f *family) bury(event proc.Event) (c *child, failed bool) {
	c = f.children[event.Watch()]
	_ = c.Wait() // returns at once; the status is in the event
	fmt.Printf("%d: %v\n", c.number, event)
	if event.Last() {
		delete(f.children, event.Watch())
	}
	end, known := event.(proc.Exited)
	return c, known && !end.Status.Success()
}
