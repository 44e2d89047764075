package fifo_test

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"

	"kith/fifo"
)

// A FIFO that is open both ways waits for whoever writes to it, one after the
// other: here echo.
func Example() {
	directory, err := os.MkdirTemp("", "fifo")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(directory)
	path := filepath.Join(directory, "orders")
	if err := fifo.Make(path, 0o600); err != nil {
		log.Fatal(err)
	}
	orders, err := fifo.OpenBoth(path)
	if err != nil {
		log.Fatal(err)
	}
	defer orders.Close()

	for _, order := range []string{"tea", "cake"} {
		if err := exec.Command("sh", "-c", `echo "$1" >"$2"`, "sh", order, path).Run(); err != nil {
			log.Fatal(err)
		}
		line := make([]byte, 64)
		n, err := orders.Read(line)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Print(string(line[:n]))
	}
	// Output:
	// tea
	// cake
}
