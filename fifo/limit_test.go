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

// What binds a user without privileges, here one whom nobody else is.
func TestPageLimits(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	startPages(t, "soft", made(t))
}

// The hard limit comes behind the soft one: whoever is below that does not meet it.
func TestHardPageLimit(t *testing.T) {
	kithtest.NeedKernel(t, "root")
	kithtest.Lower(t, hardSetting, int(setting(softSetting))+512)
	startPages(t, "hard", made(t))
}

func startPages(t *testing.T, limit, path string) {
	t.Helper()
	child := kithtest.Command(t, limit+" pages", path)
	child.Cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: kithtest.User(), Gid: kithtest.User()}}
	ok(t, child.Start().Wait())
}

const (
	sizeSetting = "/proc/sys/fs/pipe-max-size"
	softSetting = "/proc/sys/fs/pipe-user-pages-soft"
	hardSetting = "/proc/sys/fs/pipe-user-pages-hard"
)

func softPages([]string) error {
	most := setting(sizeSetting)
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
	return isLimit(pipes(int(most)), unix.EPERM, "pipe-user-pages-soft", setting(softSetting))
}

// pipes makes them until there are no more for this user. They stay.
func pipes(capacity int) error {
	for range setting(softSetting) {
		reader, writer, err := fifo.Pipe(capacity)
		if err != nil {
			return err
		}
		stay = append(stay, reader, writer)
	}
	return nil
}

var stay []*os.File

func hardPages(args []string) error {
	large, small := pipes(int(setting(sizeSetting))), pipes(0)
	_, opening := fifo.Open(context.Background(), args[0], os.O_RDONLY)
	hard := setting(hardSetting)
	return errors.Join(
		isLimit(large, unix.EPERM, "pipe-user-pages-soft", setting(softSetting)),
		isLimit(small, unix.ENFILE, "pipe-user-pages-hard", hard),
		isLimit(opening, unix.ENOMEM, "pipe-user-pages-hard", hard))
}

func setting(path string) int64 {
	text, _ := os.ReadFile(path)
	n, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n
}
