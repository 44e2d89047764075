package cli

import (
	"bufio"
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestTakeWaits(t *testing.T) {
	everyQueue(t, func(t *testing.T, p *place, address string) {
		var out bytes.Buffer
		k := p.start([]string{"take", address, "--timeout", "1h"}, stdout(&out))
		k.awaitQueue(address, unix.SYS_MSGRCV)
		p.kith(exitDone, "", "put", address, "x")
		k.expect(exitDone, "")
		if out.String() != "x" {
			t.Errorf("took %q", out.String())
		}
	})
}

// Whoever is interrupted has taken nothing.
func TestInterruptTake(t *testing.T) {
	everyQueue(t, func(t *testing.T, p *place, address string) {
		for signal, status := range map[os.Signal]int{syscall.SIGINT: exitINT, syscall.SIGTERM: exitTERM} {
			k := p.start([]string{"take", address})
			k.awaitQueue(address, unix.SYS_MSGRCV)
			k.signal(signal)
			k.expect(status, "kith: interrupted")
		}
		p.kith(exitDone, "", "put", address, "x")
		if got := p.output("take", address, "--timeout", "0"); got != "x" {
			t.Errorf("took %q", got)
		}
	})
}

// A taker who is killed loses the message that it had taken, and no other.
func TestTakeKilledLosesOneAtMost(t *testing.T) {
	const messages = 400
	p := newPlace(t)
	key, _ := p.objects()
	p.kith(exitDone, "", "mk", "sysvmq:"+key)
	for round := range kills(t) {
		var lines strings.Builder
		for i := range messages {
			lines.WriteString(strconv.Itoa(i) + "\n")
		}
		p.start([]string{"put", "sysvmq:" + key, "--lines"}, stdin(strings.NewReader(lines.String()))).expect(exitDone, "")
		reader, out := pipe(t)
		k := p.start([]string{"take", "sysvmq:" + key, "--lines", "--count", strconv.Itoa(messages)}, stdout(out))
		_ = out.Close()
		got := bufio.NewScanner(reader)
		for range 1 + round%messages/2 {
			got.Scan()
		}
		k.signal(syscall.SIGKILL)
		next := 1 + round%messages/2
		for ; got.Scan(); next++ {
			if got.Text() != strconv.Itoa(next) {
				t.Fatalf("got %q, want %d", got.Text(), next)
			}
		}
		k.status()
		left := p.leftIn("sysvmq:" + key)
		if lost := messages - next - left; lost < 0 || lost > 1 {
			t.Fatalf("%d of %d came, %d are left", next, messages, left)
		}
	}
}

// leftIn empties a queue, and counts.
func (p *place) leftIn(address string) int {
	p.t.Helper()
	var out bytes.Buffer
	p.start([]string{"take", address, "--lines", "--count", "1000000", "--timeout", "0"}, stdout(&out)).expect(exitBusy, "")
	return bytes.Count(out.Bytes(), []byte("\n"))
}

// On a terminal a line ends where a message does.
func TestTakeOnATerminal(t *testing.T) {
	p := newPlace(t)
	key, _ := p.objects()
	p.kith(exitDone, "", "mk", "sysvmq:"+key)
	p.kith(exitDone, "", "put", "sysvmq:"+key, "hello")
	p.openTerminal("kith take sysvmq:" + key + "; echo ended $?").See("hello\r\nended 0\r")
}
