package kith_test

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"kith"
	"kith/internal/kithtest"
)

// A program of another user that has taken the name gets nothing out of who dials it:
// no memory, no descriptor, a refusal. One who trusts that user gives it what it gives any
// listener.
func TestSquatterGetsNothing(t *testing.T) {
	path := public(t, 0o777) + "/x"
	squatter := stranger.starts(t)
	expects(t, squatter, "allowed", nil, "squat %s", path)
	for scheme, given := range map[string]int{"shm": 2, "unixpacket": 0} {
		for _, keys := range []string{"", "?allow-uid=1001,1002&allow-gid=2000"} {
			refuses(t, scheme, dial(t, scheme+":"+path+keys), fs.ErrPermission, path, "uid 1003")
			expects(t, squatter, "taken", []string{fmt.Sprintf("64 bytes, errno %d, 0 descriptors", syscall.EACCES)}, "taken")
		}
		dialling := kithtest.Go(func() error { return dial(t, scheme+":"+path+"?allow-uid=1003") })
		for range 2 { // it dials once more, where it is hung up on
			expects(t, squatter, "taken", []string{fmt.Sprintf("64 bytes, errno 0, %d descriptors", given)}, "taken")
		}
		refuses(t, scheme, dialling.Wait(), kith.ErrProtocol, path)
	}
}

// Nobody is let in before the socket is as the address has it: neither who might be by the
// group that a new file has, nor by the umask.
func TestNoWiderMoment(t *testing.T) {
	path := public(t, 0o777) + "/x"
	knocker := user{1003, os.Getegid(), nil}.starts(t)
	listens := root.starts(t)
	expects(t, listens, "allowed", nil, "umask 0")
	knocking := kithtest.Go(func() error {
		expects(t, knocker, "allowed", nil, "knock-often %s", path)
		return nil
	})
	for came := false; !came; {
		expects(t, listens, "allowed", nil, "listen shm:%s?mode=0660&group=2000", path)
		expects(t, listens, "allowed", nil, "close")
		select {
		case <-knocking.Done():
			came = true
		default:
		}
	}
}

// In a user namespace, all who have no number are seen as 65534. That is no user whom a
// list could mean, nor the one that we are.
func TestUsersWithoutNumbers(t *testing.T) {
	kithtest.NeedKernel(t, "mount")
	few := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}, {ContainerID: 77, HostID: 1001, Size: 1}}
	for _, c := range []struct {
		what     string
		mapping  []syscall.SysProcIDMap
		keys     string
		verdicts map[int]string // of users outside
	}{
		{"none", nil, "", map[int]string{0: "allowed", 1001: "unlisted", 1003: "unlisted", nobody: "unlisted"}},
		{"none, listed", nil, "&allow-uid=65534&allow-gid=65534", map[int]string{0: "allowed", 1003: "unlisted", nobody: "unlisted"}},
		{"few", few, "&allow-uid=65534", map[int]string{0: "allowed", 1001: "unlisted", 1003: "unlisted", nobody: "unlisted"}},
		{"few, by group", few, "&allow-gid=65534", map[int]string{0: "allowed", 1003: "unlisted", nobody: "unlisted"}},
		{"few, by their numbers", few, "&allow-uid=77", map[int]string{1001: "allowed", 1003: "unlisted"}},
		{"few, by their groups", few, "&allow-gid=77", map[int]string{1001: "allowed", 1003: "unlisted"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			for _, scheme := range withAccess {
				inside := root.prepared(t, "user")
				inside.Cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER, UidMappings: c.mapping, GidMappings: c.mapping}
				inside.Start()
				addr := at(scheme, public(t, 0o777))
				expects(t, inside, "allowed", nil, "listen %s?mode=0666%s", addr, c.keys)
				for _, outside := range everyone {
					if want, say := c.verdicts[outside.uid]; say {
						expects(t, outside.starts(t), want, nil, "dial %s?allow-uid=0", addr)
					}
				}
				expects(t, inside, "allowed", nil, "close")
				host := stranger.starts(t)
				expects(t, host, "allowed", nil, "listen %s?mode=0666&allow-uid=0", addr)
				expects(t, inside, "distrusted", nil, "dial %s?limit=1m%s", addr, c.keys)
				expects(t, host, "allowed", nil, "close")
			}
		})
	}
}
