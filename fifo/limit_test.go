package fifo_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/fifo"
	"kith/internal/kithtest"
	"kith/ipc"
)

// isLimit reports how err is not that limit.
func isLimit(err error, errno error, name string, most int64) error {
	limit, typed := errors.AsType[*ipc.LimitError](err)
	if !typed || !errors.Is(err, errno) || limit.Limit != name || limit.Max != most || limit.Raise == "" {
		return fmt.Errorf("%w: want the limit %s of %d, %w", err, name, most, errno)
	}
	return nil
}

func TestNoDescriptor(t *testing.T) {
	ok(t, kithtest.Command(t, "no descriptor", made(t)).Start().Wait())
}

func noDescriptor(args []string) error {
	limit := unix.Rlimit{Cur: 3, Max: 3}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	_, _, piping := fifo.Pipe(0)
	err := isLimit(piping, unix.EMFILE, "RLIMIT_NOFILE", 3)
	for _, name := range []string{"reader", "both", "sessions", "await writer", "await reader"} {
		err = errors.Join(err, isLimit(onPaths[name](args[0]), unix.EMFILE, "RLIMIT_NOFILE", 3))
	}
	return err
}

// A user that no other test is: the limits count by user.
const crowdedUser = 61234

// What binds a user without privileges.
func TestPageLimits(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	path := made(t)
	start := func() *kithtest.Child {
		child := kithtest.Command(t, "pages", path)
		child.Cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: crowdedUser, Gid: crowdedUser}}
		return child.Start()
	}
	soft := start()
	ok(t, soft.Say("soft"))
	ok(t, soft.Wait())

	const setting = "/proc/sys/fs/pipe-user-pages-hard"
	before, err := os.ReadFile(setting)
	ok(t, err)
	hard := start()
	if err := os.WriteFile(setting, []byte("4096"), 0); err != nil {
		t.Logf("%v: a limit that cannot be set here", err)
		return
	}
	defer func() { ok(t, os.WriteFile(setting, before, 0)) }()
	ok(t, hard.Say("hard"))
	ok(t, hard.Wait())
}

func pages(args []string) error {
	if kithtest.Hear() == "hard" {
		return hardPages(args[0])
	}
	most := setting("/proc/sys/fs/pipe-max-size")
	_, writer, err := fifo.Pipe(0)
	if err != nil {
		return err
	}
	_, tooLarge := fifo.SetCapacity(writer, int(most)+1)
	if err := isLimit(tooLarge, unix.EPERM, "pipe-max-size", most); err != nil {
		return err
	}
	if size, err := fifo.Enlarge(writer, int(most)+1); size != 65536 || err != nil {
		return fmt.Errorf("enlarged to %d, %w", size, err)
	}
	soft := setting("/proc/sys/fs/pipe-user-pages-soft")
	for range soft*4096/most + 1 {
		var kept *os.File
		if _, kept, err = fifo.Pipe(int(most)); err != nil {
			break
		}
		defer kept.Close()
	}
	return isLimit(err, unix.EPERM, "pipe-user-pages-soft", soft)
}

// hardPages makes pipes until there are no more for this user.
func hardPages(path string) (err error) {
	for range 4096 {
		var kept *os.File
		if _, kept, err = fifo.Pipe(0); err != nil {
			break
		}
		defer kept.Close()
	}
	_, opening := fifo.Open(context.Background(), path, os.O_RDONLY)
	return errors.Join(
		isLimit(err, unix.ENFILE, "pipe-user-pages-hard", 4096),
		isLimit(opening, unix.ENOMEM, "pipe-user-pages-hard", 4096))
}

func setting(path string) int64 {
	text, _ := os.ReadFile(path)
	n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n
}
