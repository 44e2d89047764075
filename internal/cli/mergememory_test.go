//go:build !race

package cli

// mergeMemory is the bound that package merge gives.
const mergeMemory = 128 << 20
