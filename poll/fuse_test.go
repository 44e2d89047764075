package poll_test

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
	"kith/poll"
)

// A file whose server does not answer holds up who looks at it, and nobody else: the
// set is changed meanwhile.
func TestServerIsSilent(t *testing.T) {
	kithtest.NeedKernel(t, "mount")
	for _, backend := range []poll.Backend{poll.Poll, poll.Select} {
		t.Run(backend.String(), func(t *testing.T) {
			directory := t.TempDir()
			server := kithtest.Python(t, "testdata/fuse.py", directory).Start()
			hears(t, server, "mounted")
			t.Cleanup(func() {
				if err := unix.Unmount(directory, unix.MNT_DETACH); err != nil {
					t.Error(err)
				}
			})
			path := filepath.Join(directory, "file")
			fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
			source := file(t, path, fd, err)

			set := only(t, backend)
			silent := add(t, set, source, poll.Readable, poll.Level) // asks nobody
			waiting := kithtest.Go(func() error { _, err := set.Wait(t.Context(), make([]poll.Event, 1)); return err })
			hears(t, server, "poll")
			r, _ := pipe(t)
			registration := add(t, set, r, 0, poll.Level)
			if err := registration.Modify(poll.Readable); err != nil {
				t.Error(err)
			}
			tells(t, set)
			if err := set.Wake(); err != nil {
				t.Error(err)
			}
			silent.Remove()
			if err := server.Say("answer"); err != nil {
				t.Error(err)
			}
			if err := waiting.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}
