package cli

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// What was not put when a signal came is not in the queue.
func TestInterruptPut(t *testing.T) {
	everyQueue(t, func(t *testing.T, p *place, address string) {
		p.kith(exitDone, "", "put", address, "a")
		for signal, status := range map[os.Signal]int{syscall.SIGINT: exitINT, syscall.SIGTERM: exitTERM} {
			k := p.start([]string{"put", address, "b"})
			k.awaitQueue(address, unix.SYS_MSGSND)
			k.signal(signal)
			k.expect(status, "kith: interrupted")
		}
		if got := p.output("take", address); got != "a" {
			t.Errorf("took %q", got)
		}
		p.kith(exitBusy, "no message is there", "take", address, "--timeout", "0")
	})
}

// Standard input that does not end keeps nobody.
func TestInterruptPutReading(t *testing.T) {
	everyQueue(t, func(t *testing.T, p *place, address string) {
		in, writer := pipe(t)
		k := p.start([]string{"put", address, "--lines"}, stdin(in))
		_ = in.Close()
		if _, err := writer.WriteString("1\nunfinished"); err != nil {
			t.Fatal(err)
		}
		if got := p.output("take", address); got != "1" {
			t.Errorf("took %q", got)
		}
		k.signal(syscall.SIGINT)
		k.expect(exitINT, "kith: interrupted")
		p.kith(exitBusy, "", "take", address, "--timeout", "0")
	})
}

// A putter who waits for room goes on when there is some.
func TestPutWaits(t *testing.T) {
	everyQueue(t, func(t *testing.T, p *place, address string) {
		k := p.start([]string{"put", address, "--lines"}, stdin(strings.NewReader("a\nb\nc\n")))
		k.awaitQueue(address, unix.SYS_MSGSND)
		if got := p.output("take", address, "--count", "3", "--lines"); got != "a\nb\nc\n" {
			t.Errorf("took %q", got)
		}
		k.expect(exitDone, "")
	})
}
