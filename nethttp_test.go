package kith_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"testing"

	"kith"
	"kith/internal/kithtest"
)

func init() {
	kithtest.Register(map[string]kithtest.Func{"serve http": serveHTTP})
}

// serveHTTP answers what it is sent, and who it is.
func serveHTTP(args []string) error {
	l, err := kith.ListenNet(context.Background(), args[0])
	if err != nil {
		return err
	}
	kithtest.Say("ready")
	http.HandleFunc("/sum", func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.New()
		if _, err := io.Copy(sum, r.Body); err == nil {
			fmt.Fprintf(w, "%x", sum.Sum(nil))
		}
	})
	http.HandleFunc("/hang", func(_ http.ResponseWriter, r *http.Request) {
		kithtest.Say("hanging")
		<-r.Context().Done()
		kithtest.Say("let go")
	})
	return http.Serve(l, nil)
}

// overKith is a client of net/http whose connections are kith's.
func overKith(address string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return kith.DialNet(ctx, address) },
	}}
}

// net/http runs between two processes, unchanged: many requests at once, bodies larger
// than a ring, a client that leaves, a server that is killed.
func TestHTTP(t *testing.T) {
	address := at("shm", alone(t))
	server := kithtest.Command(t, "serve http", address).Start()
	heard(t, server, "ready")
	client := overKith(address)
	defer client.CloseIdleConnections()

	var all sync.WaitGroup
	for size := range 32 {
		all.Go(func() {
			body := bytes.Repeat([]byte{byte(size)}, size*50_000)
			response, err := client.Post("http://kith/sum", "", bytes.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			defer response.Body.Close()
			got, err := io.ReadAll(response.Body)
			if want := fmt.Sprintf("%x", sha256.Sum256(body)); string(got) != want || err != nil {
				t.Errorf("%d bytes: %q, %v, want %s", len(body), got, err, want)
			}
		})
	}
	all.Wait()

	ctx, leave := context.WithCancel(t.Context())
	leaving := kithtest.Go(func() error { return get(ctx, client) })
	heard(t, server, "hanging")
	leave()
	if err := leaving.Wait(); !errors.Is(err, context.Canceled) {
		t.Errorf("the client left: %v", err)
	}
	heard(t, server, "let go")

	fresh := overKith(address) // on a connection that was used before, net/http tries again
	staying := kithtest.Go(func() error { return get(t.Context(), fresh) })
	heard(t, server, "hanging")
	server.Kill()
	if err := staying.Wait(); !errors.Is(err, kith.ErrPeerDied) {
		t.Errorf("the server was killed: %v, want ErrPeerDied", err)
	}
}

func get(ctx context.Context, client *http.Client) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://kith/hang", nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err == nil {
		_ = response.Body.Close()
	}
	return err
}

func heard(t *testing.T, child *kithtest.Child, want string) {
	t.Helper()
	if got, err := child.Hear(); got != want {
		t.Fatalf("heard %q, %v, want %q", got, err, want)
	}
}

// net/http over shared memory: the server and its clients differ from others in one
// line each.
func ExampleListenNet() {
	l, err := kith.ListenNet(context.Background(), "shm:example-web")
	if err != nil {
		log.Fatal(err)
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello, ", r.URL.Path[1:]) })
	go http.Serve(l, hello)

	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return kith.DialNet(ctx, "shm:example-web")
		},
	}}
	response, err := client.Get("http://kith/neighbour")
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	fmt.Println(string(text), err)
	_ = l.Close()
	// Output: hello, neighbour <nil>
}
