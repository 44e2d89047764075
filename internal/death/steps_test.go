//go:build amd64 && !race

package death_test

import (
	"testing"

	"kith/internal/kithtest"
)

// rolesNow are those that the victim has in this run.
func rolesNow(number int) []string {
	first, all := seed()
	if all {
		return roles
	}
	return roles[(first+number)%2:][:1]
}

// Not under the race detector: its code is not what is shipped, and thirty times as long.
func TestDeathAtEveryInstruction(t *testing.T) {
	for number, o := range operations {
		for _, role := range rolesNow(number) {
			t.Run(o.name+" as "+role, func(t *testing.T) {
				before := kithtest.Hold()
				w := sweep{t: t, set: pair(number, role), sent: o.sent}
				if o.sends && !o.long {
					w.records = 1 + o.length()/1024
				}
				if o.long {
					w.addresses()
					w.calls()
					w.instructions(stride{4001, 101}) // Go's own among them
				} else {
					w.instructions(stride{151, 1})
				}
				if err := before.Left(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
