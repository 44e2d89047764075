package driver

// Reach is how far apart two peers of a transport can be.
type Reach int

// The reaches, from near to far.
const (
	Related Reach = iota + 1 // a process and its descendants
	Host                     // processes of one kernel
	Network                  // any two hosts
)

func (r Reach) String() string {
	return [...]string{"?", "related", "host", "network"}[r]
}

// Traits is what a transport declares of itself: the source of the table in
// the docs, of what transporttest checks, and of the advice on choosing.
type Traits struct {
	Scheme string
	// Summary is a line for people: how the bytes travel.
	Summary string

	// Connected: the two parties know of each other, and of the other's end.
	Connected bool
	// Boundaries: the kernel or the ring keeps messages apart, as long as they
	// fit a packet or a record: such a one is there whole or not at all. Where it is
	// false, kith frames them.
	Boundaries bool
	Ordered    bool
	Lossless   bool
	// MaxMessage is the largest message in bytes, whatever the key limit says.
	MaxMessage int
	Reach      Reach
	// Access says who can get in, and what enforces it.
	Access string
	// Survives: what was sent outlives the processes.
	Survives bool
	// Readers and Writers are how many may use one name at once; 0 is many.
	Readers, Writers int
	// NeedsLock: the users must guard it themselves.
	NeedsLock bool
	// Races says what a race or a crash in the middle can do, and what prevents it.
	Races string
	// Named: peers meet under an address, so Dial and Listen work. Without a
	// name, Start and Parent join a process and its child.
	Named bool
}
