package kithtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// settleTime bounds how long a test waits for what must come: long, for a
// loaded machine, and used up only by a failure.
const settleTime = 20 * time.Second

// threadSlack is how many threads the Go runtime may add for reasons of its
// own.
const threadSlack = 12

// Holdings is what a process holds at a moment: descriptors, goroutines, shared
// mappings, threads, and the files of some directories.
type Holdings struct {
	directories []string
	threads     int
	things      map[string]int
	stacks      map[string]string
}

// Hold notes what the process holds now. Later, Left tells what came on top.
func Hold(directories ...string) *Holdings {
	startPoller()
	h := &Holdings{directories: directories}
	h.take()
	return h
}

// Left returns nil as soon as the process holds no more than it did, else, when
// time is up, an error that lists what is left.
func (h *Holdings) Left() error {
	var left []string
	for deadline := time.Now().Add(settleTime); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if left = h.more(); len(left) == 0 {
			return nil
		}
	}
	return fmt.Errorf("left behind:\n%s", strings.Join(left, "\n"))
}

func (h *Holdings) more() []string {
	now := &Holdings{directories: h.directories}
	now.take()
	var more []string
	for thing, count := range now.things {
		if extra := count - h.things[thing]; extra > 0 {
			more = append(more, fmt.Sprintf("%d x %s %s", extra, thing, now.stacks[thing]))
		}
	}
	if now.threads > h.threads+threadSlack {
		more = append(more, fmt.Sprintf("%d threads, where %d were", now.threads, h.threads))
	}
	return more
}

func (h *Holdings) take() {
	h.things = map[string]int{}
	for _, fd := range names("/proc/self/fd") {
		if target, err := os.Readlink("/proc/self/fd/" + fd); err == nil {
			h.things["descriptor of "+target]++
		}
	}
	for _, mapping := range mappings() {
		h.things["mapping of "+mapping]++
	}
	h.stacks = map[string]string{}
	for number, stack := range Goroutines() {
		if !lasting(stack) {
			h.things["goroutine "+number]++
			h.stacks["goroutine "+number] = stack
		}
	}
	for _, directory := range h.directories {
		for _, file := range names(directory) {
			h.things["file "+filepath.Join(directory, file)]++
		}
	}
	h.threads = len(names("/proc/self/task"))
}

// mappings lists what is mapped to be shared: the inode and the name of each
// memfd, file and segment.
func mappings() []string {
	text, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		panic(err)
	}
	var all []string
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 5 && strings.HasSuffix(fields[1], "s") {
			all = append(all, fields[4]+" "+fields[5])
		}
	}
	return all
}

// lasting are goroutines that a process starts once and keeps.
func lasting(stack string) bool {
	return strings.Contains(stack, "os/signal.loop") || strings.Contains(stack, "os/signal.signal_recv")
}

// startPoller makes the runtime open its own descriptors, which it keeps.
func startPoller() {
	if r, w, err := os.Pipe(); err == nil {
		_ = r.Close()
		_ = w.Close()
	}
}

func names(directory string) []string {
	entries, err := os.ReadDir(directory)
	if err != nil {
		return nil
	}
	all := make([]string, 0, len(entries))
	for _, entry := range entries {
		all = append(all, entry.Name())
	}
	return all
}
