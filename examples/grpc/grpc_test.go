package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"kith/internal/kithtest"
)

func TestMain(m *testing.M) {
	kithtest.Register(map[string]kithtest.Func{"program": func([]string) error { main(); return nil }})
	kithtest.Main(m)
}

// named is an address for a test.
func named(t testing.TB, scheme string) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "grpc") // a socket's path has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	return scheme + ":" + filepath.Join(folder, "socket")
}

// started is a server in a process of its own.
func started(t testing.TB, address string) *kithtest.Child {
	t.Helper()
	server := kithtest.Command(t, "program", "serve", address).Start()
	hear(t, server, "serving "+address)
	return server
}

func hear(t testing.TB, child *kithtest.Child, want string) {
	t.Helper()
	if line, err := child.Hear(); line != want {
		t.Fatalf("the server said %q, %v, want %q", line, err, want)
	}
}

// both runs a test with a server and a client, over shared memory and over what else an
// address can say.
func both(t *testing.T, test func(t *testing.T, address string, server *kithtest.Child, client stub)) {
	for _, scheme := range []string{"shm", "unix"} {
		t.Run(scheme, func(t *testing.T) {
			address := named(t, scheme)
			server := started(t, address)
			client, err := newClient(address)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			test(t, address, server, client)
		})
	}
}

func wantCode(t *testing.T, what string, err error, want codes.Code) {
	t.Helper()
	if status.Code(err) != want {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func TestCalls(t *testing.T) {
	both(t, func(t *testing.T, _ string, server *kithtest.Child, client stub) {
		if got, err := client.Say(t.Context(), []byte("hello")); string(got) != "you said: hello" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		large := bytes.Repeat([]byte("4 MiB of this. "), 4<<20/15)
		if got, err := client.Say(t.Context(), large); string(got) != "you said: "+string(large) || err != nil {
			t.Errorf("a large message: %d bytes of %d, %v", len(got), len(large), err)
		}
		_, err := client.Say(t.Context(), make([]byte, largest+1))
		wantCode(t, "a message that is too large", err, codes.ResourceExhausted)

		numbers, err := client.Count(t.Context(), 10_000)
		if err != nil {
			t.Fatal(err)
		}
		for want := range int64(10_000) {
			if n, err := numbers.Recv(); n.GetValue() != want+1 || err != nil {
				t.Fatalf("%d, %v, want %d", n.GetValue(), err, want+1)
			}
		}
		if _, err := numbers.Recv(); !errors.Is(err, io.EOF) {
			t.Error(err)
		}
		numbers, err = client.Count(t.Context(), -1)
		if err == nil {
			_, err = numbers.Recv()
		}
		wantCode(t, "what the server refuses", err, codes.InvalidArgument)
	})
}

// A hundred streams at once, each in step with its own answers, share one connection.
func TestManyStreams(t *testing.T) {
	both(t, func(t *testing.T, _ string, _ *kithtest.Child, client stub) {
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				if err := converse(t.Context(), client, i, 20); err != nil {
					t.Errorf("stream %d: %v", i, err)
				}
			})
		}
		all.Wait()
	})
}

// converse chats, with messages of many sizes.
func converse(ctx context.Context, client stub, i, count int) error {
	chat, err := client.Chat(ctx)
	if err != nil {
		return err
	}
	for n := range count {
		said := bytes.Repeat([]byte{byte(i), byte(n)}, n*n*50)
		if err := chat.Send(wrapperspb.Bytes(said)); err != nil {
			return err
		}
		answer, err := chat.Recv()
		if err != nil {
			return err
		}
		if !bytes.Equal(answer.GetValue(), said) {
			return fmt.Errorf("message %d of %d bytes is another: %d bytes", n, len(said), len(answer.GetValue()))
		}
	}
	if err := chat.CloseSend(); err != nil {
		return err
	}
	if _, err := chat.Recv(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("at the end: %w", err)
	}
	return nil
}

// begin opens a chat, of which the server says so.
func begin(ctx context.Context, t *testing.T, server *kithtest.Child, client stub) grpc.BidiStreamingClient[text, text] {
	t.Helper()
	chat, err := client.Chat(ctx)
	if err == nil {
		err = chat.Send(wrapperspb.Bytes([]byte("?")))
	}
	if err == nil {
		_, err = chat.Recv()
	}
	if err != nil {
		t.Fatal(err)
	}
	hear(t, server, "a chat begins")
	return chat
}

// A deadline and a cancellation end the call on both sides, and nobody else's.
func TestCutOff(t *testing.T) {
	both(t, func(t *testing.T, _ string, server *kithtest.Child, client stub) {
		staying := begin(t.Context(), t, server, client)

		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, err := begin(ctx, t, server, client).Recv()
		wantCode(t, "after the deadline", err, codes.DeadlineExceeded)
		line, err := server.Hear() // whichever comes first there: its own clock, or our reset
		if line != "a chat is cut off: DeadlineExceeded" && line != "a chat is cut off: Canceled" {
			t.Errorf("the server said %q, %v", line, err)
		}

		ctx, leave := context.WithCancel(t.Context())
		chat := begin(ctx, t, server, client)
		waiting := kithtest.Go(func() error { _, err := chat.Recv(); return err })
		if err := waiting.Parked(); err != nil {
			t.Error(err)
		}
		leave()
		wantCode(t, "cancelled", waiting.Wait(), codes.Canceled)
		hear(t, server, "a chat is cut off: Canceled")

		if err := staying.CloseSend(); err != nil {
			t.Error(err)
		}
		if _, err := staying.Recv(); !errors.Is(err, io.EOF) {
			t.Errorf("who stayed: %v", err)
		}
		hear(t, server, "a chat ends")
	})
}

// A server that is killed fails its calls. The client finds the next one under the name.
func TestKilled(t *testing.T) {
	both(t, func(t *testing.T, address string, server *kithtest.Child, client stub) {
		for range 3 {
			chat := begin(t.Context(), t, server, client)
			waiting := kithtest.Go(func() error { _, err := chat.Recv(); return err })
			if err := waiting.Parked(); err != nil {
				t.Error(err)
			}
			server.Kill()
			wantCode(t, "a call of a server that was killed", waiting.Wait(), codes.Unavailable)
			_, err := client.Say(t.Context(), []byte("anybody?"))
			wantCode(t, "a call without a server", err, codes.Unavailable)

			ready := kithtest.Go(func() error {
				_, err := client.Say(t.Context(), []byte("at last"), grpc.WaitForReady(true))
				return err
			})
			if err := ready.Parked(); err != nil {
				t.Error(err)
			}
			server = started(t, address)
			if err := ready.Wait(); err != nil {
				t.Errorf("a call that waits for the next server: %v", err)
			}
		}
	})
}

// A client that is killed ends its calls; the server serves on.
func TestClientKilled(t *testing.T) {
	p := program(t)
	both(t, func(t *testing.T, address string, server *kithtest.Child, client stub) {
		for range 3 {
			leaver := kithtest.Peer(t, exec.Command(p, "chat", address)).Start()
			if err := leaver.Say("hello"); err != nil {
				t.Fatal(err)
			}
			hear(t, leaver, "hello")
			hear(t, server, "a chat begins")
			leaver.Kill()
			hear(t, server, "a chat is cut off: Canceled")
		}
		if _, err := client.Say(t.Context(), []byte("and you?")); err != nil {
			t.Error(err)
		}
	})
}

// program is this one, built.
func program(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	binary := filepath.Join(folder, "program")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// The program does what its comment says, and the server ends when its calls have.
func TestProgram(t *testing.T) {
	p := program(t)
	address := named(t, "shm")
	server := kithtest.Peer(t, exec.Command(p, "serve", address)).Start()
	hear(t, server, "serving "+address)
	for _, ask := range []struct {
		args  []string
		stdin string
		want  string
	}{
		{[]string{"say", address, "hello"}, "", "you said: hello\n"},
		{[]string{"count", address, "3"}, "", "1\n2\n3\n"},
		{[]string{"chat", address}, "one\ntwo\n", "one\ntwo\n"},
	} {
		cmd := exec.Command(p, ask.args...)
		cmd.Stdin = strings.NewReader(ask.stdin)
		if out, err := cmd.CombinedOutput(); string(out) != ask.want || err != nil {
			t.Errorf("%v: %q, %v, want %q", ask.args, out, err, ask.want)
		}
	}
	hear(t, server, "a chat begins")
	hear(t, server, "a chat ends")

	client := kithtest.Peer(t, exec.Command(p, "chat", address)).Start()
	if err := client.Say("still here"); err != nil {
		t.Fatal(err)
	}
	hear(t, client, "still here")
	hear(t, server, "a chat begins")
	if err := server.Cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := client.Say("and still"); err != nil {
		t.Fatal(err)
	}
	hear(t, client, "and still")
	client.Kill()
	hear(t, server, "a chat is cut off: Canceled")
	if err := server.Wait(); err != nil {
		t.Errorf("the server: %v", err)
	}
	if out, err := exec.Command(p, "say", address, "hello").CombinedOutput(); err == nil || !strings.Contains(string(out), "nobody is listening") {
		t.Errorf("without a server: %q, %v", out, err)
	}
}
