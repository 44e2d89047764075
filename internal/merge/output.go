package merge

import (
	"os"
	"sync"
	"time"
)

const (
	// batchSize is how much waits to be written before sources have to wait, in bytes.
	batchSize = 256 << 10
	// readySize is how much of it is handed over at once, in bytes.
	readySize = 64 << 10
	// patience is how long the reader of the output may keep a Stop waiting.
	patience = time.Second
)

// An output is lines on their way to a file. One goroutine adds, one writes: what
// comes while the one before is being written is the next batch.
type output struct {
	file  *os.File
	ready []byte // added, and not handed over: of the goroutine that adds

	mu      sync.Mutex
	changed sync.Cond
	batch   []byte // to be written next
	spare   []byte // written, and to be used again
	writing bool
	last    bool // no more is added
	hurried bool // see Stop
	err     error
}

func newOutput(file *os.File) *output {
	o := &output{file: file}
	o.changed.L = &o.mu
	return o
}

// add adds a line. It is written after flush.
func (o *output) add(format Format, line Line) {
	o.ready = format(o.ready, line)
	if len(o.ready) >= readySize {
		o.flush()
	}
}

// flush hands over what was added, and waits while there is too much already. What
// comes after an error is dropped.
func (o *output) flush() {
	if len(o.ready) == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.await(func() bool { return len(o.batch) < batchSize })
	switch {
	case o.err != nil:
	case len(o.batch) == 0:
		o.batch, o.ready = o.ready, o.batch
		o.changed.Broadcast()
	default:
		o.batch = append(o.batch, o.ready...)
	}
	o.ready = reusable(o.ready)
}

// reusable is an empty buffer: none after a very long line.
func reusable(buffer []byte) []byte {
	if cap(buffer) > 2*batchSize {
		return nil
	}
	return buffer[:0]
}

// drain waits until all is written, and ends the goroutine that writes.
func (o *output) drain() error {
	o.flush()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = true
	o.changed.Broadcast()
	o.await(func() bool { return len(o.batch) == 0 && !o.writing })
	return o.err
}

// await waits until it is so, or there is an error: that nobody takes it while one
// is in a hurry, too.
func (o *output) await(so func() bool) {
	var timer *time.Timer
	for !so() && o.err == nil {
		if o.hurried && timer == nil {
			timer = time.AfterFunc(patience, o.giveUp)
			defer timer.Stop()
		}
		o.changed.Wait()
	}
}

func (o *output) hurry() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hurried = true
	o.changed.Broadcast()
}

func (o *output) giveUp() { o.fail(os.ErrDeadlineExceeded) }

// fail keeps the first error.
func (o *output) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.err = err
	}
	o.changed.Broadcast()
}

// write writes batch by batch until drain, or an error.
func (o *output) write(failed func()) {
	for {
		batch := o.next()
		if batch == nil {
			return
		}
		if _, err := o.file.Write(batch); err != nil {
			o.fail(err)
			failed()
			return
		}
	}
}

// next waits for a batch; nil: there is none any more.
func (o *output) next() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.writing {
		o.writing = false
		o.changed.Broadcast()
	}
	for len(o.batch) == 0 && !o.last && o.err == nil {
		o.changed.Wait()
	}
	if len(o.batch) == 0 || o.err != nil {
		return nil
	}
	batch := o.batch
	o.batch, o.spare, o.writing = reusable(o.spare), batch, true
	return batch
}
