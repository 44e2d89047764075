package sys_test

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// What msgctl(2) says of the limits is what /proc says.
func TestMsgLimits(t *testing.T) {
	limits, err := sys.MsgLimits()
	if err != nil {
		t.Fatal(err)
	}
	for file, got := range map[string]int32{"msgmax": limits.Max, "msgmnb": limits.Bytes, "msgmni": limits.Queues} {
		text, err := os.ReadFile("/proc/sys/kernel/" + file)
		if want := fmt.Sprintln(got); string(text) != want || err != nil {
			t.Errorf("%s is %s, %v, want %s", file, text, err, want)
		}
	}
}

func TestMsgStat(t *testing.T) {
	id, err := sys.Msgget(0, 0o640)
	if err != nil {
		t.Fatal(err)
	}
	defer sys.MsgRemove(id)
	frame := make([]byte, sys.MsgHeader+3)
	if err := sys.Msgsnd(id, 1<<40, frame, unix.IPC_NOWAIT); err != nil {
		t.Fatal(err)
	}
	stat, err := sys.MsgStatOf(id)
	if err != nil {
		t.Fatal(err)
	}
	if stat.Perm.Mode != 0o640 || stat.Messages != 1 || stat.Bytes != 3 || stat.Sender != int32(os.Getpid()) || stat.Receiver != 0 {
		t.Errorf("%+v", stat)
	}
	stat.MaxBytes = 2
	if err := sys.MsgSet(id, stat); err != nil {
		t.Fatal(err)
	}
	if err := sys.Msgsnd(id, 1, frame, unix.IPC_NOWAIT); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("to a full queue: %v", err)
	}
	if n, err := sys.Msgrcv(id, 1<<40, frame, unix.IPC_NOWAIT); n != 3 || sys.MsgType(frame) != 1<<40 || err != nil {
		t.Errorf("%d, %d, %v", n, sys.MsgType(frame), err)
	}
	if _, err := sys.MsgStatOf(id ^ 1<<20); !errors.Is(err, unix.EINVAL) { // the same place, used another time
		t.Errorf("of another identifier: %v", err)
	}
}
