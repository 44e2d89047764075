// Package kithtest is what kith's tests share: the test binary as its own
// child process, calls that are known to wait, what a process holds and must
// give back, and tools and kernel features that a machine may lack.
package kithtest

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"testing"
)

// picker is the environment variable whose value names the child's Func.
const picker = "KITHTEST_CHILD"

// A Func is what a child process runs. An error is printed and makes the
// child exit with status 1.
type Func func(args []string) error

var children = map[string]Func{}

// Register names functions that a child of this test binary can run. Call it
// before Main.
func Register(named map[string]Func) { maps.Copy(children, named) }

// Main is a package's TestMain: it runs the tests, or, where Command started
// this binary as a child, that child's Func.
func Main(m *testing.M) {
	if name := os.Getenv(picker); name != "" {
		os.Exit(perform(name, os.Args[1:]))
	}
	status := m.Run()
	compiled.remove()
	os.Exit(status)
}

func perform(name string, args []string) int {
	run, found := children[name]
	if !found {
		fmt.Fprintf(os.Stderr, "kithtest: no child is registered as %q\n", name)
		return 2
	}
	go hearParent()
	if err := run(args); err != nil {
		fmt.Fprintf(os.Stderr, "%s %q: %v\n", name, args, err)
		return 1
	}
	return 0
}

var fromParent = make(chan string, 64)

// hearParent takes what the parent says, and ends the process with its parent:
// no child is left behind, whatever becomes of the test.
func hearParent() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fromParent <- lines.Text()
	}
	os.Exit(3)
}

// Say, in a child, says a line to the parent, where Child.Hear returns it.
func Say(line string) { fmt.Println(line) }

// Hear, in a child, waits for the next line that the parent says.
func Hear() string { return <-fromParent }
