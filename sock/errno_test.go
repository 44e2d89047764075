package sock_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/sock"
)

// What socket(2), socketpair(2), bind(2), listen(2), accept(2) and connect(2) say.
func TestErrnos(t *testing.T) {
	folder := directory(t)
	in := func(name string) sock.Addr { return sock.Addr(filepath.Join(folder, name)) }
	long := func(name string) sock.Addr { return sock.Addr(folder + "/" + strings.Repeat("./", 100) + name) }
	for _, err := range []error{
		os.WriteFile(string(in("file")), nil, 0o600), os.Mkdir(string(in("dir")), 0o700),
		os.Symlink("loop", string(in("loop"))), os.Symlink("nowhere", string(in("dangling"))),
		os.Symlink("stream", string(in("link"))),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	stream, datagram := listening(t, sock.Stream, in("stream")), bound(t, sock.Datagram, in("datagram"))
	_ = bound(t, sock.Packet, in("deaf"))
	stale := bound(t, sock.Stream, in("stale"))
	_ = stale.Detach().Close()

	ctx := t.Context()
	bind := func(addr sock.Addr) func() error {
		return func() error { return fresh(t, sock.Datagram).Bind(addr, 0o600) }
	}
	connect := func(kind sock.Kind, addr sock.Addr) func() error {
		return func() error { return fresh(t, kind).Connect(ctx, addr) }
	}
	sendTo := func(addr sock.Addr) func() error {
		return func() error { return fresh(t, sock.Datagram).SendTo(ctx, addr, nil) }
	}
	for name, c := range map[string]struct {
		call func() error
		want error
	}{
		"socket of no kind": {func() error { _, err := sock.New(0); return err }, unix.EPROTOTYPE},
		"raw socket":        {func() error { _, err := sock.New(unix.SOCK_RAW); return err }, unix.EPROTOTYPE},
		"pair of no kind":   {func() error { _, _, err := sock.Pair(99); return err }, unix.EPROTOTYPE},

		"bind to a name that is taken":     {bind(in("stream")), unix.EADDRINUSE},
		"bind to a stale name":             {bind(in("stale")), unix.EADDRINUSE},
		"bind to a file":                   {bind(in("file")), unix.EADDRINUSE},
		"bind to a directory":              {bind(in("dir")), unix.EADDRINUSE},
		"bind to a dangling link":          {bind(in("dangling")), unix.EADDRINUSE},
		"bind without a directory":         {bind(in("none/x")), unix.ENOENT},
		"bind below a file":                {bind(in("file/x")), unix.ENOTDIR},
		"bind below a loop":                {bind(in("loop/x")), unix.ELOOP},
		"bind with a long part":            {bind(in(strings.Repeat("x", 300))), unix.ENAMETOOLONG},
		"bind with a NUL":                  {bind(in("a\x00b")), unix.EINVAL},
		"bind a long path to a taken one":  {bind(long("stream")), unix.EADDRINUSE},
		"bind a long path without its end": {bind(long("none/x")), unix.ENOENT},
		"bind a long path below a file":    {bind(long("file/x")), unix.ENOTDIR},
		"bind a longer path than is":       {bind(sock.Addr(strings.Repeat("/x", 2100))), unix.ENAMETOOLONG},
		"bind twice":                       {func() error { return datagram.Bind(in("again"), 0o600) }, unix.EINVAL},
		"bind to no name with a mode":      {func() error { return fresh(t, sock.Datagram).Bind("", 0o600) }, unix.EINVAL},

		"listen without a name":    {func() error { return fresh(t, sock.Stream).Listen() }, unix.EINVAL},
		"listen at a datagram":     {func() error { return datagram.Listen() }, unix.EOPNOTSUPP},
		"listen where connected":   {func() error { return connected(t, sock.Stream, in("stream")).Listen() }, unix.EINVAL},
		"accept without listening": {func() error { _, err := fresh(t, sock.Stream).Accept(ctx); return err }, unix.EINVAL},
		"accept at a datagram":     {func() error { _, err := datagram.Accept(ctx); return err }, unix.EOPNOTSUPP},

		"connect to nothing":              {connect(sock.Stream, in("none")), unix.ENOENT},
		"connect to a stale name":         {connect(sock.Stream, in("stale")), unix.ECONNREFUSED},
		"connect to who does not listen":  {connect(sock.Packet, in("deaf")), unix.ECONNREFUSED},
		"connect to a file":               {connect(sock.Stream, in("file")), unix.ECONNREFUSED},
		"connect to an unknown abstract":  {connect(sock.Stream, abstract(t)), unix.ECONNREFUSED},
		"connect to another kind":         {connect(sock.Stream, in("datagram")), unix.EPROTOTYPE},
		"connect a packet to a stream":    {connect(sock.Packet, in("stream")), unix.EPROTOTYPE},
		"connect a datagram to a stream":  {connect(sock.Datagram, in("stream")), unix.EPROTOTYPE},
		"connect below a file":            {connect(sock.Stream, in("file/x")), unix.ENOTDIR},
		"connect in a loop":               {connect(sock.Stream, in("loop")), unix.ELOOP},
		"connect by a link":               {connect(sock.Stream, in("link")), nil},
		"connect with a NUL":              {connect(sock.Stream, in("a\x00b")), unix.EINVAL},
		"connect by a long path":          {connect(sock.Stream, long("stream")), nil},
		"connect by a long link":          {connect(sock.Stream, long("link")), nil},
		"connect by a long path to none":  {connect(sock.Stream, long("none")), unix.ENOENT},
		"connect by a long path, stale":   {connect(sock.Stream, long("stale")), unix.ECONNREFUSED},
		"connect by a long path, file":    {connect(sock.Stream, long("file")), unix.ECONNREFUSED},
		"connect by a long path, loop":    {connect(sock.Stream, long("loop")), unix.ELOOP},
		"connect by a long abstract name": {connect(sock.Stream, sock.Abstract(strings.Repeat("x", 108))), unix.ENAMETOOLONG},
		"connect a stream to no name":     {connect(sock.Stream, ""), unix.EINVAL},
		"connect twice":                   {func() error { return connected(t, sock.Stream, in("stream")).Connect(ctx, in("stream")) }, unix.EISCONN},
		"connect a listener":              {func() error { return stream.Connect(ctx, in("stream")) }, unix.EINVAL},

		"send to nothing":                 {sendTo(in("none")), unix.ENOENT},
		"send to a stale name":            {sendTo(in("stale")), unix.ECONNREFUSED},
		"send to a file":                  {sendTo(in("file")), unix.ECONNREFUSED},
		"send to a stream":                {sendTo(in("stream")), unix.EPROTOTYPE},
		"send below a file":               {sendTo(in("file/x")), unix.ENOTDIR},
		"send in a loop":                  {sendTo(in("loop")), unix.ELOOP},
		"send to an unknown abstract":     {sendTo(abstract(t)), unix.ECONNREFUSED},
		"send to no name":                 {sendTo(""), unix.EINVAL},
		"send by a long path":             {sendTo(long("datagram")), nil},
		"send by a long path to none":     {sendTo(long("none")), unix.ENOENT},
		"send from a stream":              {func() error { return fresh(t, sock.Stream).SendTo(ctx, in("stream"), []byte("x")) }, unix.EISCONN},
		"send from a packet":              {func() error { return fresh(t, sock.Packet).SendTo(ctx, in("stream"), []byte("x")) }, unix.EISCONN},
		"send without a peer":             {func() error { return fresh(t, sock.Datagram).Send(ctx, nil) }, unix.ENOTCONN},
		"send on a stream without a peer": {func() error { return fresh(t, sock.Stream).Send(ctx, []byte("x")) }, unix.ENOTCONN},
		"send on a packet without a peer": {func() error { return fresh(t, sock.Packet).Send(ctx, []byte("x")) }, unix.ENOTCONN},
		"send a file that is none":        {func() error { return fresh(t, sock.Datagram).SendTo(ctx, in("datagram"), nil, nil) }, os.ErrInvalid},
		"send after CloseSend": {func() error {
			s := connected(t, sock.Datagram, in("datagram"))
			return errors.Join(s.CloseSend(), s.Send(ctx, nil))
		}, unix.EPIPE},

		"receive on a stream without a peer": {func() error { _, err := fresh(t, sock.Stream).Receive(ctx, make([]byte, 1), sock.Count{}); return err }, unix.EINVAL},
		"receive on a packet without a peer": {func() error { _, err := fresh(t, sock.Packet).Receive(ctx, nil, sock.Count{}); return err }, unix.ENOTCONN},
		"receive on a listener":              {func() error { _, err := stream.Receive(ctx, make([]byte, 1), sock.Count{}); return err }, unix.EINVAL},

		"the name of a peer that is not": {func() error { _, err := fresh(t, sock.Stream).Remote(); return err }, unix.ENOTCONN},
		"CloseSend without a peer":       {func() error { return fresh(t, sock.Stream).CloseSend() }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.call()
			if !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			var path *os.PathError
			var call *os.SyscallError
			if err != nil && !errors.As(err, &path) && !errors.As(err, &call) {
				t.Errorf("%v is of no type that is promised", err)
			}
		})
	}
}

// Where there is an error there is no name.
func TestNoNames(t *testing.T) {
	s := fresh(t, sock.Stream)
	local, err := s.Local()
	remote, none := s.Remote()
	if local != "" || err != nil || remote != "" || !errors.Is(none, unix.ENOTCONN) {
		t.Errorf("%q, %v, %q, %v", local, err, remote, none)
	}
}

// A file system that is read only.
func TestReadOnly(t *testing.T) {
	kithtest.NeedKernel(t, "mount")
	folder := directory(t)
	if err := unix.Mount("tmpfs", folder, "tmpfs", unix.MS_RDONLY, "size=4k"); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Unmount(folder, unix.MNT_DETACH) }()
	wants(t, fresh(t, sock.Datagram).Bind(sock.Addr(folder+"/x"), 0o600), unix.EROFS)
}

// Errors name what they are about, and carry the cause of a context's end.
func TestErrorsAreTyped(t *testing.T) {
	s := fresh(t, sock.Datagram)
	for call, err := range map[string]error{
		"bind /none/x": s.Bind("/none/x", 0), "connect /none/x": s.Connect(t.Context(), "/none/x"),
		"sendmsg /none/x": s.SendTo(t.Context(), "/none/x", nil), "connect @none": s.Connect(t.Context(), sock.Abstract("none")),
	} {
		var path *os.PathError
		if !errors.As(err, &path) || path.Op+" "+path.Path != call {
			t.Errorf("%s: %v", call, err)
		}
	}
	_, receiving := s.Receive(canceled(t), nil, sock.Count{})
	_, accepting := s.Accept(canceled(t))
	for call, err := range map[string]error{"sendmsg": s.Send(canceled(t), nil), "recvmsg": receiving, "accept": accepting} {
		var failed *os.SyscallError
		if !errors.As(err, &failed) || failed.Syscall != call || !errors.Is(err, errEnough) {
			t.Errorf("%s: %v", call, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 1)
	defer cancel()
	_, err := bound(t, sock.Datagram, "").Receive(ctx, nil, sock.Count{})
	wants(t, err, context.DeadlineExceeded)
	var errno syscall.Errno
	if errors.As(err, &errno) {
		t.Errorf("%v", err)
	}
}
