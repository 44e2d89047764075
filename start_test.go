package kith_test

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith"
)

// words are what a process says, and heard is called for each.
type words struct {
	sync.Mutex
	text  strings.Builder
	heard func()
}

func (w *words) Write(p []byte) (int, error) {
	w.Lock()
	defer w.Unlock()
	w.heard()
	return w.text.Write(p)
}

// A child that never joins is killed and waited for. What it has started itself may
// hold its output open for as long as it likes: Start does not wait for that.
func TestStartDoesNotWaitForHeirs(t *testing.T) {
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	output := &words{heard: func() { cancel(reason) }}
	cmd := exec.Command("sh", "-c", "(sleep 20; echo late) & echo started; exec sleep 20")
	cmd.Stdout = output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	_, err := kith.Start(ctx, cmd)
	if cmd.Process == nil {
		t.Fatal(err)
	}
	defer unix.Kill(-cmd.Process.Pid, unix.SIGKILL) // the heirs
	refuses(t, "start", err, reason, "kith.Parent")
	if got := output.text.String(); got != "started\n" {
		t.Errorf("when Start returned, there had been said %q: it has waited for the heirs", got)
	}
	if cmd.ProcessState == nil {
		t.Error("the child was not waited for")
	}
}
