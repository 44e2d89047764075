package compare

import "fmt"

// A pinnedThread is a thread on one CPU, where work is done.
type pinnedThread struct {
	work  chan func()
	done  chan struct{}
	ended <-chan error
}

func newPinnedThread(cpu int) *pinnedThread {
	t := &pinnedThread{work: make(chan func()), done: make(chan struct{})}
	t.ended = onCPU(cpu, t.run)
	return t
}

func (t *pinnedThread) run() {
	for work := range t.work {
		work()
		t.done <- struct{}{}
	}
}

// do returns when the work is done.
func (t *pinnedThread) do(work func()) {
	t.work <- work
	<-t.done
}

// end ends the thread. The error is why it was not on its CPU.
func (t *pinnedThread) end() error {
	if t == nil {
		return nil
	}
	close(t.work)
	if err := <-t.ended; err != nil {
		return fmt.Errorf("the measuring thread was on any CPU: %w", err)
	}
	return nil
}
