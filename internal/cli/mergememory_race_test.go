//go:build race

package cli

// mergeMemory allows for what the race detector needs for itself.
const mergeMemory = 512 << 20
