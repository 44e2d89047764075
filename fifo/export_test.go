package fifo

import "time"

// Pauses sets those between two looks, until the function that it returns is called.
func Pauses(first, last, seldom time.Duration) (restore func()) {
	was := [...]time.Duration{firstPause, lastPause, rarely}
	firstPause, lastPause, rarely = first, last, seldom
	return func() { firstPause, lastPause, rarely = was[0], was[1], was[2] }
}

// OnlyTold has nobody look by a timer.
func OnlyTold() (restore func()) { return Pauses(time.Hour, time.Hour, time.Hour) }
