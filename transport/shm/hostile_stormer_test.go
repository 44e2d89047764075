package shm_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/internal/rendezvous"
	"kith/internal/sys"
	"kith/ring"
	memory "kith/shm"
	"kith/sock"
)

func init() {
	kithtest.Register(map[string]kithtest.Func{"storm dialer": stormDialer, "storm listener": stormListener})
}

// A stormer is a peer that has shaken hands well. What it does from then on is the
// weapons' choice.
type stormer struct {
	*hostile
	own      []byte   // its segment, to be written
	file     *os.File // the memory of it
	size     int      // of its ring, bytes
	seen     []byte   // the victim's segment
	seenFile *os.File
	seenSize int
	back     *os.File // its end of the second socket
	theirs   *os.File // the victim's end, where it has kept that

	mine, other ring.Segment
	written     atomic.Uint64 // where its honest producer is
	consumed    atomic.Uint64 // and its honest consumer
	stop        atomic.Bool
	broken      atomic.Pointer[string] // a promise of ours that did not hold
}

// stormDialer, in a child, dials a listener of kith's again and again.
func stormDialer(args []string) error {
	return storms(args, func() (*stormer, error) {
		h, err := dialled(args[0])
		if err != nil {
			return nil, err
		}
		return arm(h, true)
	})
}

// stormListener, in a child, takes dialers of kith's one after the other.
func stormListener(args []string) error {
	listener, err := net.ListenUnix("unixpacket", &net.UnixAddr{Net: "unixpacket", Name: args[0]})
	if err != nil {
		return err
	}
	kithtest.Say("listening")
	return storms(args, func() (*stormer, error) {
		conn, err := listener.AcceptUnix()
		if err != nil {
			return nil, err
		}
		return arm(&hostile{front: conn}, false)
	})
}

// storms runs one connection after the other until it is told to stop.
func storms(args []string, meet func() (*stormer, error)) error {
	enough := make(chan struct{})
	go func() { kithtest.Hear(); close(enough) }()
	random := rand.New(rand.NewPCG(uint64(os.Getpid()), uint64(len(args[0]))))
	for count := 0; ; {
		select {
		case <-enough:
			kithtest.Say(fmt.Sprint(count))
			kithtest.Hear()
			return nil
		default:
		}
		s, err := meet()
		if err != nil {
			continue // the victim may have given it up
		}
		if s.rage(random); s.broken.Load() != nil {
			return errors.New(*s.broken.Load())
		}
		s.end()
		count++
	}
}

// arm shakes hands.
func arm(h *hostile, dials bool) (s *stormer, err error) {
	s = &stormer{hostile: h, size: ring.MinSize << rand.IntN(5)}
	if err = s.make(); err == nil && dials {
		s.theirs = s.second()
		s.back = s.files[len(s.files)-2]
		err = errors.Join(s.tell(s.theirs), s.hear(1))
	} else if err == nil {
		err = errors.Join(s.hear(2), s.tell())
	}
	if err != nil {
		s.end()
		return nil, err
	}
	s.mine, s.other = ring.NewSegment(s.own, s.size), ring.NewSegment(s.seen, s.seenSize)
	return s, nil
}

func (s *stormer) make() (err error) {
	s.file = s.hostile.file(int64(ring.ControlSize+s.size), int64(ring.ControlSize+s.size), 0, unix.MFD_ALLOW_SEALING)
	if s.own, err = sys.MapRing(s.file, ring.ControlSize, s.size, true); err != nil {
		return err
	}
	return memory.Seal(s.file, memory.WriterSeals)
}

func (s *stormer) tell(beside ...*os.File) error {
	hello := rendezvous.NewHello(rendezvous.Shared, 1<<20)
	hello.Ring, hello.Barrier = uint64(s.size), rand.IntN(2) == 0
	s.say(hello.Bytes(), append([]*os.File{s.file}, beside...)...)
	return nil
}

func (s *stormer) hear(files int) error {
	front, err := sock.On(s.front)
	if err != nil {
		return err
	}
	defer front.Detach()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	record := make([]byte, rendezvous.HelloSize)
	m, err := front.Receive(ctx, record, sock.Exactly(files))
	if err != nil {
		return err
	}
	for _, file := range m.Files {
		s.keep(file)
	}
	hello, err := rendezvous.ParseHello(record, rendezvous.Shared)
	if err != nil {
		return err
	}
	s.seenFile, s.seenSize = m.Files[0], int(hello.Ring)
	if files == 2 {
		s.back = m.Files[1]
	}
	s.seen, err = sys.MapRing(s.seenFile, ring.ControlSize, s.seenSize, false)
	return err
}

func (s *stormer) end() {
	_, _ = sys.Unmap(s.own), sys.Unmap(s.seen)
	s.close()
}

// rage is one connection: some of the weapons at once, or one after the other, for
// a while, often after an honest one.
func (s *stormer) rage(random *rand.Rand) {
	var working sync.WaitGroup
	for _, weapon := range s.choose(random) {
		seed := random.Uint64()
		working.Go(func() {
			for own := rand.New(rand.NewPCG(seed, 1)); !s.stop.Load(); {
				weapon(s, own)
			}
		})
	}
	for until := time.Now().Add(time.Duration(random.IntN(100)) * time.Millisecond); time.Now().Before(until) && !s.isLeft(); {
		_, _ = unix.Poll(nil, 1)
	}
	s.stop.Store(true)
	working.Wait()
}

// isLeft reports whether the victim has hung up.
func (s *stormer) isLeft() bool {
	left := false
	raw, err := s.front.SyscallConn()
	if err != nil {
		return true
	}
	_ = raw.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd)}}
		_, err := unix.Poll(fds, 0)
		left = err == nil && fds[0].Revents&unix.POLLHUP != 0
	})
	return left
}

// choose takes some weapons, of those that leave the victim to go far or of all.
func (s *stormer) choose(random *rand.Rand) []weapon {
	from := gentle
	if random.IntN(2) == 0 {
		from = append(from[:len(from):len(from)], harsh...)
	}
	chosen := []weapon{}
	if random.IntN(4) > 0 {
		chosen = append(chosen, (*stormer).honestly)
	}
	for range 1 + random.IntN(4) {
		chosen = append(chosen, from[random.IntN(len(from))])
	}
	return chosen
}

// breaks notes that the victim is not as safe as it is to be.
func (s *stormer) breaks(what ...string) {
	text := strings.Join(what, ": ")
	s.broken.Store(&text)
	s.stop.Store(true)
}
