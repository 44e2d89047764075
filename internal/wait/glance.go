package wait

import "sync/atomic"

// Glance is how a Wait begins, alone: a few looks, where they have paid of late. It is for
// callers whose way into a Wait and out again is as long as what they wait for.
func (w *Waiter) Glance(word *atomic.Uint64, old uint64) bool {
	if w.spinner.score < pays || !look(word, old) {
		return false
	}
	w.spinner.learn(true)
	w.waits[Looked].Add(1)
	w.relieve()
	return true
}
