package cli

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"kith/internal/kithtest"
	"kith/internal/object"
)

// The scripts have a key of System V and a name of POSIX of their own, $KEY and
// $NAME. Whatever becomes of a script, no object stays.
func TestObjectScripts(t *testing.T) {
	kithtest.Need(t, "ipcs", "ipcmk", "ipcrm")
	runObjectScripts(t, "testdata/object")
}

func TestPOSIXQueueScripts(t *testing.T) {
	kithtest.NeedKernel(t, "mqueue")
	runObjectScripts(t, "testdata/mq")
}

func TestPeerScripts(t *testing.T) {
	kithtest.Need(t, "ipcmk", "ipcrm", "/usr/bin/python3")
	runObjectScripts(t, "testdata/peer")
}

func runObjectScripts(t *testing.T, directory string) {
	objects := compileObjects(t)
	testscript.Run(t, testscript.Params{
		Dir:                 directory,
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"status": wantStatus},
		Setup: func(env *testscript.Env) error {
			names := filepath.Join(env.WorkDir, "names")
			key, name := newNames()
			env.Setenv("KITH_DIR", names)
			env.Setenv("KEY", key)
			env.Setenv("NAME", name)
			env.Setenv("OBJECTS", objects)
			env.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE"))
			env.Defer(func() { removeAll(key, name) })
			return os.Mkdir(names, 0o700)
		},
	})
}

var scripts atomic.Int32

// newNames are a key and a name that no other test has.
func newNames() (key, name string) {
	n := scripts.Add(1)
	return fmt.Sprintf("0x4b%04x%02x", os.Getpid()&0xffff, n&0xff), fmt.Sprintf("kith-test-%d-%d", os.Getpid(), n)
}

func removeAll(key, name string) {
	for _, address := range []string{"sysvshm:" + key, "sysvsem:" + key, "sysvmq:" + key, "posixshm:" + name, "posixsem:" + name, "mq:" + name} {
		if o, err := object.At(address); err == nil {
			_ = o.Remove()
		}
	}
}

func compileObjects(t *testing.T) string {
	t.Helper()
	kithtest.Need(t, "gcc")
	program := filepath.Join(t.TempDir(), "objects")
	if out, err := exec.Command("gcc", "-Wall", "-Wextra", "-Werror", "-o", program, "testdata/objects.c").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// objects are newNames for a test in Go.
func (p *place) objects() (key, name string) {
	key, name = newNames()
	p.t.Cleanup(func() { removeAll(key, name) })
	return key, name
}

// kith runs kith to its end, and checks its status and one message.
func (p *place) kith(status int, message string, args ...string) {
	p.t.Helper()
	p.start(args).expect(status, message)
}

// output runs kith, which succeeds, and returns what it prints.
func (p *place) output(args ...string) string {
	p.t.Helper()
	var out bytes.Buffer
	p.start(args, stdout(&out)).expect(exitDone, "")
	return out.String()
}

// everyQueue runs a test for each kind of queue, which is empty and holds one
// message of a byte.
func everyQueue(t *testing.T, test func(t *testing.T, p *place, address string)) {
	t.Run("sysvmq", func(t *testing.T) {
		p := newPlace(t)
		key, _ := p.objects()
		p.kith(exitDone, "", "mk", "sysvmq:"+key+"?maxbytes=1")
		test(t, p, "sysvmq:"+key)
	})
	t.Run("mq", func(t *testing.T) {
		kithtest.NeedKernel(t, "mqueue")
		p := newPlace(t)
		_, name := p.objects()
		p.kith(exitDone, "", "mk", "mq:"+name+"?maxmsg=1&msgsize=1")
		test(t, p, "mq:"+name)
	})
}

// everySemaphore runs a test for each kind of semaphore, which is 0.
func everySemaphore(t *testing.T, test func(t *testing.T, p *place, address string)) {
	p := newPlace(t)
	key, name := p.objects()
	for address, how := range map[string]string{"sysvsem:" + key: "?values=0", "posixsem:" + name: "?value=0"} {
		t.Run(address[:4], func(t *testing.T) {
			p := *p
			p.t = t
			p.kith(exitDone, "", "mk", address+how)
			test(t, &p, address)
		})
	}
}

// awaitCall waits until a thread of the process is in one of the system calls.
// Where kith waits in Go's poller, that is epoll_pwait.
func (k *process) awaitCall(numbers ...int) {
	k.t.Helper()
	for range time.Tick(time.Millisecond) {
		select {
		case <-k.done:
			k.t.Fatalf("%v was to wait, but ended: %s", k.Args, k.stderr())
		default:
		}
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", k.Process.Pid))
		for _, thread := range threads {
			text, _ := os.ReadFile(thread)
			call, _, _ := strings.Cut(string(text), " ")
			if number, err := strconv.Atoi(call); err == nil && slices.Contains(numbers, number) {
				return
			}
		}
	}
}

// awaitQueue waits until the process waits in a queue: in the kernel, or in the
// poller with the queue open.
func (k *process) awaitQueue(address string, call int) {
	k.t.Helper()
	if strings.HasPrefix(address, "sysvmq:") {
		k.awaitCall(call)
		return
	}
	for !hasOpen(k.Process.Pid, strings.TrimPrefix(strings.Replace(address, ":", ":/", 1), "mq:")) {
		select {
		case <-k.done:
			k.t.Fatalf("%v was to wait, but ended: %s", k.Args, k.stderr())
		case <-time.After(time.Millisecond):
		}
	}
}
