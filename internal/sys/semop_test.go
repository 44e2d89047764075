package sys_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// The kernel says the same of a set in a file, which has no layout to get wrong
// (proc_sysvipc(5)).
func TestSemStatIsTheKernels(t *testing.T) {
	id, err := sys.Semget(unix.IPC_PRIVATE, 3, unix.IPC_CREAT|0o640)
	if err != nil {
		t.Fatal(err)
	}
	defer sys.SemControl(id, 0, unix.IPC_RMID, 0)
	if err := sys.SemopNow(id, []sys.SemOp{{Index: 2, Change: 5, Flags: unix.IPC_NOWAIT}}); err != nil {
		t.Fatal(err)
	}
	stat, err := sys.SemStatOf(id)
	if err != nil {
		t.Fatal(err)
	}
	p := stat.Perm
	line := fmt.Sprintf("%d %d %o %d %d %d %d %d %d %d", p.Key, id, p.Mode, stat.Number(),
		p.Uid, p.Gid, p.Cuid, p.Cgid, stat.OperationTime(), stat.ChangeTime())
	if want := listed(t, id); line != want {
		t.Errorf("%s, but the kernel lists %s", line, want)
	}
	if stat.OperationTime() == 0 {
		t.Error("no operation is seen")
	}
	again, err := sys.SemStatAny(id)
	if err != nil || *again != *stat {
		t.Errorf("%v, %v", again, err)
	}
}

func listed(t *testing.T, id int) string {
	t.Helper()
	list, err := os.ReadFile("/proc/sysvipc/sem")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(list)) {
		if fields := strings.Fields(line); fields[1] == fmt.Sprint(id) {
			return strings.Join(fields, " ")
		}
	}
	return "nothing"
}

// An identifier whose place another set has taken is no set.
func TestSemStatAnyOfAnother(t *testing.T) {
	id, err := sys.Semget(unix.IPC_PRIVATE, 1, unix.IPC_CREAT|0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer sys.SemControl(id, 0, unix.IPC_RMID, 0)
	const sequence = 1 << 24 // above the part that is looked at, however large
	if _, err := sys.SemStatAny(id ^ sequence); !errors.Is(err, unix.EIDRM) && !errors.Is(err, unix.EINVAL) {
		t.Error(err)
	}
}

func TestSemUsage(t *testing.T) {
	id, err := sys.Semget(unix.IPC_PRIVATE, 7, unix.IPC_CREAT|0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer sys.SemControl(id, 0, unix.IPC_RMID, 0)
	if sets, semaphores, err := sys.SemUsage(); sets < 1 || semaphores < 7 || err != nil {
		t.Errorf("%d sets, %d semaphores, %v", sets, semaphores, err)
	}
}
