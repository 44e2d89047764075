package proc_test

import (
	"context"
	"fmt"
	"log"
	"os/exec"

	"kith/proc"
)

// A parent watches its children, and starts anew who did not succeed.
func Example() {
	watcher, err := proc.New()
	if err != nil {
		log.Fatal(err)
	}
	defer watcher.Close()
	children := map[*proc.Watch]*exec.Cmd{}
	start := func(script string) {
		child := exec.Command("sh", "-c", script)
		watch, err := watcher.Start(child)
		if err != nil {
			log.Fatal(err)
		}
		children[watch] = child
	}

	start("exit 3")
	for event, err := range watcher.Events(context.Background()) {
		if err != nil {
			log.Fatal(err)
		}
		exited := event.(proc.Exited) // nothing else is watched
		_ = children[event.Watch()].Wait()
		fmt.Println(exited.Status)
		if !exited.Status.Success() {
			start("exit 0")
		}
		if watcher.Len() == 0 {
			break
		}
	}
	// Output:
	// exit status 3
	// exit status 0
}
