// Package merge takes in lines from many sources at once, and writes each line
// whole, as it becomes ready: the engine of `kith merge`.
//
// One goroutine reads. It waits for all sources in a poll.Set, and gives each that is
// ready a turn of one read, so that none starves while another floods. Another
// goroutine writes. Between them lies a buffer that is bounded: where the
// reader of the output is slow, the sources wait.
//
// # Memory
//
// What is held of lines that have not ended yet is bounded over all sources together,
// whatever they send: see MaxLine and MaxHeld. With the buffers and what Go's collector
// has not collected yet, a process that merges 500 sources stays below 128 MiB, and
// with lines of ordinary length below 20.
package merge
