package kith_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"kith"
	"kith/internal/kithtest"
)

func init() {
	kithtest.Register(map[string]kithtest.Func{
		"serve all of http":          serveAllOfHTTP,
		"serve with few descriptors": serveWithFewDescriptors,
	})
}

// large is the size of a large body, bytes.
const large = 100 << 20

// body is so many bytes, which no buffer of a usual size divides.
func body(size int64) io.Reader { return io.LimitReader(&repeating{text: noise(999_983)}, size) }

type repeating struct {
	text []byte
	at   int
}

func (r *repeating) Read(p []byte) (n int, err error) {
	n = copy(p, r.text[r.at:])
	r.at = (r.at + n) % len(r.text)
	return n, nil
}

func sumOf(t *testing.T, from io.Reader) string {
	t.Helper()
	sum := sha256.New()
	if _, err := io.Copy(sum, from); err != nil {
		t.Error(err)
	}
	return fmt.Sprintf("%x", sum.Sum(nil))
}

// serveAllOfHTTP serves what the tests below ask for, until it is told to shut down.
func serveAllOfHTTP(args []string) error {
	l, err := kith.ListenNet(context.Background(), args[0])
	if err != nil {
		return err
	}
	var connections atomic.Int32
	server := &http.Server{Protocols: new(http.Protocols), ConnState: func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	http.HandleFunc("/sum", func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.New()
		_, err := io.Copy(sum, r.Body)
		fmt.Fprintf(w, "%x %v %s", sum.Sum(nil), err, r.Proto)
	})
	http.HandleFunc("/body", func(w http.ResponseWriter, r *http.Request) {
		size, _ := strconv.ParseInt(r.FormValue("size"), 10, 64)
		_, _ = io.Copy(w, body(size))
	})
	http.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, args[1]) })
	http.HandleFunc("/connections", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, connections.Load()) })
	http.HandleFunc("/upgrade", upgrade)
	http.HandleFunc("/slow", func(w http.ResponseWriter, _ *http.Request) {
		kithtest.Say("at work")
		kithtest.Hear() // "finish"
		fmt.Fprint(w, "finished")
	})
	http.HandleFunc("/stop", func(http.ResponseWriter, *http.Request) {
		go func() { _ = server.Shutdown(context.Background()); kithtest.Say("down") }()
	})
	kithtest.Say("ready")
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	kithtest.Say("closed")
	select {} // until the test ends
}

// upgrade takes the connection over, and says everything again until its end.
func upgrade(w http.ResponseWriter, _ *http.Request) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		kithtest.Say(err.Error())
		return
	}
	defer conn.Close()
	fmt.Fprint(buffered, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	_ = buffered.Flush()
	if _, err := io.Copy(conn, buffered); err != nil {
		kithtest.Say(err.Error())
	}
	fmt.Fprint(conn, "; that was all")
	_ = conn.(interface{ CloseWrite() error }).CloseWrite()
	_, _ = io.Copy(io.Discard, conn)
}

func served(t *testing.T) (address string, server *kithtest.Child) {
	t.Helper()
	address = at("shm", alone(t))
	path := filepath.Join(t.TempDir(), "file")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(file, body(large/5)); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	server = kithtest.Command(t, "serve all of http", address, path).Start()
	heard(t, server, "ready")
	return address, server
}

// text is the response's body, of a request that succeeded.
func text(t *testing.T, response *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Error(err)
		return ""
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Error(response.Status, err)
	}
	return string(got)
}

// Bodies of 100 MiB go either way, and a file; with HTTP/1.1, and with HTTP/2 that both sides
// know of.
func TestHTTPLarge(t *testing.T) {
	address, _ := served(t)
	for _, version := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(version, func(t *testing.T) {
			client := overKith(address)
			defer client.CloseIdleConnections()
			protocols := new(http.Protocols)
			protocols.SetHTTP1(version == "HTTP/1.1")
			protocols.SetUnencryptedHTTP2(version == "HTTP/2.0")
			client.Transport.(*http.Transport).Protocols = protocols

			response, err := client.Post("http://kith/sum", "", body(large))
			if got, want := text(t, response, err), sumOf(t, body(large))+" <nil> "+version; got != want {
				t.Errorf("up: %q, want %q", got, want)
			}
			for path, size := range map[string]int64{"/body?size=" + strconv.Itoa(large): large, "/file": large / 5} {
				response, err := client.Get("http://kith" + path)
				if err != nil {
					t.Fatal(err)
				}
				if got, want := sumOf(t, response.Body), sumOf(t, body(size)); got != want {
					t.Errorf("%s: %s, want %s", path, got, want)
				}
				_ = response.Body.Close()
			}
			if got := ask(t, client, "/connections"); version == "HTTP/1.1" && got != "1" {
				t.Errorf("it took %s connections", got)
			}
		})
	}
}

func ask(t *testing.T, client *http.Client, path string) string {
	t.Helper()
	response, err := client.Get("http://kith" + path)
	return text(t, response, err)
}

// Many requests at once share one connection of HTTP/2.
func TestHTTP2Streams(t *testing.T) {
	address, _ := served(t)
	client := overKith(address)
	defer client.CloseIdleConnections()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	client.Transport.(*http.Transport).Protocols = protocols
	ask(t, client, "/connections") // it is there
	var all sync.WaitGroup
	for n := range int64(50) {
		all.Go(func() {
			response, err := client.Post("http://kith/sum", "", body(n*20_000))
			if got, want := text(t, response, err), sumOf(t, body(n*20_000))+" <nil> HTTP/2.0"; got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
	all.Wait()
	if got := ask(t, client, "/connections"); got != "1" {
		t.Errorf("it took %s connections", got)
	}
}

// A handler takes its connection over: both ends say when they have said everything, one
// after the other.
func TestHTTPHijack(t *testing.T) {
	address, _ := served(t)
	conn, err := kith.DialNet(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	write(t, conn, "GET /upgrade HTTP/1.1\r\nHost: kith\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nfirst ")
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(response, err)
	}
	write(t, conn, "and last")
	if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Error(err)
	}
	if got, err := io.ReadAll(reader); string(got) != "first and last; that was all" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// Shutdown takes nobody any more, lets those at work finish, and closes the idle.
func TestHTTPShutdown(t *testing.T) {
	address, server := served(t)
	client, idle := overKith(address), overKith(address)
	ask(t, idle, "/connections")
	var got string
	working := kithtest.Go(func() error { got = ask(t, client, "/slow"); return nil })
	heard(t, server, "at work")
	ask(t, overKith(address), "/stop")
	heard(t, server, "closed")
	if _, err := kith.DialNet(t.Context(), address); !errors.Is(err, kith.ErrNoListener) {
		t.Errorf("a dialer after it: %v", err)
	}
	if err := server.Say("finish"); err != nil {
		t.Error(err)
	}
	if err := working.Wait(); err != nil || got != "finished" {
		t.Errorf("who was at work: %q, %v", got, err)
	}
	heard(t, server, "down")
	if _, err := idle.Get("http://kith/connections"); !errors.Is(err, kith.ErrNoListener) {
		t.Errorf("who was idle: %v", err)
	}
}

// serveWithFewDescriptors says when it has run out of them.
func serveWithFewDescriptors(args []string) error {
	l, err := kith.ListenNet(context.Background(), args[0])
	if err != nil {
		return err
	}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	few := unix.Rlimit{Cur: uint64(len(open) + 12), Max: uint64(len(open) + 12)}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		return err
	}
	kithtest.Say("ready")
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })
	return (&http.Server{Handler: hello, ErrorLog: log.New(&outcry{}, "", 0)}).Serve(l)
}

// An outcry says what a server logs, once.
type outcry struct{ once sync.Once }

func (o *outcry) Write(p []byte) (int, error) {
	o.once.Do(func() { kithtest.Say(strings.TrimSpace(string(p))) })
	return len(p), nil
}

// A server that runs out of descriptors accepts again as soon as it has some.
func TestHTTPOutOfDescriptors(t *testing.T) {
	address := at("shm", alone(t))
	server := kithtest.Command(t, "serve with few descriptors", address).Start()
	heard(t, server, "ready")
	var many sync.WaitGroup
	release := make(chan struct{})
	for range 20 {
		many.Go(func() {
			client := overKith(address)
			if response, err := client.Get("http://kith/"); err == nil { // an error is for those in whose handshake it happens
				text(t, response, err)
			}
			<-release
			client.CloseIdleConnections()
		})
	}
	if cry, err := server.Hear(); !strings.Contains(cry, "Accept error") || !strings.Contains(cry, unix.EMFILE.Error()) {
		t.Errorf("it says %q, %v", cry, err)
	}
	close(release)
	many.Wait()
	for range 20 {
		client := overKith(address)
		if got := ask(t, client, "/"); got != "hello" {
			t.Errorf("afterwards: %q", got)
		}
		client.CloseIdleConnections()
	}
}
