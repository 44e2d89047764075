package proc_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"kith/fifo"
	"kith/internal/kithtest"
	"kith/proc"
)

// A storm is processes that are started, watched and ended, many at once.
type storm struct {
	program   string // of testdata/end.c
	processes int
	alive     int // at most so many at once
	begin     func(*proc.Watcher, *exec.Cmd, int) (*proc.Watch, error)

	gate struct{ reader, writer *os.File } // a byte ends one process
	room chan struct{}

	mu      sync.Mutex
	started map[*proc.Watch]*victim
	ended   int
	wrong   []error
	done    context.CancelFunc
}

type victim struct {
	*exec.Cmd
	way
	events int
}

func (s *storm) run() (err error) {
	w, err := proc.New()
	if err != nil {
		return err
	}
	if s.gate.reader, s.gate.writer, err = os.Pipe(); err != nil {
		return err
	}
	defer s.gate.reader.Close()
	s.room = make(chan struct{}, s.alive)
	s.started = map[*proc.Watch]*victim{}
	ctx, done := context.WithCancel(context.Background())
	s.done = done
	var hearers sync.WaitGroup
	for range 3 {
		hearers.Go(func() { s.hear(ctx, w) })
	}
	for i := range s.processes {
		if err := s.start(w, i); err != nil {
			s.fail(fmt.Errorf("process %d: %w", i, err))
			done()
			break
		}
	}
	_ = s.gate.writer.Close()
	hearers.Wait()
	if w.Len() != 0 {
		s.fail(fmt.Errorf("%d watches are left", w.Len()))
	}
	return errors.Join(errors.Join(s.wrong...), w.Close())
}

// way of the i-th: half of them by exit, with any status, a quarter each by a signal of
// their own, and killed.
func (s *storm) way(i int) way {
	switch i % 4 {
	case 0:
		return way{"signal", []int{1, 2, 3, 6, 8, 9, 11, 13, 14, 15, 34, 64}[i/4%12]}
	case 1:
		return way{"kill", int(unix.SIGKILL)}
	}
	return way{"exit", i / 2 % 256}
}

func (s *storm) start(w *proc.Watcher, i int) error {
	select {
	case s.room <- struct{}{}:
	default:
		_, _ = s.gate.writer.Write([]byte{0})
		s.room <- struct{}{}
	}
	v := &victim{way: s.way(i)}
	v.Cmd = exec.Command(s.program, v.name, strconv.Itoa(v.number))
	v.Stdin = s.gate.reader
	s.mu.Lock()
	defer s.mu.Unlock()
	watch, err := s.begin(w, v.Cmd, i)
	if err != nil {
		return err
	}
	s.started[watch] = v
	if v.name == "kill" {
		return v.Process.Kill()
	}
	return nil
}

func (s *storm) hear(ctx context.Context, w *proc.Watcher) {
	for event, err := range w.Events(ctx) {
		switch {
		case ctx.Err() != nil:
		case err != nil:
			s.fail(err)
			s.done()
		default:
			s.take(event)
		}
	}
}

func (s *storm) take(event proc.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.started[event.Watch()]
	switch {
	case v == nil:
		s.wrong = append(s.wrong, fmt.Errorf("%v, which nobody began", event))
		return
	case v.events > 0 || !event.Last():
		s.wrong = append(s.wrong, fmt.Errorf("%v once more, or too early", event))
		return
	}
	v.events++
	_ = v.Wait() // it has ended
	s.check(event, v)
	<-s.room
	if s.ended++; s.ended == s.processes {
		s.done()
	}
}

func (s *storm) check(event proc.Event, v *victim) {
	if exited, is := event.(proc.Exited); is {
		if wrong := v.differs(exited.Status); wrong != "" {
			s.wrong = append(s.wrong, fmt.Errorf("%v: %s", event, wrong))
		}
	}
	if v.ProcessState == nil || v.ProcessState.ExitCode() != v.code() {
		s.wrong = append(s.wrong, fmt.Errorf("%v: os/exec has %v, want %v", event, v.ProcessState, v.way))
	}
	if event.Watch().PID() != 0 && event.Watch().PID() != v.Process.Pid {
		s.wrong = append(s.wrong, fmt.Errorf("%v: it is of process %d", event, v.Process.Pid))
	}
}

func (s *storm) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrong = append(s.wrong, err)
}

func byPidfd(w *proc.Watcher, cmd *exec.Cmd, _ int) (*proc.Watch, error) { return w.Start(cmd) }

// byPID is for the child that somebody else started.
func byPID(w *proc.Watcher, cmd *exec.Cmd, _ int) (*proc.Watch, error) {
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return w.Process(cmd.Process.Pid)
}

// byFIFO gives the child the writing end.
func byFIFO(directory string) func(*proc.Watcher, *exec.Cmd, int) (*proc.Watch, error) {
	return func(w *proc.Watcher, cmd *exec.Cmd, i int) (*proc.Watch, error) {
		path := filepath.Join(directory, strconv.Itoa(i))
		if err := fifo.Make(path, 0o600); err != nil {
			return nil, err
		}
		defer os.Remove(path)
		watch, err := w.FIFO(path)
		if err != nil {
			return nil, err
		}
		writer, err := fifo.OpenWriter(path)
		if err != nil {
			return nil, err
		}
		defer writer.Close()
		cmd.ExtraFiles = []*os.File{writer}
		return watch, cmd.Start()
	}
}

func TestStorm(t *testing.T) {
	program := kithtest.Compile(t, "testdata/end.c")
	directory := t.TempDir()
	for name, begin := range map[string]func(*proc.Watcher, *exec.Cmd, int) (*proc.Watch, error){
		"pidfd": byPidfd, "PID": byPID, "FIFO": byFIFO(directory),
	} {
		t.Run(name, func(t *testing.T) {
			before := kithtest.Hold(directory)
			s := storm{program: program, processes: processes(t), alive: 400, begin: begin}
			if err := s.run(); err != nil {
				t.Error(err)
			}
			if err := before.Left(); err != nil {
				t.Error(err)
			}
		})
	}
}

// processes is how many a storm has: KITH_STORM, or else some.
func processes(t *testing.T) int {
	t.Helper()
	text := os.Getenv("KITH_STORM")
	switch {
	case text == "" && testing.Short():
		return 300
	case text == "":
		return 1000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal("KITH_STORM: ", err)
	}
	return n
}
