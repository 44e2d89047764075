package mq_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"kith/ipc"
	"kith/mq"
)

// A queue hands out what is urgent first.
func ExampleQueue() {
	name := fmt.Sprintf("/orders-%d", os.Getpid())
	orders, err := mq.Create(name, 0o600, mq.Attributes{Messages: 8, Size: 64})
	if err != nil {
		log.Fatal(err)
	}
	defer orders.Close()
	defer mq.Unlink(name)

	ctx := context.Background()
	for priority, order := range []string{"tea", "cake", "an ambulance"} {
		if err := orders.Send(ctx, []byte(order), uint32(priority)); err != nil {
			log.Fatal(err)
		}
	}

	receiver, err := mq.Open(name, os.O_RDONLY) // in another process, usually
	if err != nil {
		log.Fatal(err)
	}
	defer receiver.Close()
	buffer := make([]byte, 64)
	for range 3 {
		n, priority, err := receiver.Receive(ctx, buffer)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(priority, string(buffer[:n]))
	}
	// Output:
	// 2 an ambulance
	// 1 cake
	// 0 tea
}

// A notification says that a queue which was empty has a message.
func ExampleQueue_Notify() {
	name := fmt.Sprintf("/bell-%d", os.Getpid())
	bell, err := mq.Create(name, 0o600, mq.Attributes{Messages: 1, Size: 16})
	if err != nil {
		log.Fatal(err)
	}
	defer bell.Close()
	defer mq.Unlink(name)

	notification, err := bell.Notify()
	if err != nil {
		log.Fatal(err)
	}
	defer notification.Close()
	if err := bell.TrySend([]byte("ding"), 0); err != nil { // another process, usually
		log.Fatal(err)
	}
	if err := notification.Wait(context.Background()); err != nil {
		log.Fatal(err)
	}
	buffer := make([]byte, 16)
	n, _, err := bell.TryReceive(buffer)
	fmt.Println(string(buffer[:n]), err)
	// Output: ding <nil>
}

// Several parties share a System V queue: each takes the messages of its type.
func ExampleSysV() {
	queue, err := mq.CreateSysV(ipc.Private, 0o600)
	if err != nil {
		log.Fatal(err)
	}
	defer queue.Remove()

	const kitchen, bar = 1, 2
	ctx := context.Background()
	for _, order := range []struct {
		kind int64
		text string
	}{{kitchen, "soup"}, {bar, "wine"}, {kitchen, "cake"}} {
		if err := queue.Send(ctx, []byte(order.text), order.kind); err != nil {
			log.Fatal(err)
		}
	}

	buffer := make([]byte, 64)
	for _, which := range []mq.Selection{{Type: bar}, {Type: kitchen}, {}} {
		n, kind, err := queue.Receive(ctx, which, buffer)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(kind, string(buffer[:n]))
	}
	// Output:
	// 2 wine
	// 1 soup
	// 1 cake
}
