package cli

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// redraw is how often the line is drawn: fast enough to look alive.
const redraw = 100 * time.Millisecond

// A progress counts the bytes of a transfer and, where standard error is a
// terminal, shows them there in one line that is drawn again and again.
type progress struct {
	verb  string
	size  int64 // -1: unknown
	start time.Time
	count atomic.Int64

	shown   bool
	stop    chan struct{}
	drawing sync.WaitGroup
}

func startProgress(verb string, size int64, quiet bool) *progress {
	p := &progress{verb: verb, size: size, start: time.Now(), stop: make(chan struct{})}
	if p.shown = !quiet && isTerminal(os.Stderr); p.shown {
		p.drawing.Go(p.draw)
	}
	return p
}

func (p *progress) add(n int)    { p.count.Add(int64(n)) }
func (p *progress) bytes() int64 { return p.count.Load() }

// end takes the line away, and sums up a transfer that worked.
func (p *progress) end(err error) {
	close(p.stop)
	p.drawing.Wait()
	if p.shown && err == nil {
		elapsed := time.Since(p.start)
		fmt.Fprintf(os.Stderr, "%s %s in %.2f s, %s\n", p.verb, formatBytes(p.bytes()), elapsed.Seconds(), p.rate(elapsed))
	}
}

func (p *progress) draw() {
	const toLineStart, clearToEnd = "\r", "\x1b[K"
	ticker := time.NewTicker(redraw)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			fmt.Fprint(os.Stderr, toLineStart+clip(p.line(time.Since(p.start)), columns(os.Stderr)-1)+clearToEnd)
		case <-p.stop:
			fmt.Fprint(os.Stderr, toLineStart+clearToEnd)
			return
		}
	}
}

func (p *progress) line(elapsed time.Duration) string {
	count := p.bytes()
	text := p.verb + " " + formatBytes(count)
	if p.size > 0 {
		text += fmt.Sprintf(" of %s (%d %%)", formatBytes(p.size), 100*count/p.size)
	}
	seconds := int(elapsed.Seconds())
	return text + fmt.Sprintf(", %s, %d:%02d", p.rate(elapsed), seconds/60, seconds%60)
}

// rate is the average so far.
func (p *progress) rate(elapsed time.Duration) string {
	return formatBytes(int64(float64(p.bytes())/elapsed.Seconds())) + "/s"
}

// clip keeps a line from wrapping, for what wrapped cannot be drawn over.
func clip(line string, width int) string {
	return line[:min(len(line), max(width, 0))]
}

// formatBytes writes n with three or four digits and a decimal unit.
func formatBytes(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	value, units := float64(n), "kMGTPE"
	for value /= 1000; value >= 999.95 && len(units) > 1; value /= 1000 {
		units = units[1:]
	}
	return strings.TrimSpace(fmt.Sprintf("%.1f %cB", value, units[0]))
}
