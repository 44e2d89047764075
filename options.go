package kith

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"kith/driver"
)

// An Option says in Go what a key of the address says, for values that a program
// computes. It is the same key to the transport: one that it does not know is
// ErrAddress, and so is one that the address or another Option has already. Addresses in
// errors, and those of Conn and Listener, show it.
//
// The options are about who may meet at the Unix socket behind `shm:`, `unix:` and
// `unixpacket:`. By default that is the same user alone. Two things decide:
//
//   - whom the kernel lets connect: who may write to the socket's file, by its Mode,
//     Owner and Group, and may search the directories above it (unix(7));
//   - whom each side admits, by the kernel's word on who is at the other end
//     (SO_PEERCRED, SO_PEERGROUPS): the same user, and those of AllowUsers and AllowGroups. Root
//     is no exception.
//
// So a service for others says both, and they say that they trust its user:
//
//	kith.Listen(ctx, "shm:/run/orders.sock?mode=0660&group=orders&allow-gid=orders")
//	kith.Dial(ctx, "shm:/run/orders.sock?allow-uid=orderd")
//
// In an address, users and groups are numbers or names, separated by commas. The
// name has to be a path: others cannot come where names without a / live, unless
// $KITH_DIR is a directory that they can search.
type Option struct{ key, value string }

// Mode is the key mode=: the permissions of the socket's file, 0600 if not given. They are
// set as given, whatever the umask, before anybody can connect. To connect takes the right
// to write, and 0200 has to be among them. A dialer ignores it.
func Mode(mode fs.FileMode) Option {
	return Option{"mode", fmt.Sprintf("%04o", uint32(mode))}
}

// Owner is the key owner=: the user of the socket's file, of whom only root can make
// another than itself (EPERM). A dialer ignores it.
func Owner(uid int) Option { return Option{"owner", strconv.Itoa(uid)} }

// Group is the key group=: the group of the socket's file, one of this process's own
// unless it is root (EPERM). A dialer ignores it.
func Group(gid int) Option { return Option{"group", strconv.Itoa(gid)} }

// AllowUsers is the key allow-uid=: users who may be at the other end, beside the same
// user. In a user namespace, those who have no number there are seen as 65534, and not
// admitted by it.
func AllowUsers(uids ...int) Option { return Option{"allow-uid", list(uids)} }

// AllowGroups is the key allow-gid=: groups whose members may be at the other end, for
// whom it is the first group or a supplementary one. Linux before 4.13 tells the first alone.
func AllowGroups(gids ...int) Option { return Option{"allow-gid", list(gids)} }

func list(ids []int) string {
	var items []string
	for _, id := range ids {
		items = append(items, strconv.Itoa(id))
	}
	return strings.Join(items, ",")
}

func apply(a *driver.Address, opts []Option) error {
	for _, o := range opts {
		if err := a.Set(o.key, o.value); err != nil {
			return err
		}
	}
	return nil
}
