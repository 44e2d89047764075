package shm_test

import (
	"bytes"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"kith/driver"
	"kith/internal/rendezvous"
	memory "kith/shm"
)

// A trick is one way to shake hands dishonestly. It says its hello with a
// segment; first is what the other side gets beside it: the second socket from
// a dialer, nothing from a listener.
type trick struct {
	name string
	want error // what the victim says of it
	play func(h *hostile, beside []*os.File)
}

// inHello is a trick whose hello alone is wrong.
func inHello(name string, want error, change func(*rendezvous.Hello)) trick {
	return trick{name, want, func(h *hostile, beside []*os.File) {
		hello := honestHello()
		change(&hello)
		h.say(hello.Bytes(), append([]*os.File{h.honest()}, beside...)...)
	}}
}

// inRecord is a trick whose hello is none.
func inRecord(name string, change func([]byte) []byte) trick {
	return trick{name, driver.ErrProtocol, func(h *hostile, beside []*os.File) {
		h.say(change(honestHello().Bytes()), append([]*os.File{h.honest()}, beside...)...)
	}}
}

// inSegment is a trick whose memory cannot be relied on.
func inSegment(name string, segment func(h *hostile) *os.File) trick {
	return trick{name, driver.ErrProtocol, func(h *hostile, beside []*os.File) {
		h.say(honestHello().Bytes(), append([]*os.File{segment(h)}, beside...)...)
	}}
}

// inCount is a trick with another number of descriptors.
func inCount(name string, files func(h *hostile, right []*os.File) []*os.File) trick {
	return trick{name, driver.ErrProtocol, func(h *hostile, beside []*os.File) {
		h.say(honestHello().Bytes(), files(h, append([]*os.File{h.honest()}, beside...))...)
	}}
}

// tricks are those that both a dialer and a listener can play.
var tricks = []trick{
	inHello("version 9", driver.ErrVersion, func(h *rendezvous.Hello) { h.Oldest, h.Newest = 9, 9 }),
	inHello("version 0", driver.ErrVersion, func(h *rendezvous.Hello) { h.Oldest, h.Newest = 0, 0 }),
	inHello("byte order", driver.ErrVersion, func(h *rendezvous.Hello) { h.Order = 3 - h.Order }),
	inHello("form", driver.ErrProtocol, func(h *rendezvous.Hello) { h.Form = rendezvous.Stream }),
	inHello("limit 0", driver.ErrProtocol, func(h *rendezvous.Hello) { h.Limit = 0 }),
	inHello("limit 2^63", driver.ErrProtocol, func(h *rendezvous.Hello) { h.Limit = 1 << 63 }),
	inHello("a refusal", unix.EACCES, func(h *rendezvous.Hello) { h.Refusal = unix.EACCES }),
	inHello("a refusal that sounds like our own", unix.EMFILE, func(h *rendezvous.Hello) { h.Refusal = unix.EMFILE }),
	inHello("ring 0", driver.ErrProtocol, func(h *rendezvous.Hello) { h.Ring = 0 }),
	inHello("ring 4095", driver.ErrProtocol, func(h *rendezvous.Hello) { h.Ring = 4095 }),
	inHello("ring 6144", driver.ErrProtocol, func(h *rendezvous.Hello) { h.Ring = 6144 }),
	inHello("ring of another size", driver.ErrProtocol, func(h *rendezvous.Hello) { h.Ring = 8192 }),
	inHello("ring 2g", driver.ErrProtocol, func(h *rendezvous.Hello) { h.Ring = 2 << 30 }),
	inHello("ring 2^63", driver.ErrProtocol, func(h *rendezvous.Hello) { h.Ring = 1 << 63 }),
	inHello("ring 2^64-4096", driver.ErrProtocol, func(h *rendezvous.Hello) { h.Ring = 1<<64 - 4096 }),

	inRecord("garbage", func([]byte) []byte { return []byte("GET / HTTP/1.1\r\nHost: nobody\r\n\r\n") }),
	inRecord("garbage of the right size", func(b []byte) []byte { return bytes.Repeat([]byte{0xff}, len(b)) }),
	inRecord("short", func(b []byte) []byte { return b[:len(b)-1] }),
	inRecord("one byte", func(b []byte) []byte { return b[:1] }),
	inRecord("long", func(b []byte) []byte { return append(b, make([]byte, 4096)...) }),

	inCount("no descriptor", func(*hostile, []*os.File) []*os.File { return nil }),
	inCount("one too many", func(h *hostile, right []*os.File) []*os.File { return append(right, h.honest()) }),
	inCount("far too many", func(h *hostile, right []*os.File) []*os.File {
		for len(right) < 253 {
			right = append(right, os.Stderr)
		}
		return right
	}),

	inSegment("unsealed", func(h *hostile) *os.File { return h.file(segmentSize, segmentSize, 0, unix.MFD_ALLOW_SEALING) }),
	inSegment("may shrink", func(h *hostile) *os.File {
		return h.file(segmentSize, segmentSize, memory.WriterSeals&^unix.F_SEAL_SHRINK, unix.MFD_ALLOW_SEALING)
	}),
	inSegment("may grow", func(h *hostile) *os.File {
		return h.file(segmentSize, segmentSize, memory.WriterSeals&^unix.F_SEAL_GROW, unix.MFD_ALLOW_SEALING)
	}),
	inSegment("may be holed", func(h *hostile) *os.File {
		return h.file(segmentSize, segmentSize, memory.WriterSeals&^unix.F_SEAL_FUTURE_WRITE, unix.MFD_ALLOW_SEALING)
	}),
	inSegment("may be sealed further", func(h *hostile) *os.File {
		return h.file(segmentSize, segmentSize, memory.WriterSeals&^unix.F_SEAL_SEAL, unix.MFD_ALLOW_SEALING)
	}),
	inSegment("a byte short", func(h *hostile) *os.File {
		return h.file(segmentSize-1, segmentSize-1, memory.WriterSeals, unix.MFD_ALLOW_SEALING)
	}),
	inSegment("a byte long", func(h *hostile) *os.File {
		return h.file(segmentSize+1, segmentSize+1, memory.WriterSeals, unix.MFD_ALLOW_SEALING)
	}),
	inSegment("a page long", func(h *hostile) *os.File {
		return h.file(segmentSize+4096, segmentSize+4096, memory.WriterSeals, unix.MFD_ALLOW_SEALING)
	}),
	inSegment("only a path", func(h *hostile) *os.File { return h.reopened(unix.O_PATH) }),
	inSegment("only to be read", func(h *hostile) *os.File { return h.reopened(unix.O_RDONLY) }),
	inSegment("secret memory", func(h *hostile) *os.File { return h.secret() }),
	inSegment("/dev/zero", func(h *hostile) *os.File { f, _ := os.OpenFile("/dev/zero", os.O_RDWR, 0); return h.keep(f) }),
	inSegment("/dev/null", func(h *hostile) *os.File { f, _ := os.OpenFile("/dev/null", os.O_RDWR, 0); return h.keep(f) }),
	inSegment("an eventfd", func(h *hostile) *os.File {
		fd, _ := unix.Eventfd(0, unix.EFD_CLOEXEC)
		return h.keep(os.NewFile(uintptr(fd), "eventfd"))
	}),
	inSegment("an epoll", func(h *hostile) *os.File {
		fd, _ := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
		return h.keep(os.NewFile(uintptr(fd), "epoll"))
	}),
	inSegment("a regular file", func(h *hostile) *os.File {
		f, _ := os.CreateTemp("/var/tmp", "kith")
		_ = os.Remove(f.Name())
		_ = f.Truncate(segmentSize)
		return h.keep(f)
	}),
	inSegment("the socket of this handshake", func(h *hostile) *os.File { f, _ := h.front.File(); return h.keep(f) }),
	inSegment("short segment", func(h *hostile) *os.File { return h.file(4096, 4096, memory.WriterSeals, unix.MFD_ALLOW_SEALING) }),
	inSegment("empty", func(h *hostile) *os.File { return h.file(0, 0, memory.WriterSeals, unix.MFD_ALLOW_SEALING) }),
	inSegment("long segment", func(h *hostile) *os.File {
		return h.file(2*segmentSize, 2*segmentSize, memory.WriterSeals, unix.MFD_ALLOW_SEALING)
	}),
	inSegment("not allocated", func(h *hostile) *os.File {
		return h.file(segmentSize, 0, memory.WriterSeals, unix.MFD_ALLOW_SEALING)
	}),
	inSegment("half allocated", func(h *hostile) *os.File {
		return h.file(segmentSize, 4096, memory.WriterSeals, unix.MFD_ALLOW_SEALING)
	}),
	inSegment("huge pages", func(h *hostile) *os.File {
		return h.file(2<<20, 0, memory.WriterSeals, unix.MFD_ALLOW_SEALING|unix.MFD_HUGETLB|unix.MFD_HUGE_2MB)
	}),
	inSegment("a pipe", func(h *hostile) *os.File { r, w, _ := os.Pipe(); h.keep(w); return h.keep(r) }),
	inSegment("a socket", func(h *hostile) *os.File { return h.second() }),
	inSegment("a directory", func(h *hostile) *os.File { f, _ := os.Open("/"); return h.keep(f) }),
	inSegment("a file of another file system", func(h *hostile) *os.File { f, _ := os.Open("/proc/self/exe"); return h.keep(f) }),
	inSegment("a file of /dev/shm", func(h *hostile) *os.File {
		f, _ := os.CreateTemp("/dev/shm", "kith")
		_ = os.Remove(f.Name())
		_, _ = f.Write(make([]byte, segmentSize))
		return h.keep(f)
	}),

	{"hangs up", driver.ErrProtocol, func(h *hostile, _ []*os.File) { _ = h.front.CloseWrite() }},
	{"an empty record", driver.ErrProtocol, func(h *hostile, _ []*os.File) { h.say(nil) }},
}

// reopened is honest memory by way of another open file.
func (h *hostile) reopened(flags int) *os.File {
	fd, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", h.honest().Fd()), flags|unix.O_CLOEXEC, 0)
	if err != nil {
		panic(err)
	}
	return h.keep(os.NewFile(uintptr(fd), "reopened"))
}

// secret is memory that has no page in the kernel's map.
func (h *hostile) secret() *os.File {
	fd, err := unix.MemfdSecret(unix.O_CLOEXEC)
	if err != nil {
		return os.Stdin // of a kernel that has none; no memory either
	}
	_ = unix.Ftruncate(fd, segmentSize)
	return h.keep(os.NewFile(uintptr(fd), "secret"))
}

// inSecond is a trick of a dialer, whose second socket is none to wait at.
func inSecond(name string, second func(h *hostile) *os.File) trick {
	return trick{"second: " + name, driver.ErrProtocol, func(h *hostile, _ []*os.File) {
		h.say(honestHello().Bytes(), h.honest(), second(h))
	}}
}

// dialerTricks are those that only a dialer can play.
var dialerTricks = []trick{
	inSecond("a pipe", func(h *hostile) *os.File { r, w, _ := os.Pipe(); h.keep(w); return h.keep(r) }),
	inSecond("a memfd", func(h *hostile) *os.File { return h.honest() }),
	inSecond("a directory", func(h *hostile) *os.File { f, _ := os.Open("/"); return h.keep(f) }),
	inSecond("blocking", func(h *hostile) *os.File { return h.socket(unix.SOCK_SEQPACKET) }),
	inSecond("a stream", func(h *hostile) *os.File { return h.socket(unix.SOCK_STREAM | unix.SOCK_NONBLOCK) }),
	inSecond("datagrams", func(h *hostile) *os.File { return h.socket(unix.SOCK_DGRAM | unix.SOCK_NONBLOCK) }),
	inSecond("not connected", func(h *hostile) *os.File { return h.bare(unix.AF_UNIX, false) }),
	inSecond("listening", func(h *hostile) *os.File { return h.bare(unix.AF_UNIX, true) }),
	inSecond("of the Internet", func(h *hostile) *os.File { return h.bare(unix.AF_INET, false) }),
	{"one too few", driver.ErrProtocol, func(h *hostile, _ []*os.File) { h.say(honestHello().Bytes(), h.honest()) }},
	{"swapped", driver.ErrProtocol, func(h *hostile, _ []*os.File) { h.say(honestHello().Bytes(), h.second(), h.honest()) }},
}

// bare is a socket with nobody at its other end.
func (h *hostile) bare(domain int, listens bool) *os.File {
	kind := unix.SOCK_SEQPACKET
	if domain == unix.AF_INET {
		kind = unix.SOCK_STREAM
	}
	fd, err := unix.Socket(domain, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err == nil && listens {
		err = unix.Bind(fd, &unix.SockaddrUnix{}) // the kernel picks an abstract name
		if err == nil {
			err = unix.Listen(fd, 1)
		}
	}
	if err != nil {
		panic(err)
	}
	return h.keep(os.NewFile(uintptr(fd), "bare"))
}

func dialled(path string) (*hostile, error) {
	conn, err := net.DialUnix("unixpacket", nil, &net.UnixAddr{Net: "unixpacket", Name: path})
	return &hostile{front: conn}, err
}
