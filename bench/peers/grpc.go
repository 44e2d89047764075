package main

import (
	"context"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// exchange is a service with one method, a stream of BytesValue both ways.
var exchange = grpc.StreamDesc{StreamName: "Exchange", ServerStreams: true, ClientStreams: true}

// window is how much a stream may have under way: with a fixed one gRPC does not probe
// for the best, which its documentation calls the choice where the network is known.
const window = 4 << 20

var grpcAt = &meeting{
	listen: func(_ context.Context, place string) (func() (link, error), error) {
		socket, err := net.Listen("unix", place+".grpc")
		if err != nil {
			return nil, err
		}
		streams := make(chan grpc.ServerStream)
		over := make(chan struct{})
		method := exchange
		method.Handler = func(_ any, stream grpc.ServerStream) error {
			streams <- stream
			<-over
			return nil
		}
		server := grpc.NewServer(grpc.InitialWindowSize(window), grpc.InitialConnWindowSize(window))
		server.RegisterService(&grpc.ServiceDesc{ServiceName: "Peers", HandlerType: (*any)(nil), Streams: []grpc.StreamDesc{method}}, nil)
		go func() { _ = server.Serve(socket) }()
		return func() (link, error) {
			return &rpc{stream: <-streams, end: func() error {
				close(over)
				server.GracefulStop()
				return nil
			}}, nil
		}, nil
	},
	dial: func(ctx context.Context, place string) (link, error) {
		client, err := grpc.NewClient("unix:"+place+".grpc", grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithInitialWindowSize(window), grpc.WithInitialConnWindowSize(window))
		if err != nil {
			return nil, err
		}
		stream, err := client.NewStream(ctx, &exchange, "/Peers/Exchange")
		if err != nil {
			return nil, err
		}
		return &rpc{stream: stream, end: client.Close}, nil
	},
}

// An rpc link is a stream of gRPC.
type rpc struct {
	stream interface {
		SendMsg(any) error
		RecvMsg(any) error
	}
	in  wrapperspb.BytesValue
	end func() error
}

// put allocates: a message is not to be changed after SendMsg.
func (r *rpc) put(number uint64, size int) error {
	payload := make([]byte, size)
	fill(payload, number)
	return r.stream.SendMsg(wrapperspb.Bytes(payload))
}

func (*rpc) flush() error { return nil }

func (r *rpc) take(number uint64, size int) error {
	if err := r.stream.RecvMsg(&r.in); err != nil {
		return err
	}
	return check(r.in.GetValue(), size, number)
}

func (r *rpc) Close() error { return r.end() }
