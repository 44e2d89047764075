package cli

import (
	"testing"

	"golang.org/x/sys/unix"
)

// Whoever waits in a System V object learns of its end.
func TestRmEndsWaits(t *testing.T) {
	p := newPlace(t)
	key, _ := p.objects()
	p.kith(exitDone, "", "mk", "sysvmq:"+key)
	p.kith(exitDone, "", "mk", "sysvsem:"+key+"?values=0")
	taker := p.start([]string{"take", "sysvmq:" + key})
	waiter := p.start([]string{"sem", "sysvsem:" + key, "wait"})
	holder := p.start([]string{"sem", "sysvsem:" + key, "--", "true"})
	taker.awaitCall(unix.SYS_MSGRCV)
	waiter.awaitCall(unix.SYS_SEMTIMEDOP)
	holder.awaitCall(unix.SYS_SEMTIMEDOP)
	p.kith(exitDone, "", "rm", "sysvmq:"+key, "sysvsem:"+key)
	taker.expect(exitFailed, "identifier removed")
	waiter.expect(exitFailed, "the set was removed")
	holder.expect(exitFailed, "the set was removed")
}
