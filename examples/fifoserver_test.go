package examples

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"kith/internal/kithtest"
	_ "kith/poll" // for the test cache
)

// A ticketServer is examples/fifoserver, serving.
type ticketServer struct {
	*program
	*kithtest.Child
}

func startTickets(p *program) *ticketServer {
	p.t.Helper()
	return &ticketServer{p, p.serve()}
}

func TestFIFOServer(t *testing.T) {
	readSources(t, "fifoserver")
	p := build(t, "fifoserver")
	for name, test := range map[string]func(*testing.T, *program){
		"Crowd":          ticketsCrowd,
		"Once":           ticketsOnce,
		"KilledClients":  ticketsKilledClients,
		"AnswersTheDead": ticketsAnswersTheDead,
		"Hoarders":       ticketsHoarders,
		"Hostile":        ticketsHostile,
		"Flood":          ticketsFlood,
		"Swapped":        ticketsSwapped,
		"ReplacedReply":  ticketsReplacedReply,
		"Killed":         ticketsKilled,
		"Full":           ticketsFull,
		"ForAll":         ticketsForAll,
		"Namespaces":     ticketsNamespaces,
	} {
		t.Run(name, func(t *testing.T) { test(t, p.in(t)) })
	}
}

// end ends the server, and checks what it says at last, and that nothing is left.
func (s *ticketServer) end(given, refused int) {
	s.program.t.Helper()
	if err := s.Child.Cmd.Process.Signal(os.Interrupt); err != nil {
		s.program.t.Fatal(err)
	}
	hear(s.program.t, s.Child, fmt.Sprintf("%d given, %d refused", given, refused))
	if err := s.Child.Wait(); err != nil {
		s.program.t.Error(err)
	}
	s.wantFIFOs(0)
}

func (s *ticketServer) fifos() []string {
	files, err := filepath.Glob(filepath.Join(s.file, "*"))
	if err != nil {
		s.program.t.Fatal(err)
	}
	return files
}

func (s *ticketServer) wantFIFOs(n int) {
	s.program.t.Helper()
	if there := s.fifos(); len(there) != n {
		s.program.t.Errorf("%d FIFOs, want %d: %q", len(there), n, there)
	}
}

// awaitFIFOs waits until there are so many, that of the requests among them.
func (s *ticketServer) awaitFIFOs(n int) {
	s.program.t.Helper()
	eventually(s.program.t, fmt.Sprintf("%d FIFOs", n), func() bool { return len(s.fifos()) == n })
}

// client starts one that asks each line that it is told.
func (s *ticketServer) client() *kithtest.Child { return s.start("ask") }

// shell starts a script in the server's directory.
func (s *ticketServer) shell(script string) *kithtest.Child {
	s.program.t.Helper()
	kithtest.Need(s.program.t, "sh", "mkfifo", "head")
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = s.file
	return kithtest.Peer(s.program.t, cmd).Start()
}

// inShell is a client as the program's documentation has it.
const inShell = `mkfifo -m 600 $$.reply; exec 3<>$$.reply
while read -r words; do echo "$$ $words" >requests; head -n 1 <&3; done`

// python starts a client that is not ours.
func (s *ticketServer) python(source string, args ...string) *kithtest.Child {
	s.program.t.Helper()
	return kithtest.Python(s.program.t, "testdata/"+source, append([]string{s.file}, args...)...).Start()
}

// request writes to the server as somebody who may be hostile does.
func (s *ticketServer) request(record string) {
	s.program.t.Helper()
	requests, err := os.OpenFile(filepath.Join(s.file, "requests"), os.O_WRONLY, 0)
	if err != nil {
		s.program.t.Fatal(err)
	}
	defer requests.Close()
	if _, err := requests.WriteString(record); err != nil {
		s.program.t.Fatal(err)
	}
}

// ask asks once, and returns the number.
func askTicket(t *testing.T, client *kithtest.Child, words string) int {
	t.Helper()
	if err := client.Say(words); err != nil {
		t.Error(err)
		return 0
	}
	line, err := client.Hear()
	number, got, _ := strings.Cut(line, " ")
	n, wrong := strconv.Atoi(number)
	if err != nil || wrong != nil || got != words {
		t.Errorf("answer %.50q to %.50q: %v, %v", line, words, err, wrong)
	}
	return n
}

// A crowd is clients of four kinds: one in C for each in Python.
func (s *ticketServer) crowd(ours, shells, pythons int) []*kithtest.Child {
	var all []*kithtest.Child
	for range ours {
		all = append(all, s.client())
	}
	for range shells {
		all = append(all, s.shell(inShell))
	}
	for i := range pythons {
		all = append(all,
			s.python("fifo_client.py", fmt.Sprintf("python%d", i)),
			kithtest.C(s.program.t, "testdata/fifo_client.c", s.file, fmt.Sprintf("c%d", i)).Start())
	}
	return all
}

// Hundreds of processes have their FIFOs open at once, and ask at once, with
// words as long as can be. Each number is given once, and each answer is to what was
// asked.
func ticketsCrowd(t *testing.T, p *program) {
	const ours, shells, pythons, times = 200, 30, 10, 5
	s := startTickets(p)
	clients := s.crowd(ours, shells, pythons)
	s.awaitFIFOs(1 + len(clients))
	var numbers sync.Map
	var asking sync.WaitGroup
	for i, client := range clients {
		asking.Go(func() {
			last := 0
			for time := range times {
				words := strings.Repeat(strconv.Itoa(i*times+time)+".", 4000)[:4000-time]
				number := askTicket(t, client, words)
				if _, twice := numbers.LoadOrStore(number, true); twice || number <= last || number > len(clients)*times {
					t.Errorf("%d, after %d", number, last)
				}
				last = number
			}
		})
	}
	asking.Wait()
	s.wantFIFOs(1 + len(clients))
	for _, client := range clients {
		client.Kill()
	}
	s.awaitFIFOs(1)
	wantIdle(t, s.Child) // the last has left
	s.end(len(clients)*times, 0)
}

// What the client says without being killed, and to whom it does not speak.
func ticketsOnce(t *testing.T, p *program) {
	if line, err := p.run("ask", "apples"); err == nil || line != "" {
		t.Errorf("without a server: %q, %v", line, err)
	}
	s := &ticketServer{p, p.serve()}
	if line, err := p.run("serve"); err == nil || line != "" {
		t.Errorf("a second server says %q, %v", line, err)
	}
	client := p.start("ask", "apples", "", "pears")
	for _, want := range []string{"1 apples", "2 ", "3 pears"} {
		hear(t, client, want)
	}
	if err := client.Wait(); err != nil {
		t.Error(err)
	}
	for _, words := range []string{"two\nlines", strings.Repeat("x", 4001)} {
		if line, err := p.run("ask", words); err == nil || line != "" {
			t.Errorf("asked %.10q: %q, %v", words, line, err)
		}
	}
	s.wantFIFOs(1)
	idle := s.client()
	askTicket(t, idle, "apples")
	s.end(4, 0) // also of what the idle one has made
	if err := idle.Say("anybody?"); err != nil {
		t.Error(err)
	}
	if line, err := idle.Hear(); err == nil || idle.Wait() == nil {
		t.Errorf("after the server's end: %q", line)
	}
}
