package shm

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"kith/driver"
	"kith/internal/kithtest"
	"kith/internal/sys"
	"kith/ring"
	"kith/sock"
)

var update = flag.Bool("update", false, "write testdata/connection.golden anew")

const (
	golden = "testdata/connection.golden"
	page   = "../../docs/layout.md"
)

// Everything that a connection put where another process sees it, byte by byte. It
// is little-endian, as the machines are that we run on.
func TestGolden(t *testing.T) {
	got := dumpConnection(t)
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(got, "\n") {
		if wanted := nth(strings.Split(string(want), "\n"), i); line != wanted {
			t.Fatalf("%s:%d (made anew by: go test ./transport/shm -run Golden -update)\n got  %s\n want %s", golden, i+1, line, wanted)
		}
	}
}

func nth(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "nothing"
}

// The page shows parts of the dump: between lines of three backquotes, in a block that
// begins with a comment as the dump has it.
func TestPageShowsTheDump(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	dump, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for i, block := range strings.Split(string(text), "```\n") {
		if i%2 == 1 && strings.HasPrefix(block, "# ") {
			shown++
			if !strings.Contains(string(dump), block) {
				t.Errorf("%s shows what is not in %s:\n%s", page, golden, block)
			}
		}
	}
	if shown < 3 {
		t.Errorf("%s shows %d parts of %s", page, shown, golden)
	}
}

// A part is from where on, and what is there.
type part struct {
	at   int
	what string
}

const start = ring.ControlSize

var (
	helloParts = []part{
		{0, "magic"}, {8, "byte order, versions 1 to 1, exchange, form, barrier"}, {16, "refusal"},
		{24, "limit"}, {32, "packet"}, {40, "ring"}, {48, "session, and zero"},
	}
	dialerParts = []part{
		{0, "magic, and the size of the ring"},
		{128, "consumed: 0; 16 bytes of the listener's ring have been read, too few to tell"},
		{256, "wants data: parked, for the second time, with the flag"},
		{384, "wants room: never yet"},
		{start, "position 4096: what is left of 1000 bytes of \"e\" that began at 3560"},
		{start + 472, "position 4568: goodbye; behind it the remains of 1024 bytes of \"a\", from position 24"},
		{start + 1056, "position 1056: the second piece, 1024 bytes of \"b\""},
		{start + 2088, "position 2088: the last piece, 452 bytes of \"c\", and padding"},
		{start + 2552, "position 2552: a message of 1000 bytes of \"d\""},
		{start + 3560, "position 3560: a message of 1000 bytes of \"e\", which goes on at the beginning of the ring"},
	}
	listenerParts = []part{
		{0, "magic, and the size of the ring"},
		{128, "consumed: 4568, all but the goodbye"},
		{256, "wants data: nobody"},
		{384, "wants room: nobody"},
		{start, "position 0: a message of 7 bytes, and padding"},
		{start + 16, "position 16: the next header, not there yet"},
	}
)

// dumpConnection makes a connection, has a known history happen, and describes the
// hellos and both memfds, each as the other side sees it.
func dumpConnection(t *testing.T) string {
	t.Helper()
	hellos, dialer, listener, forward := joinThroughRelay(t)
	defer listener.Close()
	defer dialer.Close()
	happen(t, dialer, listener, forward)
	waiting := kithtest.Go(func() error { _, err := dialer.Receive(t.Context()); return err })
	if err := waiting.Parked(); err != nil {
		t.Fatal(err)
	}
	const size = start + ring.MinSize
	return "A connection with rings of 4096 bytes: what the two sides said, and their memory after\n" +
		"what docs/layout.md tells. Offsets are in hex; equal lines are shown once, and then a *.\n" +
		"\n== the dialer's hello, with its memfd and a socket ==\n" + dump(hellos[0], helloParts) +
		"\n== the listener's hello, with its memfd ==\n" + dump(hellos[1], helloParts) +
		"\n== the dialer's memfd ==\n" + dump(listener.peer[:size], dialerParts) +
		"\n== the listener's memfd ==\n" + dump(dialer.peer[:size], listenerParts)
}

// happen is the history.
func happen(t *testing.T, dialer, listener *conn, forward func() error) {
	t.Helper()
	for _, message := range []string{
		"", "hello", strings.Repeat("a", 1024) + strings.Repeat("b", 1024) + strings.Repeat("c", 452),
		strings.Repeat("d", 1000), strings.Repeat("e", 1000),
	} {
		err := dialer.Send(t.Context(), []byte(message))
		got, received := listener.Receive(t.Context())
		if err := errors.Join(err, received); err != nil || string(got) != message {
			t.Fatalf("%q, %v", got, err)
		}
	}
	waiting := kithtest.Go(func() error { _, err := dialer.Receive(t.Context()); return err })
	err := waiting.Parked()
	err = cmp.Or(err, listener.Send(t.Context(), []byte("welcome")))
	if err := cmp.Or(err, forward()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(waiting.Wait(), dialer.CloseSend()); err != nil {
		t.Fatal(err)
	}
	if _, err := listener.Receive(t.Context()); !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
}

// joinThroughRelay joins two sides whose handshake passes through our hands. Then
// forward passes on one knock of the listener's.
func joinThroughRelay(t *testing.T) (hellos [2][]byte, dialer, listener *conn, forward func() error) {
	t.Helper()
	ours, toDialer := relayed(t)
	theirs, toListener := relayed(t)
	var conns [2]driver.Conn
	join := func(i int, shake func(context.Context, Endpoint, driver.Address, Options) (driver.Conn, error), at Endpoint) *kithtest.Call {
		return kithtest.Go(func() (err error) {
			conns[i], err = shake(t.Context(), at, driver.Address{}, Options{Limit: 1 << 20, Ring: ring.MinSize})
			return err
		})
	}
	offering, answering := join(0, Offer, ours), join(1, Answer, theirs)
	var err error
	if hellos[0], err = pass(t, toDialer, toListener, 2); err == nil {
		hellos[1], err = pass(t, toListener, toDialer, 1)
	}
	if err := cmp.Or(err, errors.Join(offering.Wait(), answering.Wait())); err != nil {
		t.Fatal(err)
	}
	forward = func() error { _, err := pass(t, toListener, toDialer, 0); return err }
	return hellos, conns[0].(*conn), conns[1].(*conn), forward
}

func relayed(t *testing.T) (side *os.File, relay *sock.Socket) {
	t.Helper()
	side, other, err := sock.Pair(sock.Packet)
	if err != nil {
		t.Fatal(err)
	}
	if relay, err = sock.On(other); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = relay.Close() })
	return side, relay
}

// pass passes a packet on, with so many descriptors.
func pass(t *testing.T, from, to *sock.Socket, files int) ([]byte, error) {
	packet := make([]byte, 100)
	m, err := from.Receive(t.Context(), packet, sock.Exactly(files))
	if err != nil {
		return nil, err
	}
	defer m.Close()
	if files > 0 && !sys.HaveBarrier() {
		packet[13] = 1 // as the dump has it, of a kernel that knows it
	}
	return packet[:m.N], to.Send(t.Context(), packet[:m.N], m.Files...)
}

// dump is a memory, part by part.
func dump(memory []byte, parts []part) string {
	var text strings.Builder
	for i, p := range parts {
		end := len(memory)
		if i+1 < len(parts) {
			end = parts[i+1].at
		}
		fmt.Fprintf(&text, "# %s\n", p.what)
		dumpLines(&text, p.at, memory[p.at:end])
	}
	return text.String()
}

func dumpLines(text *strings.Builder, at int, memory []byte) {
	var last []byte
	skipped := false
	for ; len(memory) > 0; at += len(last) {
		line := memory[:min(len(memory), 16-at%16)]
		memory = memory[len(line):]
		if same := bytes.Equal(line, last); !same {
			fmt.Fprintf(text, "%04x  %-47s  %s\n", at, spaced(line), printable(line))
			skipped = false
		} else if !skipped {
			text.WriteString("*\n")
			skipped = true
		}
		last = line
	}
}

func spaced(line []byte) string {
	pairs := make([]string, len(line))
	for i := range line {
		pairs[i] = hex.EncodeToString(line[i : i+1])
	}
	return strings.Join(pairs, " ")
}

func printable(line []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '.'
		}
		return r
	}, string(bytes.ToValidUTF8(line, []byte{'.'})))
}
