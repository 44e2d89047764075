package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"kith"
)

// largest is what a message may have, bytes, on either side.
const largest = 16 << 20

// serve serves until ctx ends.
func serve(ctx context.Context, address string) error {
	l, err := kith.ListenNet(ctx, address) // elsewhere net.Listen("tcp", ":7000")
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(largest))
	server.RegisterService(&neighbour, host{})
	stopped := make(chan struct{})
	context.AfterFunc(ctx, func() { server.GracefulStop(); close(stopped) })
	fmt.Println("serving", l.Addr())
	if err := server.Serve(l); err != nil {
		return err
	}
	<-stopped
	return nil
}

// A host is the Neighbour that serves.
type host struct{}

func (host) Say(_ context.Context, said *text) (*text, error) {
	return wrapperspb.Bytes(append([]byte("you said: "), said.GetValue()...)), nil
}

func (host) Count(to *number, answers grpc.ServerStreamingServer[number]) error {
	if to.GetValue() < 0 {
		return status.Error(codes.InvalidArgument, "count to less than nothing?")
	}
	for n := range to.GetValue() {
		if err := answers.Send(wrapperspb.Int64(n + 1)); err != nil {
			return err
		}
	}
	return nil
}

// Chat answers each message with the same.
func (host) Chat(chat grpc.BidiStreamingServer[text, text]) error {
	fmt.Println("a chat begins")
	for {
		said, err := chat.Recv()
		switch {
		case errors.Is(err, io.EOF):
			fmt.Println("a chat ends")
			return nil
		case err != nil:
			fmt.Println("a chat is cut off:", status.Code(err)) // by a deadline, too, or by the client's death
			return err
		}
		if err := chat.Send(said); err != nil {
			return err
		}
	}
}
