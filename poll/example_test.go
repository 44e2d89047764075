package poll_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"kith/poll"
)

func Example() {
	set, err := poll.New(poll.Epoll)
	if err != nil {
		log.Fatal(err)
	}
	defer set.Close()
	reader, writer, err := os.Pipe()
	if err != nil {
		log.Fatal(err)
	}
	defer reader.Close()
	if _, err := set.Add(reader, poll.Readable, poll.Level); err != nil {
		log.Fatal(err)
	}

	fmt.Fprint(writer, "hello")
	_ = writer.Close()
	for event, err := range set.Events(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		if event.Ready&poll.Readable == 0 {
			fmt.Println(event.Ready)
			break
		}
		text := make([]byte, 16)
		n, err := event.Registration.Source().(*os.File).Read(text)
		fmt.Printf("%s: %q, %v\n", event.Ready, text[:n], err)
	}
	// Output:
	// readable|hang-up: "hello", <nil>
	// hang-up
}
