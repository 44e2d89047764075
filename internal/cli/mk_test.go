package cli

import (
	"os"
	"strings"
	"testing"

	"kith/internal/kithtest"
)

// nobodys is a place where another user may make files, and a function that runs
// kith as that user.
func nobodys(t *testing.T) (p *place, run func(status int, message string, args ...string)) {
	t.Helper()
	kithtest.NeedKernel(t, "root")
	p = newPlace(t)
	directory, err := os.MkdirTemp("", "kith")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(directory) })
	if err := os.Chmod(directory, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	p.files = directory
	return p, func(status int, message string, args ...string) {
		t.Helper()
		p.start(args, asNobody).expect(status, message)
	}
}

// everyKind is an address for each kind of object that needs no kith directory,
// and how it is made.
func everyKind(t *testing.T, p *place) map[string]string {
	t.Helper()
	kithtest.NeedKernel(t, "mqueue")
	key, name := p.objects()
	return map[string]string{
		"sysvshm:" + key: "size=4k", "sysvsem:" + key: "values=1,0", "sysvmq:" + key: "maxbytes=1k",
		"posixshm:/" + name: "size=4k", "posixsem:/" + name: "value=1", "mq:/" + name: "maxmsg=5&msgsize=100",
		"fifo:" + p.path("fifo"): "mode=0600", "file:" + p.path("file"): "size=1k",
	}
}

func TestMkAsNobody(t *testing.T) {
	p, nobody := nobodys(t)
	for address, how := range everyKind(t, p) {
		nobody(exitDone, "", "mk", address+"?"+how)
		if stat := p.output("stat", address); !strings.Contains(stat, "(65534)") {
			t.Errorf("%s does not belong to nobody:\n%s", address, stat)
		}
		nobody(exitFailed, "file exists; `kith stat", "mk", address+"?"+how)
		nobody(exitDone, "", "stat", address)
		switch scheme, _, _ := strings.Cut(address, ":"); scheme {
		case "mq", "sysvmq":
			nobody(exitDone, "", "put", address, "x")
			nobody(exitDone, "", "take", address)
		case "sysvsem", "posixsem":
			nobody(exitDone, "", "sem", address, "wait")
			nobody(exitDone, "", "sem", address, "post")
			nobody(exitDone, "", "sem", address, "--", "true")
		case "sysvshm", "posixshm", "file":
			nobody(exitDone, "", "peek", address)
		}
		nobody(exitDone, "", "rm", address)
		nobody(exitFailed, "no such file or directory", "rm", address)
	}
}

// What belongs to another is an error that says so.
func TestNobodysRights(t *testing.T) {
	p, nobody := nobodys(t)
	for address, how := range everyKind(t, p) {
		p.kith(exitDone, "", "mk", address+"?"+how)
		denied := "permission denied; whom it lets do so is up to its owner, its mode, and root"
		switch scheme, _, _ := strings.Cut(address, ":"); scheme {
		case "mq":
			nobody(exitFailed, denied, "put", address, "x")
			nobody(exitFailed, denied, "take", address, "--timeout", "0")
			nobody(exitFailed, denied, "stat", address)
			nobody(exitFailed, denied, "rm", address)
		case "sysvmq":
			nobody(exitFailed, denied, "put", address, "x")
			nobody(exitFailed, denied, "take", address, "--timeout", "0")
			nobody(exitFailed, denied, "peek", address)
			nobody(exitFailed, "operation not permitted; its owner, its creator and root may", "rm", address)
		case "sysvsem":
			nobody(exitFailed, denied, "sem", address)
			nobody(exitFailed, denied, "sem", address, "wait", "--timeout", "0")
			nobody(exitFailed, denied, "sem", address, "--timeout", "0", "--", "true")
			nobody(exitFailed, denied, "stat", address)
			nobody(exitFailed, "operation not permitted; its owner, its creator and root may", "rm", address)
		case "posixsem":
			nobody(exitFailed, denied, "sem", address)
			nobody(exitFailed, denied, "sem", address, "--timeout", "0", "--", "true")
			nobody(exitDone, "", "stat", address) // of the file; the value is left out
			nobody(exitFailed, denied, "rm", address)
		case "sysvshm":
			nobody(exitFailed, denied, "peek", address)
			nobody(exitFailed, "operation not permitted; its owner, its creator and root may", "rm", address)
		case "posixshm":
			nobody(exitFailed, denied, "peek", address)
			nobody(exitFailed, denied, "rm", address)
		case "file":
			nobody(exitFailed, denied, "peek", address)
			nobody(exitFailed, "operation not permitted; its owner", "rm", address)
		case "fifo":
			nobody(exitFailed, "no process is seen to have it open", "peek", address)
			nobody(exitFailed, "operation not permitted; its owner", "rm", address)
		}
		p.kith(exitDone, "", "rm", address)
	}
}

// What an unprivileged user meets first says where to raise it, and leaves nothing.
func TestNobodysLimits(t *testing.T) {
	p, nobody := nobodys(t)
	kithtest.NeedKernel(t, "mqueue")
	key, name := p.objects()
	nobody(exitFailed, "over the limit msg_max of ", "mk", "mq:"+name+"?maxmsg=65536&msgsize=1")
	nobody(exitFailed, "over the limit msgsize_max of ", "mk", "mq:"+name+"?maxmsg=1&msgsize=16m")
	nobody(exitFailed, "over the limit MSGMNB of ", "mk", "sysvmq:"+key+"?maxbytes=1g")
	p.kith(exitFailed, "no such file", "stat", "mq:"+name)
	p.kith(exitFailed, "no such file", "stat", "sysvmq:"+key)
}

// The directory of kith is made for the first object that is to be in it.
func TestMkMakesTheDirectory(t *testing.T) {
	p := newPlace(t)
	p.names += "/more/names"
	if got, want := p.output("mk", "fifo:pipe"), "fifo:"+p.names+"/pipe.fifo\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	info, err := os.Stat(p.names)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory: %v, %v", info, err)
	}
	p.kith(exitFailed, "a FIFO that kith did not make", "recv", "fifo:pipe")
	p.kith(exitDone, "", "rm", "fifo:pipe")
}
