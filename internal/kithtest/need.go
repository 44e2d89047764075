package kithtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/sys"
)

// packages says which package of Debian and Ubuntu brings a tool, where it has
// another name.
var packages = map[string]string{
	"cc":      "gcc",
	"python":  "python3",
	"mkfifo":  "coreutils",
	"flock":   "util-linux",
	"ipcs":    "util-linux",
	"ipcmk":   "util-linux",
	"ipcrm":   "util-linux",
	"lslocks": "util-linux",
	"taskset": "util-linux",
	"ss":      "iproute2",
	"ip":      "iproute2",
}

// Need skips the test when a tool is missing, and says how to get it. Under
// CI=true a missing tool is a failure: CI installs them all.
func Need(t testing.TB, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err == nil {
			continue
		}
		name := filepath.Base(tool)
		if from, differs := packages[name]; differs {
			lack(t, tool, from)
		} else {
			lack(t, tool, name)
		}
	}
}

func lack(t testing.TB, what, from string) {
	t.Helper()
	message := fmt.Sprintf("this test needs %s: apt-get install %s", what, from)
	if os.Getenv("CI") == "true" {
		t.Fatal(message)
	}
	t.Skip(message)
}

// A Feature is what the kernel of a machine may lack.
type Feature struct {
	Name string
	// Why says what lacks it, and how to get it.
	Why string
	// Have tries it.
	Have func() bool
}

// Features are all that a test may be skipped for under CI=true.
var Features = []Feature{
	{"mfd-noexec-seal", "Linux before 6.3", haveNoexecSeal},
	{"mqueue", "a kernel or container without POSIX message queues (CONFIG_POSIX_MQUEUE), or no right to make one", haveMqueue},
	{"ipv6-loopback", "IPv6 is off: sysctl net.ipv6.conf.lo.disable_ipv6=0", haveIPv6},
	{"root", "not root, who alone can be another user: run as root", func() bool { return os.Geteuid() == 0 }},
	{"mount", "not allowed to mount: run as root with CAP_SYS_ADMIN", haveMount},
	{"pids-group", "no control group for pids can be made: run as root where /sys/fs/cgroup is writable", havePidsGroup},
	{"memory-group", "no control group of version 1 can be made for memory: the hierarchy is not mounted at /sys/fs/cgroup/memory, or not writable", haveMemoryGroup},
	{"unified-group", "no control group of version 2 can be made: run as root where it is mounted at /sys/fs/cgroup, or unified below it", haveUnifiedGroup},
	{"unified-memory", "groups of version 2 have no memory controller: echo +memory >/sys/fs/cgroup/cgroup.subtree_control", haveUnifiedMemory},
	{"kernel-settings", "not allowed to write to /proc/sys: run as the machine's own root", haveSettings},
	{"pid-choice", "a kernel without CONFIG_CHECKPOINT_RESTORE, where nobody chooses the next PID", func() bool { return exists("/proc/sys/kernel/ns_last_pid") }},
	{"pidfd-peer", "Linux before 6.5, where a Unix socket knows no pidfd of its peer", func() bool { return haveKernel(6, 5) }},
	{"pidfd-status", "Linux before 6.15, where a pidfd does not keep the exit status", func() bool { return haveKernel(6, 15) }},
	{"pidfd-thread", "Linux before 6.9, where no pidfd is of a thread", func() bool { return haveKernel(6, 9) }},
	{"pid-max-namespace", "Linux before 6.14, where pid_max is the machine's own, or no right to make a PID namespace", func() bool { return haveKernel(6, 14) && haveMount() }},
}

// NeedKernel skips the test when the machine lacks a kernel feature, which
// must be one of Features: under CI=true too.
func NeedKernel(t testing.TB, name string) {
	t.Helper()
	i := slices.IndexFunc(Features, func(f Feature) bool { return f.Name == name })
	if i < 0 {
		t.Fatalf("%q is not one of kithtest.Features", name)
	}
	if !Features[i].Have() {
		t.Skipf("this machine lacks %s: %s", name, Features[i].Why)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func haveSettings() bool { return unix.Access("/proc/sys/fs/pipe-user-pages-hard", unix.W_OK) == nil }

func haveNoexecSeal() bool {
	fd, err := unix.MemfdCreate("kithtest", unix.MFD_CLOEXEC|unix.MFD_NOEXEC_SEAL)
	if err != nil {
		return false
	}
	return unix.Close(fd) == nil
}

func haveMount() bool {
	directory, err := os.MkdirTemp("", "kithtest")
	if err != nil {
		return false
	}
	defer os.Remove(directory)
	return unix.Mount("tmpfs", directory, "tmpfs", 0, "size=4k") == nil && unix.Unmount(directory, 0) == nil
}

func haveMqueue() bool {
	name := fmt.Sprintf("kithtest-%d", os.Getpid())
	fd, err := sys.MqOpen(name, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR, 0o600, nil)
	if err != nil {
		return false
	}
	return sys.MqUnlink(name) == nil && unix.Close(fd) == nil
}

func haveIPv6() bool {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		return false
	}
	return l.Close() == nil
}
