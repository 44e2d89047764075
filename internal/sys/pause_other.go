//go:build !amd64 && !arm64

package sys

// Pause tells the core that this is a turn of a spin loop, where it can be told.
func Pause() {}
