package kithtest

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A Call is a function that runs in a goroutine of its own, and can be seen to
// wait: so a test closes, cancels or kills under a call that is known to be
// blocked, and sleeps nowhere.
type Call struct {
	goroutine string
	done      chan struct{}
	err       error
}

// Go starts the call.
func Go(call func() error) *Call {
	c := &Call{done: make(chan struct{})}
	started := make(chan string)
	go func() {
		defer close(c.done)
		started <- current()
		c.err = call()
	}()
	c.goroutine = <-started
	return c
}

// Parked returns when the call waits for something outside of it: its
// goroutine is parked. An error says that it ended first, or that it goes on
// and on, or holds a thread in a system call where it should park.
func (c *Call) Parked() error { return Parked(c) }

// Parked returns when each of the calls has been parked: not all of them at once, as
// some look again now and then, and of a thousand on a busy machine one always does.
func Parked(calls ...*Call) error {
	busy, state := slices.Clone(calls), ""
	for deadline := time.Now().Add(settleTime); time.Now().Before(deadline); {
		began := time.Now()
		stacks := Goroutines()
		busy = slices.DeleteFunc(busy, func(c *Call) bool { return parked(stacks[c.goroutine]) })
		if len(busy) == 0 {
			return nil
		}
		state = stacks[busy[0].goroutine]
		for _, c := range busy {
			select {
			case <-c.done:
				return fmt.Errorf("the call was to wait, but returned: %w", c.err)
			default:
			}
		}
		time.Sleep(max(time.Since(began), 200*time.Microsecond)) // the world stands still while we look
	}
	return fmt.Errorf("%d calls were to park their goroutines, one of which is:\n%s", len(busy), state)
}

// Done is closed when the call has returned.
func (c *Call) Done() <-chan struct{} { return c.done }

// Wait waits for the call to return.
func (c *Call) Wait() error {
	<-c.done
	return c.err
}

var parkedStates = []string{"IO wait", "select", "chan receive", "chan send", "sync.Cond.Wait", "sync.WaitGroup.Wait"}

// parked reports whether a stack's first line, "goroutine 7 [select, 2 minutes]:",
// shows one that waits without a thread and without a timer of its own.
func parked(stack string) bool {
	_, state, _ := strings.Cut(stack, "[")
	state, _, _ = strings.Cut(state, "]")
	state, _, _ = strings.Cut(state, ",")
	state, _, _ = strings.Cut(state, " (")
	return slices.Contains(parkedStates, state)
}

// Goroutines is the stack of each goroutine by its number.
func Goroutines() map[string]string {
	text := make([]byte, 1<<20)
	for {
		n := runtime.Stack(text, true)
		if n < len(text) {
			text = text[:n]
			break
		}
		text = make([]byte, 2*len(text))
	}
	all := map[string]string{}
	for stack := range bytes.SplitSeq(text, []byte("\n\n")) {
		all[number(stack)] = string(stack)
	}
	return all
}

func current() string {
	text := make([]byte, 64)
	return number(text[:runtime.Stack(text, false)])
}

func number(stack []byte) string {
	return string(bytes.Fields(stack)[1])
}
