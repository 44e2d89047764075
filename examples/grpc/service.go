package main

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// A Neighbour is the service. protoc-gen-go-grpc writes this file from
//
//	service Neighbour {
//	  rpc Say(google.protobuf.BytesValue) returns (google.protobuf.BytesValue);
//	  rpc Count(google.protobuf.Int64Value) returns (stream google.protobuf.Int64Value);
//	  rpc Chat(stream google.protobuf.BytesValue) returns (stream google.protobuf.BytesValue);
//	}
//
// here it is written by hand, so that nobody needs protoc to try the example.
type Neighbour interface {
	Say(ctx context.Context, text *text) (*text, error)
	Count(to *number, answers grpc.ServerStreamingServer[number]) error
	Chat(chat grpc.BidiStreamingServer[text, text]) error
}

type (
	text   = wrapperspb.BytesValue
	number = wrapperspb.Int64Value
)

var (
	countStream = grpc.StreamDesc{StreamName: "Count", Handler: serveCount, ServerStreams: true}
	chatStream  = grpc.StreamDesc{StreamName: "Chat", Handler: serveChat, ServerStreams: true, ClientStreams: true}

	neighbour = grpc.ServiceDesc{
		ServiceName: "kith.Neighbour",
		HandlerType: (*Neighbour)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Say", Handler: serveSay}},
		Streams:     []grpc.StreamDesc{countStream, chatStream},
	}
)

//nolint:revive // the order is gRPC's
func serveSay(server any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
	in := new(text)
	if err := decode(in); err != nil {
		return nil, err
	}
	call := func(ctx context.Context, in any) (any, error) { return server.(Neighbour).Say(ctx, in.(*text)) }
	if intercept == nil {
		return call(ctx, in)
	}
	return intercept(ctx, in, &grpc.UnaryServerInfo{Server: server, FullMethod: "/kith.Neighbour/Say"}, call)
}

func serveCount(server any, stream grpc.ServerStream) error {
	to := new(number)
	if err := stream.RecvMsg(to); err != nil {
		return err
	}
	return server.(Neighbour).Count(to, &grpc.GenericServerStream[number, number]{ServerStream: stream})
}

func serveChat(server any, stream grpc.ServerStream) error {
	return server.(Neighbour).Chat(&grpc.GenericServerStream[text, text]{ServerStream: stream})
}

// A stub is the client's side of the service.
type stub struct{ *grpc.ClientConn }

func (s stub) Say(ctx context.Context, said []byte, opts ...grpc.CallOption) ([]byte, error) {
	answer := new(text)
	err := s.Invoke(ctx, "/kith.Neighbour/Say", wrapperspb.Bytes(said), answer, opts...)
	return answer.GetValue(), err
}

func (s stub) Count(ctx context.Context, to int64, opts ...grpc.CallOption) (grpc.ServerStreamingClient[number], error) {
	stream, err := s.NewStream(ctx, &countStream, "/kith.Neighbour/Count", opts...)
	if err != nil {
		return nil, err
	}
	answers := &grpc.GenericClientStream[number, number]{ClientStream: stream}
	if err := stream.SendMsg(wrapperspb.Int64(to)); err != nil {
		return nil, err
	}
	return answers, stream.CloseSend()
}

func (s stub) Chat(ctx context.Context, opts ...grpc.CallOption) (grpc.BidiStreamingClient[text, text], error) {
	stream, err := s.NewStream(ctx, &chatStream, "/kith.Neighbour/Chat", opts...)
	if err != nil {
		return nil, err
	}
	return &grpc.GenericClientStream[text, text]{ClientStream: stream}, nil
}
