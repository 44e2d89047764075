// Package object is the kernel's IPC objects by their addresses: each can be made,
// removed and asked about, whatever its kind, and some can do more. It holds
// nothing open between two calls.
//
// What the addresses of a kind look like, and which keys they take, is in its
// file. An address says where an object is, and by its keys how to make it; all
// of it is checked by At, whatever is done with the object then.
package object

import (
	"context"
	"io"

	"kith/driver"
	"kith/sem"
)

// An Object is an IPC object of the kernel's, whether it is there or not. The
// errors of its methods are those of the packages of its kind; what cannot be,
// whatever is there, matches driver.ErrAddress.
type Object interface {
	// Address finds the object, for other processes too.
	Address() string
	// Make makes the object. One that is there is EEXIST. Where it fails, it leaves
	// nothing behind.
	Make(ctx context.Context) error
	// Remove removes the object, or its name, while others use it, too.
	Remove() error
	// Stat is what the kernel tells of the object.
	Stat() (Stat, error)
}

// A Memory is an object that holds bytes.
type Memory interface {
	Object
	// Open opens the bytes to be looked at. It changes nothing but what is noted of
	// the last use: the access time of a file, who attached a segment last.
	Open() (Bytes, error)
}

// Bytes are a Memory's, as many as they were when it was opened.
type Bytes interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// A Queue is an object that holds messages. Its calls try once, also where ctx
// has ended, and then wait until it ends: for that, the errors match
// mq.ErrEmpty and mq.ErrFull beside ctx's cause.
type Queue interface {
	Object
	// Label is what a message has beside its body, "priority" or "type".
	Label() string
	// Largest is how long a message can be, in bytes.
	Largest() (int, error)
	Put(ctx context.Context, m Message) error
	Take(ctx context.Context) (Message, error)
}

// A Message is one of a Queue.
type Message struct {
	Label int64 // its priority or type
	Body  []byte
}

// Semaphores are an object that holds one or several of them.
type Semaphores interface {
	Object
	// Values is the state of each.
	Values() ([]Semaphore, error)
	// Do does the operations all at once. As in a Queue, it tries once in any case;
	// where ctx ends then, the error matches sem.ErrBusy beside ctx's cause.
	Do(ctx context.Context, ops ...sem.Op) error
}

// A SemaphoreSet is Semaphores of System V. They know zero, and several at once;
// and what a process takes with sem.Undo, its end gives back.
type SemaphoreSet interface {
	Semaphores
	// SetValue sets one value: EFBIG where there are not so many.
	SetValue(index, value int) error
}

// A NamedSemaphore is Semaphores of POSIX, which are one. What a process takes of it
// its end does not give back.
type NamedSemaphore interface {
	Semaphores
	// Hold takes one, as Do does. It keeps the semaphore open, so giveBack reaches the
	// same one, also where its name is gone, or another's.
	Hold(ctx context.Context) (giveBack func() error, err error)
}

// A Semaphore is the state of one.
type Semaphore struct {
	Index       int `json:"index"`
	Value       int `json:"value"`
	Waiting     int `json:"waiting"`                // calls that wait for it to be more
	WaitingZero int `json:"waiting_zero,omitempty"` // and to be 0
	LastPID     int `json:"last_pid,omitempty"`     // who changed it last, of System V
}

// At is the object at an address. It does not look whether it is there.
func At(address string) (Object, error) {
	a, err := driver.ParseAddress(address)
	if err != nil {
		return nil, err
	}
	scheme, err := schemeOf(a.Scheme)
	if err != nil {
		return nil, err
	}
	o, err := scheme.at(&a)
	if err != nil {
		return nil, err
	}
	return o, a.Done()
}
