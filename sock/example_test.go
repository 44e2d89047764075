package sock_test

import (
	"fmt"
	"io"
	"log"
	"os"

	"kith/sock"
)

// One end of a pair usually goes to another process; a descriptor that is sent
// to it becomes the receiver's own.
func Example() {
	a, b, err := sock.Pair()
	if err != nil {
		log.Fatal(err)
	}
	defer sock.CloseAll([]*os.File{a, b})
	reader, writer, err := os.Pipe()
	if err != nil {
		log.Fatal(err)
	}

	if err := sock.Send(a, []byte("the pipe"), reader); err != nil {
		log.Fatal(err)
	}
	_ = reader.Close() // the receiver has its own
	record := make([]byte, 64)
	n, files, err := sock.Receive(b, record, 1)
	if err != nil {
		log.Fatal(err)
	}
	defer sock.CloseAll(files)

	fmt.Fprint(writer, "from afar")
	_ = writer.Close()
	text, err := io.ReadAll(files[0])
	fmt.Printf("%s: %s (%v)\n", record[:n], text, err)
	// Output: the pipe: from afar (<nil>)
}

func ExamplePeer() {
	a, b, err := sock.Pair()
	if err != nil {
		log.Fatal(err)
	}
	defer sock.CloseAll([]*os.File{a, b})
	peer, err := sock.Peer(b)
	fmt.Println(peer.PID == os.Getpid(), peer.UID == os.Geteuid(), err)
	// Output: true true <nil>
}
