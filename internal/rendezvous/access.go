package rendezvous

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os/user"
	"slices"
	"strconv"
	"strings"

	"kith/driver"
)

// An Access says who may meet at a Unix socket. The kernel lets connect who may
// write to the socket's file, by its mode and owner; both sides then admit each
// other by the kernel's word on who is there: the same user, and whom the lists name.
type Access struct {
	Mode         fs.FileMode // of the listener's file, set as given, whatever the umask
	Owner, Group int         // of the file; -1 leaves what a new file has

	users, groups []int // admitted, beside the same user
}

// AccessTraits is what a transport that has an Access declares of it.
const AccessTraits = "mode and owner of the socket; the same user and lists of uid and gid, checked"

// OnlyUs is the Access of an address that says nothing.
func OnlyUs() Access { return Access{Mode: 0o600, Owner: -1, Group: -1} }

// ParseAccess takes the keys
//
//	mode=0660            of the socket's file, in octal: with 0200, or its own user could not connect
//	owner=USER           of the file
//	group=GROUP          of the file
//	allow-uid=USER,…     who may be at the other end, beside the same user
//	allow-gid=GROUP,…    likewise; one of its groups, also a supplementary one, is enough
//
// where each is a number or a name. The first three are the listener's; a dialer,
// which may be given the listener's address, only checks them.
func ParseAccess(a *driver.Address) Access {
	access := OnlyUs()
	a.Value("mode", func(text string) (err error) { access.Mode, err = parseMode(text); return err })
	a.Value("owner", func(text string) (err error) { access.Owner, err = parseUser(text); return err })
	a.Value("group", func(text string) (err error) { access.Group, err = parseGroup(text); return err })
	a.Value("allow-uid", func(text string) (err error) { access.users, err = parseList(text, parseUser); return err })
	a.Value("allow-gid", func(text string) (err error) { access.groups, err = parseList(text, parseGroup); return err })
	return access
}

func parseMode(text string) (fs.FileMode, error) {
	bits, err := strconv.ParseUint(text, 8, 16)
	if err != nil || bits > 0o777 {
		return 0, errors.New("want permissions in octal, as 0660")
	}
	if bits&0o200 == 0 {
		return 0, errors.New("its owner could not connect, which takes the right to write: want 0200 in it")
	}
	return fs.FileMode(bits), nil
}

func parseUser(text string) (int, error) {
	return parseID(text, func() (string, error) {
		found, err := user.Lookup(text)
		if err != nil {
			return "", err
		}
		return found.Uid, nil
	})
}

func parseGroup(text string) (int, error) {
	return parseID(text, func() (string, error) {
		found, err := user.LookupGroup(text)
		if err != nil {
			return "", err
		}
		return found.Gid, nil
	})
}

// parseID reads a number, else looks the name up.
func parseID(text string, lookup func() (string, error)) (int, error) {
	if text == "" {
		return 0, errors.New("want a number or a name")
	}
	if strings.Trim(text, "+-0123456789") != "" {
		var err error
		if text, err = lookup(); err != nil {
			return 0, err
		}
	}
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil || id == math.MaxUint32 { // which chown(2) and others take for none
		return 0, fmt.Errorf("want a name, or a number from 0 to %d", uint32(math.MaxUint32-1))
	}
	return int(id), nil
}

func parseList(text string, parse func(string) (int, error)) (ids []int, err error) {
	for item := range strings.SplitSeq(text, ",") {
		id, err := parse(item)
		if err != nil {
			return nil, err
		}
		if slices.Contains(ids, id) {
			return nil, fmt.Errorf("%s is there twice", item)
		}
		ids = append(ids, id)
	}
	return ids, nil
}
