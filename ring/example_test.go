package ring_test

import (
	"fmt"
	"log"

	"kith/internal/sys"
	"kith/ring"
	"kith/shm"
)

// One side writes records into its segment, the other reads them out of it.
// They would be two processes, each with the other's segment mapped read-only.
func Example() {
	const size = ring.MinSize
	segment := func() ring.Segment {
		file, err := shm.Memfd("example", ring.ControlSize+size)
		if err != nil {
			log.Fatal(err)
		}
		defer file.Close()
		memory, err := sys.MapRing(file, ring.ControlSize, size, true)
		if err != nil {
			log.Fatal(err)
		}
		return ring.NewSegment(memory, size)
	}
	ours, theirs := segment(), segment()
	producer := ring.NewProducer(ours, theirs, true)
	consumer := ring.NewConsumer(theirs, ours)

	for _, body := range []string{"one", "two"} {
		if written, err := producer.Write(ring.Message, []byte(body)); !written || err != nil {
			log.Fatal("no room", err)
		}
	}
	producer.Goodbye()

	for {
		kind, body, err := consumer.Next()
		if err != nil || kind == ring.Goodbye {
			fmt.Println("goodbye", err)
			return
		}
		fmt.Printf("%s\n", body)
		consumer.Advance(len(body))
	}
	// Output:
	// one
	// two
	// goodbye <nil>
}
