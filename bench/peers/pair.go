package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"kith/internal/compare"
)

// A pair is the two processes of a subject, connected.
type pair struct {
	subject
	path    string // of the program, this one for a subject in Go
	place   string
	version string

	daemon, follower, leader *process
}

// startPair starts them, each pinned to its CPU, to meet in dir. On an error there is
// nothing to close.
func startPair(ctx context.Context, s subject, at compare.Placement, dir string) (*pair, error) {
	p := &pair{subject: s, path: "/proc/self/exe", place: filepath.Join(dir, filepath.Base(dir)+"-"+s.name)}
	err := p.start(ctx, dir)
	if err == nil {
		err = errors.Join(pin(p.leader.cmd.Process.Pid, at.Leader), pin(p.follower.cmd.Process.Pid, at.Follower))
	}
	if err == nil {
		return p, nil
	}
	p.kill()
	return nil, p.close(err)
}

func (p *pair) start(ctx context.Context, dir string) (err error) {
	if p.program != nil {
		if p.path, err = p.program.build(ctx, dir); err != nil {
			return err
		}
	}
	if p.subject.daemon != nil {
		if p.daemon, err = p.subject.daemon(ctx); err != nil {
			return err
		}
	}
	if p.follower, err = startProcess(p.side(follow), 0); err != nil {
		return err
	}
	if _, err = p.follower.hear(ctx, "listening"); err != nil {
		return err
	}
	if p.leader, err = startProcess(p.side(lead), 0); err != nil {
		return err
	}
	p.version, err = p.both(ctx, "ready")
	return err
}

// side is the command of a worker. Go counts the CPUs before the process is pinned, and
// is to keep to that: a user's program is not pinned.
func (p *pair) side(name string) *exec.Cmd {
	cmd := exec.Command(p.path, name, p.place)
	cmd.Env = append(os.Environ(), workerEnv+"="+p.name, fmt.Sprintf("GOMAXPROCS=%d", runtime.NumCPU()))
	return cmd
}

// both hears a line of both, and returns the leader's. Where one fails, the other is not
// waited for.
func (p *pair) both(ctx context.Context, word string) (string, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var follower sync.WaitGroup
	follower.Go(func() {
		if _, err := p.follower.hear(ctx, word); err != nil {
			cancel(err)
		}
	})
	rest, err := p.leader.hear(ctx, word)
	if err != nil {
		cancel(err)
	}
	follower.Wait()
	return rest, context.Cause(ctx)
}

// do has both do an order, and returns the leader's nanoseconds.
func (p *pair) do(ctx context.Context, o order) (ns float64, err error) {
	for _, worker := range []*process{p.follower, p.leader} {
		if _, err := worker.in.Write([]byte(o.String())); err != nil {
			return 0, errEnded
		}
	}
	text, err := p.both(ctx, "done")
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(text, 64)
}

// kill ends the two workers at once.
func (p *pair) kill() {
	for _, worker := range []*process{p.leader, p.follower} {
		if worker != nil {
			worker.kill()
		}
	}
}

// close returns when all processes have ended, and removes what killed ones have left:
// all names have the place's last element in them. To err it adds what they said.
func (p *pair) close(err error) error {
	for _, one := range []*process{p.leader, p.follower, p.daemon} {
		if one == nil {
			continue
		}
		if one.end(); err != nil {
			err = one.withWords(err)
		}
	}
	if p.daemon != nil && !p.daemon.cmd.ProcessState.Success() {
		p.clear()
	}
	for _, where := range []string{"/dev/shm/", "/tmp/"} {
		left, _ := filepath.Glob(where + filepath.Base(p.place) + "-*")
		for _, path := range left {
			_ = os.Remove(path)
		}
	}
	return err
}

// clear has the daemon clear away what it left when it ended in disorder, as it does when
// its clients were killed: it does so when it starts.
func (p *pair) clear() {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	if again, err := p.subject.daemon(ctx); err == nil {
		again.end()
	}
}

// pin keeps all threads of a process on one CPU, those to come too: a new thread has the
// mask of the one that made it, so once none is fresh, all are pinned.
func pin(pid, cpu int) error {
	var set unix.CPUSet
	set.Set(cpu)
	for pinned := map[string]bool{}; ; {
		tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		if err != nil {
			return err
		}
		before := len(pinned)
		for _, task := range tasks {
			id, _ := strconv.Atoi(task.Name())
			if err := unix.SchedSetaffinity(id, &set); err != nil && !errors.Is(err, unix.ESRCH) {
				return os.NewSyscallError("sched_setaffinity", err)
			}
			pinned[task.Name()] = true
		}
		if len(pinned) == before {
			return nil
		}
	}
}
