package object

import (
	"fmt"
	"strconv"
	"strings"

	"kith/driver"
	"kith/ipc"
)

// A sysvName is how a System V object is found: a number, its key as ipcs(1)
// shows it (0x2a or 42); id:17, its identifier; the path of a file, with the
// number that the key project= has and ftok(3) was given; or private, which is a
// new one without a key.
type sysvName struct {
	scheme string
	key    ipc.Key // ipc.Private: it goes by its identifier
	id     int     // none yet: -1
}

func parseSysV(a *driver.Address) (sysvName, error) {
	n := sysvName{scheme: a.Scheme, id: -1}
	number, isID := strings.CutPrefix(a.Name, "id:")
	switch {
	case a.Name == "private":
		return n, nil
	case strings.HasPrefix(a.Name, "/"):
		key, err := fileKey(a)
		n.key = key
		return n, err
	case isID:
		id, err := parseNumber(number, 31)
		if err != nil {
			return n, fmt.Errorf("%w: %q is no identifier, as id:17", driver.ErrAddress, a.Name)
		}
		n.id = int(id)
		return n, nil
	}
	key, err := parseNumber(a.Name, 32)
	if err != nil || key == 0 {
		return n, fmt.Errorf("%w: the name %q is neither a key that is not 0, as 42 or 0x2a, nor id:NUMBER, nor a /path with ?project=NUMBER, nor private",
			driver.ErrAddress, a.Name)
	}
	n.key = ipc.Key(int32(key))
	return n, nil
}

// fileKey is ftok's, of the file that the address names.
func fileKey(a *driver.Address) (ipc.Key, error) {
	project := number(a, "project", 0, 1, 255)
	if project == 0 {
		if err := a.Done(); err != nil {
			return 0, err
		}
		return 0, fmt.Errorf("%w: a path needs ?project=NUMBER, which ftok was given", driver.ErrAddress)
	}
	return ipc.Ftok(a.Name, project)
}

// parseNumber reads a decimal number, or a hexadecimal one after 0x.
func parseNumber(text string, bits int) (int64, error) {
	base := 10
	if digits, hex := strings.CutPrefix(text, "0x"); hex {
		text, base = digits, 16
	}
	number, err := strconv.ParseUint(text, base, bits)
	return int64(number), err
}

// Address is by the key, which stays the same where the object is made anew.
func (n *sysvName) Address() string {
	switch {
	case n.key != ipc.Private:
		return n.scheme + ":" + n.key.String()
	case n.id < 0:
		return n.scheme + ":private"
	}
	return fmt.Sprintf("%s:id:%d", n.scheme, n.id)
}

// find is the object's identifier. For one that goes by that, it is not looked
// whether it is there.
func (n *sysvName) find(byKey func(ipc.Key) (int, error)) (int, error) {
	switch {
	case n.key != ipc.Private:
		return byKey(n.key)
	case n.id < 0:
		return -1, fmt.Errorf("%w: private is a new object, for mk alone; the others go by their id:NUMBER", driver.ErrAddress)
	}
	return n.id, nil
}

// mayMake refuses a name that only something which is there can have.
func (n *sysvName) mayMake() error {
	if n.key == ipc.Private && n.id >= 0 {
		return fmt.Errorf("%w: the kernel chooses identifiers: make it by a key, or private", driver.ErrAddress)
	}
	return nil
}

// made notes the identifier of a new object.
func (n *sysvName) made(id int) { n.id = id }

// stat is what all of System V have.
func (n *sysvName) stat(id int, perm ipc.Perm) Stat {
	s := Stat{{"address", n.Address()}, {"id", id}, {"key", nil}}
	if perm.Key != ipc.Private {
		s[2].Value = perm.Key.String()
	}
	return append(s, owned(perm.UID, perm.GID, perm.Mode)...).with("creator", userOf(perm.CreatorUID)).with("creator_group", groupOf(perm.CreatorGID))
}
