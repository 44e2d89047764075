package examples

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"kith/internal/kithtest"
)

// Clients are killed at any time, in crowds. The others are served, nothing is left of
// the killed, and no number is given twice.
func ticketsKilledClients(t *testing.T, p *program) {
	s := startTickets(p)
	steady := s.client()
	s.awaitFIFOs(2)
	own := s.fifos()
	last := 0
	for range 20 {
		var dying sync.WaitGroup
		for _, client := range s.crowd(8, 2, 1) {
			dying.Go(func() { askAndDie(client) })
		}
		for range 10 {
			number := askTicket(t, steady, "alive")
			if number <= last {
				t.Errorf("%d after %d", number, last)
			}
			last = number
		}
		dying.Wait()
		s.knock(own)
		s.awaitFIFOs(len(own))
	}
	askTicket(t, steady, "alive")
}

func askAndDie(client *kithtest.Child) {
	asked := rand.IntN(4)
	for range asked {
		_ = client.Say("words of one about to die")
	}
	if asked > 0 && rand.IntN(2) == 0 {
		_, _ = client.Hear()
	}
	client.Kill()
}

// knock asks in the name of those whose FIFOs are there: of one that was killed before it
// asked, the server does not know yet.
func (s *ticketServer) knock(but []string) {
	for _, path := range s.fifos() {
		if !slices.Contains(but, path) {
			s.request(strings.TrimSuffix(filepath.Base(path), ".reply") + " are you there?\n")
		}
	}
}

// A client dies while the server has its requests, and its answers, in hand.
func ticketsAnswersTheDead(t *testing.T, p *program) {
	s := startTickets(p)
	known, unknown, alive := s.client(), s.client(), s.client()
	askTicket(t, known, "before")
	askTicket(t, alive, "before")
	s.awaitFIFOs(4)
	if err := s.Child.Stop(); err != nil {
		t.Fatal(err)
	}
	requests := openPipe(t, filepath.Join(s.file, "requests"), os.O_WRONLY)
	for i, client := range []*kithtest.Child{known, unknown} {
		if err := client.Say("last words"); err != nil {
			t.Fatal(err)
		}
		awaitBytes(t, requests, (i+1)*len("\n 26 letters of a name     last words\n"))
		client.Kill()
	}
	if err := s.Child.Continue(); err != nil {
		t.Fatal(err)
	}
	if n := askTicket(t, alive, "after"); n != 4 && n != 3 { // one was known, and may be answered
		t.Errorf("%d", n)
	}
	s.awaitFIFOs(2)
	alive.Kill()
	s.awaitFIFOs(1)
}

// A client that has taken the name of one that lives is not given its answers: the
// server looks at the name each time.
func ticketsReplacedReply(t *testing.T, p *program) {
	s := startTickets(p)
	script := `mkfifo -m 600 same.reply; exec 3<>same.reply; echo "same first" >requests; head -n 1 <&3
read -r go; rm same.reply; mkfifo -m 600 same.reply; exec 4<>same.reply; echo "same second" >requests; head -n 1 <&4`
	client := s.shell(script)
	hear(t, client, "1 first")
	if err := client.Say("go"); err != nil {
		t.Fatal(err)
	}
	hear(t, client, "2 second")
	if err := client.Wait(); err != nil {
		t.Error(err)
	}
	s.awaitFIFOs(1)
	s.end(2, 0)
}

// The server is killed while clients wait. They hear of it, and the next server clears
// away and serves.
func ticketsKilled(t *testing.T, p *program) {
	s := startTickets(p)
	for range 5 {
		waiting, fresh, idle := s.client(), s.client(), s.client()
		askTicket(t, waiting, "before")
		s.awaitFIFOs(4)
		if err := s.Child.Stop(); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(waiting.Say("a question to a dead one"), fresh.Say("a question to a dead one")); err != nil {
			t.Fatal(err)
		}
		awaitBytes(t, openPipe(t, filepath.Join(s.file, "requests"), os.O_WRONLY), 80)
		idle.Kill()
		s.Child.Kill()
		for _, client := range []*kithtest.Child{waiting, fresh} {
			if line, err := client.Hear(); err == nil || client.Wait() == nil {
				t.Errorf("a dead server said %q", line)
			}
		}
		if line, err := s.run("ask", "anybody?"); err == nil || line != "" {
			t.Errorf("a dead server said %q", line)
		}
		s.Child = s.serve()
		s.wantFIFOs(1)
	}
	askTicket(t, s.client(), "after")
}
