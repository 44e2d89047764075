//go:build !amd64 && !arm64

package sys

// doNothing is 0 where Go's own handler stays: signal.Notify of all signals
// hears of interruptions there.
func doNothing() uintptr { return 0 }
