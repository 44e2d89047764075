package examples

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
)

// Who does not read holds nobody up. What is owed to it comes when it reads; if that is
// too much, it is hung up on.
func ticketsHoarders(t *testing.T, p *program) {
	for _, hoard := range []struct {
		count int
		end   string
	}{{80, "80 right all"}, {3000, "right hung up"}} {
		t.Run(hoard.end, func(t *testing.T) {
			s := startTickets(p.in(t))
			other := s.client()
			askTicket(t, other, "before")
			hoarder := s.python("fifo_hoarder.py", "hoarder", strconv.Itoa(hoard.count), "4000")
			hear(t, hoarder, "asked")
			askTicket(t, other, "after") // so all has been taken
			if err := hoarder.Say("read"); err != nil {
				t.Fatal(err)
			}
			if line, err := hoarder.Hear(); err != nil || !strings.HasSuffix(line, hoard.end) {
				t.Errorf("%q, %v", line, err)
			}
			wantIdle(t, s.Child) // the debt is paid
			if err := errors.Join(hoarder.Say("go"), hoarder.Wait()); err != nil {
				t.Error(err)
			}
			s.awaitFIFOs(2)
		})
	}
}

// What is no request is not answered, and harms nobody.
func ticketsHostile(t *testing.T, p *program) {
	s := startTickets(p)
	client := s.client()
	askTicket(t, client, "before")
	elsewhere := t.TempDir()
	foreign := filepath.Join(elsewhere, "foreign.reply")
	regular := filepath.Join(s.file, "regular.reply")
	err := errors.Join(
		unix.Mkfifo(foreign, 0o600),
		os.WriteFile(regular, []byte("kept"), 0o600),
		os.Symlink(foreign, filepath.Join(s.file, "link.reply")),
		os.Symlink(regular, filepath.Join(s.file, "linked.reply")),
		os.Symlink("/dev/tty", filepath.Join(s.file, "terminal.reply")),
		os.Mkdir(filepath.Join(s.file, "folder.reply"), 0o700),
		os.Symlink(elsewhere, filepath.Join(s.file, "elsewhere")),
	)
	if err != nil {
		t.Fatal(err)
	}
	reader := openPipe(t, foreign, os.O_RDONLY|unix.O_NONBLOCK)
	long := strings.Repeat("x", 4001)
	hostile := []string{
		"../../" + filepath.Base(elsewhere) + "/foreign hi", "elsewhere/foreign hi",
		"/etc/passwd hi", "folder/../link hi", ". hi", " hi", "nobody hi", "requests hi", "link.reply hi",
		"regular hi", "link hi", "linked hi", "terminal hi", "folder hi", "one", "\x00 hi", "ü hi", strings.Repeat("n", 65) + " hi",
		"link " + long, long + long, strings.Repeat("y ", 1<<20),
	}
	for _, record := range hostile {
		s.request(record + "\n")
		askTicket(t, client, "between")
	}
	s.request("link half a rec") // whose writer is gone
	askTicket(t, client, "ours begins with a newline")
	s.request("link " + long)
	askTicket(t, client, "here, too")

	wordy := s.shell(`mkfifo -m 600 $$.reply; exec 3<>$$.reply; read -r words; echo "$$ $words" >requests; echo "$$ short" >requests; head -n 1 <&3`)
	if err := wordy.Say(long); err != nil {
		t.Fatal(err)
	}
	hear(t, wordy, fmt.Sprint(len(hostile)+4, " short"))
	if err := wordy.Wait(); err != nil {
		t.Error(err)
	}

	hangUp := []unix.PollFd{{Fd: int32(reader.Fd())}}
	if n, err := unix.Poll(hangUp, 0); n != 0 || err != nil {
		t.Errorf("a FIFO outside was opened, %v", err) // poll tells of a writer that has gone, though not of none
	}
	if text, err := os.ReadFile(regular); string(text) != "kept" || err != nil {
		t.Errorf("the regular file has %q, %v", text, err)
	}
	for _, name := range []string{"regular", "link", "linked", "terminal", "folder"} {
		if err := os.Remove(filepath.Join(s.file, name+".reply")); err != nil {
			t.Errorf("it was not the server's to remove: %v", err)
		}
	}
	if err := os.Remove(filepath.Join(s.file, "elsewhere")); err != nil {
		t.Error(err)
	}
	client.Kill()
	s.awaitFIFOs(1)
	s.end(1+len(hostile)+3, len(hostile)+3)
}

// Others write at full speed what is none of a client's business: clients are served
// all the same, and their requests are whole.
func ticketsFlood(t *testing.T, p *program) {
	kithtest.Need(t, "yes", "cat")
	s := startTickets(p)
	var floods []*kithtest.Child
	for _, flood := range []string{"exec yes >requests", "exec cat /dev/urandom >requests", "exec yes nobody here >requests"} {
		floods = append(floods, s.shell(flood))
	}
	var asking sync.WaitGroup
	for i, client := range s.crowd(10, 0, 0) {
		asking.Go(func() {
			for time := range 10 {
				askTicket(t, client, strings.Repeat(strconv.Itoa(i*10+time)+".", 4000)[:4000])
			}
			client.Kill()
		})
	}
	asking.Wait()
	for _, flood := range floods {
		flood.Kill()
		if err := flood.Wait(); err == nil || err.Error() != "signal: killed" {
			t.Errorf("%q had ended: %v", flood.Cmd.Args, err)
		}
	}
	s.awaitFIFOs(1)
}

// Somebody puts a link in place of his FIFO, and his FIFO in place of the link, again
// and again: the server never writes to where the link leads.
func ticketsSwapped(t *testing.T, p *program) {
	s := startTickets(p)
	foreign := filepath.Join(t.TempDir(), "foreign")
	if err := unix.Mkfifo(foreign, 0o600); err != nil {
		t.Fatal(err)
	}
	reader := openPipe(t, foreign, os.O_RDWR)
	own, link := filepath.Join(s.file, "swapped.reply"), filepath.Join(s.file, "link")
	ends := make(chan struct{})
	swapping := kithtest.Go(func() error {
		for {
			select {
			case <-ends:
				return nil
			default:
				_ = os.Symlink(foreign, link)
				_ = unix.Mkfifo(own, 0o600) // where the server has cleared it away
				for range 8 {
					_ = unix.Renameat2(unix.AT_FDCWD, own, unix.AT_FDCWD, link, unix.RENAME_EXCHANGE)
				}
			}
		}
	})
	client := s.client()
	for range 200 {
		s.request(strings.Repeat("swapped got you\n", 250))
		askTicket(t, client, "alive")
	}
	close(ends)
	_ = swapping.Wait()
	if there, err := unix.IoctlGetInt(int(reader.Fd()), unix.TIOCINQ); there != 0 || err != nil {
		t.Errorf("a link led to a FIFO that got %d bytes, %v", there, err)
	}
}

// There are more clients than the server may have descriptors.
func ticketsFull(t *testing.T, p *program) {
	kithtest.Need(t, "sh")
	server := kithtest.Peer(t, exec.Command("sh", "-c", `ulimit -n 30; exec "$0" serve "$1"`, p.binary, p.file)).Start()
	hear(t, server, "serving "+p.file)
	s := &ticketServer{p, server}
	clients := s.crowd(10, 0, 0)
	for _, client := range clients {
		askTicket(t, client, "there is room")
	}
	if line, err := p.run("ask", "no room"); err == nil || line != "" {
		t.Errorf("%q, %v", line, err)
	}
	clients[0].Kill()
	s.awaitFIFOs(len(clients))
	askTicket(t, s.client(), "there is room again")
	askTicket(t, clients[1], "still there")
}
