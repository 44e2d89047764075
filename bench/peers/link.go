package main

import "context"

// A link is one side of what is measured.
type link interface {
	// put writes message number, of size bytes, in full, and sends it.
	put(number uint64, size int) error
	// flush has all that was put on its way, where put may keep it.
	flush() error
	// take waits for message number and reads it in full.
	take(number uint64, size int) error
	Close() error
}

// A meeting is how the two sides of a link in Go find each other at a place: a private
// directory and a name in it that is free.
type meeting struct {
	// listen returns when the leader can come, and then how to take it in.
	listen func(ctx context.Context, place string) (accept func() (link, error), err error)
	dial   func(ctx context.Context, place string) (link, error)
}

// largest is the largest message that is measured, and smallest that of the meeting.
const (
	smallest = 64
	largest  = 1 << 20
)
