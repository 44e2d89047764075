package kith_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	osuser "os/user"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith"
	"kith/internal/kithtest"
)

func init() { kithtest.Register(map[string]kithtest.Func{"user": actAsUser}) }

// team is a group of some of the users.
const team = 2000

// A user is one of the machine's, whether or not it has a name here.
type user struct {
	uid, gid int
	groups   []int
}

var (
	root     = user{0, 0, nil}
	anybody  = user{nobody, nobody, nil}
	native   = user{1002, team, nil}
	member   = user{1001, 1001, []int{3000, team}}
	stranger = user{1003, 1003, nil}
	everyone = []user{root, anybody, native, member, stranger}
)

func (u user) in(group int) bool { return u.gid == group || slices.Contains(u.groups, group) }

// prepared is a process of the user.
func (u user) prepared(t testing.TB, name string, env ...string) *kithtest.Child {
	t.Helper()
	kithtest.NeedKernel(t, "root")
	child := kithtest.Command(t, name)
	child.Cmd.Dir = "/"
	child.Cmd.Env = append(child.Cmd.Env, env...)
	credential := &syscall.Credential{Uid: uint32(u.uid), Gid: uint32(u.gid)}
	for _, group := range u.groups {
		credential.Groups = append(credential.Groups, uint32(group))
	}
	child.Cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	return child
}

// starts is a process that acts as it is told.
func (u user) starts(t testing.TB, env ...string) *kithtest.Child {
	t.Helper()
	return u.prepared(t, "user", env...).Start()
}

// asks tells a child to do something, and returns how that ended, and its error.
func asks(t testing.TB, child *kithtest.Child, format string, args ...any) (verdict, text string) {
	t.Helper()
	if err := child.Say(fmt.Sprintf(format, args...)); err != nil {
		t.Fatal(err)
	}
	heard, err := child.Hear()
	if err != nil {
		t.Fatal(err)
	}
	verdict, text, _ = strings.Cut(heard, " ")
	return verdict, text
}

// expects is asks where the verdict is known, and what the error says.
func expects(t testing.TB, child *kithtest.Child, want string, says []string, format string, args ...any) {
	t.Helper()
	verdict, text := asks(t, child, format, args...)
	if verdict != want {
		t.Errorf("%s: %s %s, want %s", fmt.Sprintf(format, args...), verdict, text, want)
	}
	for _, say := range says {
		if !strings.Contains(text, say) {
			t.Errorf("%s: %q does not say %q", fmt.Sprintf(format, args...), text, say)
		}
	}
}

// actAsUser, in a child, dials, listens and closes as it is told.
func actAsUser([]string) error {
	var at host
	for {
		verb, rest, _ := strings.Cut(kithtest.Hear(), " ")
		var err error
		switch verb {
		case "dial":
			var conn *kith.Conn
			if conn, err = kith.Dial(context.Background(), rest); err == nil {
				err = conn.Close()
			}
		case "knock-often": // until we are let in, or were kept out a thousand times
			for n := 0; n < 1000 && err == nil; {
				switch knocked := knock(rest); {
				case knocked == nil:
					err = errLetIn
				case !errors.Is(knocked, unix.ENOENT):
					n++
				}
			}
		case "squat":
			at.squatter, err = squat(rest)
		case "taken": // from the next who dials the squatter
			err = at.taken()
		case "umask":
			mask, _ := strconv.ParseInt(rest, 8, 32)
			unix.Umask(int(mask))
		case "listen":
			err = at.listen(rest)
		case "close":
			err = at.close()
		}
		kithtest.Say(judge(err) + " " + strings.ReplaceAll(fmt.Sprint(err), "\n", " / "))
	}
}

var errLetIn = errors.New("let in")

// knock connects without kith.
func knock(path string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Connect(fd, &unix.SockaddrUnix{Name: path})
}

// squat listens at a path as another program might.
func squat(path string) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	return fd, errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: path}), unix.Chmod(path, 0o666), unix.Listen(fd, 10))
}

var errTaken = errors.New("taken")

// taken says what it got out of one who dialled: bytes, errno of a refusal, descriptors.
func (h *host) taken() error {
	fd, _, err := unix.Accept(h.squatter)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	bytes, control := make([]byte, 4096), make([]byte, 4096)
	n, length, _, _, err := unix.Recvmsg(fd, bytes, control, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return err
	}
	files := 0
	messages, err := unix.ParseSocketControlMessage(control[:length])
	for _, message := range messages {
		rights, _ := unix.ParseUnixRights(&message)
		files += len(rights)
	}
	return errors.Join(err, fmt.Errorf("%w: %d bytes, errno %d, %d descriptors", errTaken, n, bytes[16], files))
}

// A host is a listener that takes everybody, and whose Accept is to hear of nobody
// else.
type host struct {
	squatter int
	listener *kith.Listener
	ended    chan error
}

func (h *host) listen(addr string) (err error) {
	if h.listener, err = kith.Listen(context.Background(), addr); err != nil {
		return err
	}
	h.ended = make(chan error)
	go func() {
		for {
			conn, err := h.listener.Accept(context.Background())
			if err != nil {
				h.ended <- err
				return
			}
			go func() { _, _ = conn.Receive(context.Background()); _ = conn.Close() }()
		}
	}()
	return nil
}

func (h *host) close() error {
	err := h.listener.Close()
	if ended := <-h.ended; !errors.Is(ended, net.ErrClosed) {
		return fmt.Errorf("Accept heard: %w", ended)
	}
	return err
}

// judge says who refused: the kernel, the listener, or the dialer the listener.
func judge(err error) string {
	opError, _ := errors.AsType[*kith.OpError](err)
	switch text := fmt.Sprint(err); {
	case err == nil:
		return "allowed"
	case errors.Is(err, errTaken):
		return "taken"
	case errors.Is(err, kith.ErrAddress):
		return "address"
	case errors.Is(err, syscall.EADDRINUSE):
		return "taken"
	case errors.Is(err, kith.ErrNoListener):
		return "nobody"
	case errors.Is(err, kith.ErrProtocol):
		return "protocol"
	case opError == nil || !errors.Is(err, fs.ErrPermission):
		return "failed"
	case errors.Is(err, unix.EPERM):
		return "eperm"
	case strings.Contains(text, "the peer refused"):
		return "unlisted"
	case strings.Contains(text, "the peer is uid"):
		return "distrusted"
	}
	return "eacces"
}

// public is a directory that everybody can search, and its owner write.
func public(t testing.TB, mode fs.FileMode) string {
	t.Helper()
	directory := alone(t)
	if err := os.Chmod(directory, mode); err != nil {
		t.Fatal(err)
	}
	return directory
}

var withAccess = []string{"shm", "unix", "unixpacket"}

func owners(info fs.FileInfo) (uid, gid uint32) {
	stat := info.Sys().(*syscall.Stat_t)
	return stat.Uid, stat.Gid
}

// nameOf is a user's name, if it has one.
func nameOf(uid int) string {
	text := strconv.Itoa(uid)
	if found, err := osuser.LookupId(text); err == nil {
		return found.Username
	}
	return text
}
