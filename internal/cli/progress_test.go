package cli

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"kith/internal/kithtest"
)

func TestFormatBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 1e6 - 1: "1.0 MB", 999_900: "999.9 kB",
		5<<20 + 12345: "5.3 MB", 589_414_400: "589.4 MB", 1e12: "1.0 TB", 1<<63 - 1: "9.2 EB",
	} {
		if got := formatBytes(n); got != want {
			t.Errorf("formatBytes(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestProgressLine(t *testing.T) {
	for size, want := range map[int64]string{
		-1:    "sent 1.5 MB, 500.0 kB/s, 0:03",
		0:     "sent 1.5 MB, 500.0 kB/s, 0:03",
		6e6:   "sent 1.5 MB of 6.0 MB (25 %), 500.0 kB/s, 0:03",
		1.5e6: "sent 1.5 MB of 1.5 MB (100 %), 500.0 kB/s, 0:03",
	} {
		p := &progress{verb: "sent", size: size}
		p.add(1.5e6)
		if got := p.line(3 * time.Second); got != want {
			t.Errorf("size %d: %q, want %q", size, got, want)
		}
	}
}

// On a terminal a receiver shows a line while bytes come, and a summary.
func TestProgressOnTerminal(t *testing.T) {
	p := newPlace(t)
	screen, terminal := openTerminal(t)
	in, input := pipe(t)
	s := p.start([]string{"send", "--listen", "unix:a"}, stdin(in))
	r := p.start([]string{"recv", "--dial", s.listening(), "out"}, stderrTo(terminal))
	if _, err := input.WriteString("hello"); err != nil {
		t.Fatal(err)
	}
	shown := readUntil(t, screen, "\rreceived 5 B, ")
	_, _ = in.Close(), input.Close()
	shown += readUntil(t, screen, " B/s\r\n")
	s.expect(exitDone, "")
	r.expect(exitDone, "")
	if !strings.Contains(shown, "\r\x1b[Kreceived 5 B in ") {
		t.Errorf("no summary over the line: %q", shown)
	}
}

func TestProgressQuiet(t *testing.T) {
	p := newPlace(t)
	p.write("in", fileSize)
	screen, terminal := openTerminal(t)
	s := p.start([]string{"send", "--listen", "unix:a", "in"})
	r := p.start([]string{"recv", "--quiet", "--dial", s.listening(), "out"}, stderrTo(terminal))
	s.expect(exitDone, "")
	r.expect(exitDone, "")
	if _, err := terminal.WriteString("end"); err != nil {
		t.Fatal(err)
	}
	if shown := readUntil(t, screen, "end"); shown != "end" {
		t.Errorf("--quiet shows %q", shown)
	}
}

func openTerminal(t *testing.T) (screen, terminal *os.File) {
	t.Helper()
	screen, terminal = kithtest.OpenTerminal(t)
	t.Cleanup(func() { _, _ = screen.Close(), terminal.Close() })
	return screen, terminal
}

func stderrTo(f *os.File) func(*exec.Cmd) { return func(c *exec.Cmd) { c.Stderr = f } }

// readUntil reads what the screen shows until text is there.
func readUntil(t *testing.T, screen *os.File, text string) string {
	t.Helper()
	shown, buffer := "", make([]byte, 1024)
	for !strings.Contains(shown, text) {
		n, err := screen.Read(buffer)
		if err != nil {
			t.Fatalf("%v after %q", err, shown)
		}
		shown += string(buffer[:n])
	}
	return shown
}
