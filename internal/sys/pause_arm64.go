package sys

// Pause tells the core that this is a turn of a spin loop.
func Pause()
