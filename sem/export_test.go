package sem

import "time"

// SetRelook changes how long a waiter sleeps before it looks by itself: for ever,
// where a lost wake-up must not heal.
func SetRelook(d time.Duration) { relook = d }

// Temporary is the way to a new file where the file system knows none without a
// name.
var Temporary = temporary
