package fifo_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"kith/fifo"
)

// inFolder is a FIFO in a folder of its own.
func inFolder() (path string, remove func()) {
	folder, err := os.MkdirTemp("", "fifo")
	if err != nil {
		log.Fatal(err)
	}
	path = filepath.Join(folder, "orders")
	if err := fifo.Make(path, 0o600); err != nil {
		log.Fatal(err)
	}
	return path, func() { _ = os.RemoveAll(folder) }
}

// A FIFO that is open both ways waits for whoever writes to it, one after the
// other: here echo.
func Example() {
	path, remove := inFolder()
	defer remove()
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

// Both sides wait for each other, and a context ends the wait.
func ExampleOpen() {
	path, remove := inFolder()
	defer remove()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_, err := fifo.Open(ctx, path, os.O_RDONLY)
	fmt.Println(errors.Is(err, context.DeadlineExceeded)) // nobody came

	echo := exec.Command("sh", "-c", `echo tea >"$1"`, "sh", path) // which waits for us
	if err := echo.Start(); err != nil {
		log.Fatal(err)
	}
	reader, err := fifo.Open(context.Background(), path, os.O_RDONLY)
	if err != nil {
		log.Fatal(err)
	}
	defer reader.Close()
	line, err := bufio.NewReader(reader).ReadString('\n')
	fmt.Print(line)
	fmt.Println(err, echo.Wait())
	// Output:
	// true
	// tea
	// <nil> <nil>
}

// Each writer's session comes with its end, and none is missed.
func ExampleSessions() {
	path, remove := inFolder()
	defer remove()
	sessions, err := fifo.OpenSessions(path)
	if err != nil {
		log.Fatal(err)
	}
	defer sessions.Close()

	ctx := context.Background()
	for _, order := range []string{"tea\nscones", "cake"} {
		if err := exec.Command("sh", "-c", `echo "$1" >"$2"`, "sh", order, path).Run(); err != nil {
			log.Fatal(err)
		}
		if err := sessions.Next(ctx); err != nil {
			log.Fatal(err)
		}
		lines := bufio.NewScanner(sessions.Reader(ctx))
		for lines.Scan() {
			fmt.Println(lines.Text())
		}
		fmt.Println("end,", lines.Err())
	}
	// Output:
	// tea
	// scones
	// end, <nil>
	// cake
	// end, <nil>
}

// However many write, no two records mix.
func ExampleRecordWriter() {
	path, remove := inFolder()
	defer remove()
	both, err := fifo.OpenBoth(path) // another process, usually
	if err != nil {
		log.Fatal(err)
	}
	defer both.Close()

	file, err := fifo.OpenWriter(path)
	if err != nil {
		log.Fatal(err)
	}
	orders, err := fifo.NewRecordWriter(file)
	if err != nil {
		log.Fatal(err)
	}
	defer orders.Close()
	ctx := context.Background()
	if err := orders.Write(ctx, []byte("a pot of tea\n")); err != nil {
		log.Fatal(err)
	}
	fmt.Println(orders.Write(ctx, make([]byte, 5000)) != nil)

	line, err := bufio.NewReader(both).ReadString('\n')
	fmt.Print(line, err)
	// Output:
	// true
	// a pot of tea
	// <nil>
}

// Memory goes to a child without being copied by us: it is given to the pipe, and
// taken from us.
func ExampleVmsplice() {
	reader, writer, err := fifo.Pipe(1 << 20)
	if err != nil {
		log.Fatal(err)
	}
	wc := exec.Command("wc", "-c")
	wc.Stdin, wc.Stdout = reader, os.Stdout
	if err := wc.Start(); err != nil {
		log.Fatal(err)
	}
	_ = reader.Close() // the child has it

	memory, err := unix.Mmap(-1, 0, 3<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		log.Fatal(err)
	}
	copy(memory, "filled once")
	if _, err := fifo.Vmsplice(context.Background(), writer, memory); err != nil {
		log.Fatal(err)
	}
	_ = unix.Munmap(memory) // and nobody can change what wc reads
	_ = writer.Close()
	_ = wc.Wait()
	// Output: 3145728
}

// A file goes into a pipe, and to whoever reads it, without passing through this process.
func ExampleSplice() {
	source, err := os.Open("/proc/self/exe") // any file
	if err != nil {
		log.Fatal(err)
	}
	defer source.Close()
	reader, writer, err := fifo.Pipe(0)
	if err != nil {
		log.Fatal(err)
	}
	cat := exec.Command("cat")
	cat.Stdin = reader
	if err := cat.Start(); err != nil {
		log.Fatal(err)
	}
	_ = reader.Close()

	total := 0
	for err == nil {
		var n int
		n, err = fifo.Splice(context.Background(), source, writer, 1<<20)
		total += n
	}
	_ = writer.Close()
	info, _ := source.Stat()
	fmt.Println(err, int64(total) == info.Size(), cat.Wait())
	// Output: EOF true <nil>
}
