package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"kith"
)

// newClient is a client of the server at an address. It dials when it is first used, and
// again when the server has gone.
func newClient(address string) (stub, error) {
	dial := func(ctx context.Context, address string) (net.Conn, error) { return kith.DialNet(ctx, address) }
	conn, err := grpc.NewClient("passthrough:///"+address,
		grpc.WithContextDialer(dial),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(largest)),
		grpc.WithConnectParams(grpc.ConnectParams{ // a neighbour is back sooner than a network
			Backoff:           backoff.Config{BaseDelay: 10 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
			MinConnectTimeout: time.Second,
		}))
	return stub{conn}, err
}

// count prints what the server counts.
func (s stub) count(ctx context.Context, to int64) error {
	numbers, err := s.Count(ctx, to)
	for err == nil {
		var n *number
		if n, err = numbers.Recv(); err == nil {
			fmt.Println(n.GetValue())
		}
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// chat sends lines, and prints the answer to each.
func (s stub) chat(ctx context.Context, lines io.Reader) error {
	chat, err := s.Chat(ctx)
	if err != nil {
		return err
	}
	for in := bufio.NewScanner(lines); in.Scan(); {
		if err := chat.Send(wrapperspb.Bytes(in.Bytes())); err != nil && !errors.Is(err, io.EOF) { // Recv says why
			return err
		}
		answer, err := chat.Recv()
		if err != nil {
			return err
		}
		fmt.Printf("%s\n", answer.GetValue())
	}
	if err := chat.CloseSend(); err != nil {
		return err
	}
	if _, err := chat.Recv(); !errors.Is(err, io.EOF) { // the server has ended it, too
		return err
	}
	return nil
}
