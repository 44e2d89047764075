// Peers measures kith's shm: beside other ways to join two processes.
//
//	go run . [--only shm,zmq,…] [--json]
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	workIfWorker()
	only := flag.String("only", "", "measure these `subjects` alone: "+strings.Join(names(), ","))
	asJSON := flag.Bool("json", false, "print all rounds, as JSON")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	some, err := chosen(*only)
	if err == nil {
		err = peers(ctx, os.Stdout, plan{rounds: 7, turn: 100 * time.Millisecond}, some, *asJSON)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func names() []string {
	var all []string
	for _, s := range subjects {
		all = append(all, s.name)
	}
	return all
}

// peers measures, and prints what it finds.
func peers(ctx context.Context, to io.Writer, p plan, subjects []subject, asJSON bool) error {
	report, err := measure(ctx, p, subjects, onTerminal())
	if err != nil {
		return err
	}
	report.finish()
	if !asJSON {
		_, err = io.WriteString(to, report.String())
		return err
	}
	out := json.NewEncoder(to)
	out.SetIndent("", "  ")
	return out.Encode(report)
}

// onTerminal writes over its own line, on a terminal.
func onTerminal() func(string) {
	if _, err := unix.IoctlGetTermios(int(os.Stderr.Fd()), unix.TCGETS); err != nil {
		return func(string) {}
	}
	return func(text string) { fmt.Fprintf(os.Stderr, "\r\x1b[K%s", text) }
}
