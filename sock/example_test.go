package sock_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"path/filepath"
	"time"

	"kith/sock"
)

// One end of a pair usually goes to another process; a descriptor that is sent
// to it becomes the receiver's own.
func Example() {
	a, b, err := sock.Pair(sock.Packet)
	if err != nil {
		log.Fatal(err)
	}
	ours, err1 := sock.On(a)
	theirs, err2 := sock.On(b)
	reader, writer, err3 := os.Pipe()
	if err := errors.Join(err1, err2, err3); err != nil {
		log.Fatal(err)
	}
	defer ours.Close()
	defer theirs.Close()

	ctx := context.Background()
	if err := ours.Send(ctx, []byte("the pipe"), reader); err != nil {
		log.Fatal(err)
	}
	_ = reader.Close() // the receiver has its own
	buffer := make([]byte, 64)
	m, err := theirs.Receive(ctx, buffer, sock.Exactly(1))
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	fmt.Fprint(writer, "from afar")
	_ = writer.Close()
	text, err := io.ReadAll(m.Files[0])
	fmt.Printf("%s: %s (%v)\n", buffer[:m.N], text, err)
	// Output: the pipe: from afar (<nil>)
}

func ExamplePeer() {
	a, b, err := sock.Pair(sock.Packet)
	if err != nil {
		log.Fatal(err)
	}
	defer sock.CloseAll([]*os.File{a, b})
	peer, err := sock.Peer(b)
	fmt.Println(peer.PID == os.Getpid(), peer.UID == os.Geteuid(), err)
	// Output: true true <nil>
}

// A service takes datagrams at a path, and knows from the kernel who sent each.
func ExampleSocket_SendTo() {
	directory, err := os.MkdirTemp("", "sock")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(directory)
	path := sock.Addr(filepath.Join(directory, "log"))

	service, err1 := sock.New(sock.Datagram)
	client, err2 := sock.New(sock.Datagram)
	if err := errors.Join(err1, err2); err != nil {
		log.Fatal(err)
	}
	defer service.Close() // removes the path
	defer client.Close()
	if err := errors.Join(service.PassCred(true), service.Bind(path, 0o622)); err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	if err := client.SendTo(ctx, path, []byte("hello")); err != nil {
		log.Fatal(err)
	}
	buffer := make([]byte, 1024)
	m, err := service.Receive(ctx, buffer, sock.Exactly(0))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s %v %q\n", buffer[:m.N], m.Cred.PID == os.Getpid(), m.From)
	// Output: hello true ""
}

// Somebody who has a connection of package net passes a file over it, and looks first
// at who is there: here a service that gives its log to whoever runs as the same user.
func ExampleOn() {
	directory, err := os.MkdirTemp("", "sock")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(directory)
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(directory, "service"), Net: "unix"})
	if err != nil {
		log.Fatal(err)
	}
	defer listener.Close()
	go func() { // the service
		conn, err := listener.AcceptUnix()
		if err != nil {
			return
		}
		defer conn.Close()
		if peer, err := sock.Peer(conn); err != nil || peer.UID != os.Geteuid() {
			return
		}
		service, err := sock.On(conn)
		if err == nil {
			err = service.Send(context.Background(), []byte("log"), os.Stderr)
		}
		if err != nil {
			log.Print(err)
		}
	}()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	client, err := sock.New(sock.Stream)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	if err := client.Connect(ctx, sock.Addr(filepath.Join(directory, "service"))); err != nil {
		log.Fatal(err)
	}
	buffer := make([]byte, 64)
	m, err := client.Receive(ctx, buffer, sock.AtMost(1))
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	fmt.Printf("%s, %d file\n", buffer[:m.N], len(m.Files))
	// Output: log, 1 file
}

// An abstract name keeps nobody out, so both sides ask the kernel who is there.
func ExampleAbstract() {
	name := sock.Abstract(fmt.Sprintf("example-%d", os.Getpid()))
	service, err1 := sock.New(sock.Packet)
	client, err2 := sock.New(sock.Packet)
	if err := errors.Join(err1, err2); err != nil {
		log.Fatal(err)
	}
	defer service.Close()
	defer client.Close()
	if err := errors.Join(service.Bind(name, 0), service.Listen()); err != nil {
		log.Fatal(err)
	}
	if err := client.Connect(context.Background(), name); err != nil {
		log.Fatal(err)
	}
	peer, err := sock.Peer(client)
	fmt.Println(peer.UID == os.Geteuid(), err)
	// Output: true <nil>
}
