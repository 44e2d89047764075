package clients

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/internal/sys"
	"kith/shm"
)

const (
	wrong      = "the peer broke the protocol"
	hostileLen = 4096 + 64<<10 // as hello has it
)

// hostile dials the C program, with a memory that we write as we like.
type hostile struct {
	peer
	memory []byte
	doors  [2]int // the sockets at which it parks
}

func beHostile(t *testing.T, binary string, file *os.File) hostile {
	t.Helper()
	return giveDoor(t, binary, file, false)
}

// giveDoor gives, where mirrored, the socket of the handshake in place of an end of a pair.
func giveDoor(t *testing.T, binary string, file *os.File, mirrored bool) hostile {
	t.Helper()
	path := filepath.Join(alone(t), "x")
	c := peer{kithtest.Peer(t, exec.Command(binary, settings{4096, 1 << 20, 0}.args("listen", path)...)).Start(), t}
	c.hears("listening")
	front, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	check(t, err)
	t.Cleanup(func() { _ = unix.Close(front) })
	check(t, unix.Connect(front, &unix.SockaddrUnix{Name: path}))
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	check(t, err)
	t.Cleanup(func() { _ = unix.Close(pair[0]) })
	h := hostile{peer: c, doors: [2]int{front, pair[0]}}
	door := pair[1]
	if mirrored {
		door = front
	}
	check(t, unix.Sendmsg(front, hello(), unix.UnixRights(int(file.Fd()), door), nil, 0))
	check(t, unix.Close(pair[1]))
	return h
}

// withMemory is an honest handshake.
func withMemory(t *testing.T, binary string) hostile {
	t.Helper()
	file := memory(t, hostileLen)
	mapped, err := sys.MapRing(file, 4096, hostileLen-4096, true)
	check(t, err)
	t.Cleanup(func() { _ = sys.Unmap(mapped) })
	check(t, shm.Seal(file, shm.WriterSeals))
	h := beHostile(t, binary, file)
	h.hears("ok")
	h.memory = mapped
	return h
}

func memory(t *testing.T, size int64) *os.File {
	t.Helper()
	file, err := shm.Memfd("hostile", size)
	check(t, err)
	t.Cleanup(func() { _ = file.Close() })
	return file
}

func (h hostile) put(at int, word uint64) { binary.NativeEndian.PutUint64(h.memory[at:], word) }

// A record that no honest peer writes is an error, and stays one.
func TestHostileRecords(t *testing.T) {
	binary := compile(t, "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
	const message, piece, goodbye = 1 << 56, 2 << 56, 3 << 56
	for name, records := range map[string][]uint64{
		"kind 0":               {1},
		"kind 4":               {4 << 56},
		"kind 255":             {255<<56 | 8},
		"longer than allowed":  {message | (16<<10 + 1)},
		"longer than all":      {message | 1<<56 - 1},
		"an empty piece":       {piece},
		"a goodbye that talks": {goodbye | 8},
		"a goodbye in between": {piece | 8, goodbye},
	} {
		h := withMemory(t, binary)
		at := 4096
		for _, header := range records {
			h.put(at, header)
			at += 16
		}
		h.order("receive 1 8")
		if got, err := h.Hear(); got != wrong || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		h.do(wrong, "receive 1 8")
	}
}

// A consumed that cannot be is an error when room is sought.
func TestHostileConsumed(t *testing.T) {
	binary := compile(t, "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
	for _, consumed := range []uint64{4, 1 << 20, 1<<64 - 8} {
		h := withMemory(t, binary)
		h.put(128, consumed)
		h.do(wrong, "send 100 100")
	}
}

// Memory that its maker could take away, or is not all there, is refused.
func TestHostileMemory(t *testing.T) {
	binary := compile(t)
	hole := func(file *os.File) error {
		return unix.Fallocate(int(file.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 8192, 4096)
	}
	for name, file := range map[string]func() *os.File{
		"unsealed":   func() *os.File { return memory(t, hostileLen) },
		"not sealed": func() *os.File { return sealed(t, hostileLen, shm.WriterSeals&^unix.F_SEAL_SHRINK, nil) },
		"too short":  func() *os.File { return sealed(t, hostileLen-4096, shm.WriterSeals, nil) },
		"too long":   func() *os.File { return sealed(t, hostileLen+4096, shm.WriterSeals, nil) },
		"with holes": func() *os.File { return sealed(t, hostileLen, shm.WriterSeals, hole) },
		"no memfd":   func() *os.File { f, err := os.Open("/dev/null"); check(t, err); return f },
	} {
		h := beHostile(t, binary, file())
		if got, err := h.Hear(); got != wrong || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// Blocks beyond the end do not make up for a hole: C fills it. And a socket that leads back to
// C itself is none to park at.
func TestHostileGifts(t *testing.T) {
	binary := compile(t)
	file := sealed(t, hostileLen, shm.WriterSeals, func(file *os.File) error {
		fd := int(file.Fd())
		return errors.Join(
			unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 8192, 4096),
			unix.Fallocate(fd, unix.FALLOC_FL_KEEP_SIZE, hostileLen, 4096))
	})
	beHostile(t, binary, file).hears("ok")
	var stat unix.Stat_t
	check(t, unix.Fstat(int(file.Fd()), &stat))
	if stat.Blocks*512 < hostileLen+4096 {
		t.Errorf("%d bytes allocated: the hole is there yet", stat.Blocks*512)
	}
	giveDoor(t, binary, sealed(t, hostileLen, shm.WriterSeals, nil), true).hears(wrong)
}

func sealed(t *testing.T, size int64, seals int, before func(*os.File) error) *os.File {
	t.Helper()
	file := memory(t, size)
	if before != nil {
		check(t, before(file))
	}
	check(t, shm.Seal(file, seals))
	return file
}

// Scribbling over all that we can write, while C sends and receives, ends in an answer of
// C's when we hang up, and with nothing for the sanitizers.
func TestHostileScribbler(t *testing.T) {
	binary := compile(t, "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
	random := rand.New(rand.NewPCG(1, 2))
	for range 30 {
		h := withMemory(t, binary)
		h.order("both 100000 500")
		for range 1000 + random.IntN(50_000) {
			h.scribble(random)
		}
		for _, door := range h.doors {
			check(t, unix.Shutdown(door, unix.SHUT_RDWR))
		}
		if got, err := h.Hear(); err != nil || got == "ok" {
			t.Fatalf("%q, %v", got, err)
		}
		h.order("parks")
		if _, err := h.Hear(); err != nil {
			t.Fatal("it did not live through it")
		}
	}
}

func (h hostile) scribble(random *rand.Rand) {
	words := []int{128, 256, 384, 4096 + 8*random.IntN(100), 4096 + 8*random.IntN(8<<10)}
	values := []uint64{random.Uint64(), random.Uint64N(8), 1<<56 | 500, 2<<56 | random.Uint64N(20<<10), 8 * random.Uint64N(1000)}
	h.put(words[random.IntN(len(words))], values[random.IntN(len(values))])
	if random.IntN(1000) == 0 {
		_, _ = unix.SendmsgN(h.doors[random.IntN(2)], []byte("knock"), nil, nil, unix.MSG_DONTWAIT)
	}
}
