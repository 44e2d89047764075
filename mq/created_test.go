package mq

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/internal/sys"
	"kith/ipc"
)

// A queue that Go's poller does not take, as it takes no blocking one, is a limit's
// work, and does not stay behind.
func TestCreatedInVain(t *testing.T) {
	kithtest.NeedKernel(t, "mqueue")
	name := fmt.Sprintf("/kith-in-vain-%d", os.Getpid())
	before := kithtest.Hold()
	fd, err := mqOpen(name, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = created(name, fd, 0o600)
	var limit *ipc.LimitError
	if !errors.As(err, &limit) || limit.Limit != "max_user_watches" || !errors.Is(err, unix.ENOSPC) {
		t.Errorf("%v, want the limit max_user_watches", err)
	}
	if err := sys.MqUnlink(name[1:]); !errors.Is(err, unix.ENOENT) {
		t.Errorf("it stayed behind: %v", err)
	}
	if err := before.Left(); err != nil {
		t.Error(err)
	}
}
