//go:build race

package sem

import "sync/atomic"

// The race detector does not see what passes through the kernel or a mapping.
// Where both sides are in one process, these tell it: what was before something
// was given back is before what comes after it was taken. One word for all of
// them makes it blind to some races between users of different semaphores.
var edge atomic.Uint32

func release() { edge.Add(1) }
func acquire() { edge.Add(1) }
