package kith_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"kith"
	"kith/internal/kithtest"
)

// A policy is what an address says of access.
type policy struct {
	mode         fs.FileMode
	owner, group int // -1: not said
	uids, gids   []int
}

func (p policy) keys() string {
	text := fmt.Sprintf("?mode=%04o", p.mode)
	if p.owner >= 0 {
		text += fmt.Sprint("&owner=", p.owner)
	}
	if p.group >= 0 {
		text += fmt.Sprint("&group=", p.group)
	}
	return text + lists(p.uids, p.gids)
}

func lists(uids, gids []int) (text string) {
	for key, ids := range map[string][]int{"allow-uid": uids, "allow-gid": gids} {
		if len(ids) > 0 {
			text += "&" + key + "=" + strings.ReplaceAll(strings.Trim(fmt.Sprint(ids), "[]"), " ", ",")
		}
	}
	return text
}

// verdict is what unix(7) and the docs promise a dialer.
func (p policy) verdict(listener, dialer user) string {
	owner, group := listener.uid, listener.gid
	if p.owner >= 0 {
		owner = p.owner
	}
	if p.group >= 0 {
		group = p.group
	}
	bit := fs.FileMode(0o002)
	if dialer.in(group) {
		bit = 0o020
	}
	if dialer.uid == owner {
		bit = 0o200
	}
	switch {
	case dialer.uid != 0 && p.mode&bit == 0:
		return "eacces"
	case dialer.uid == listener.uid || slices.Contains(p.uids, dialer.uid) || slices.ContainsFunc(p.gids, dialer.in):
		return "allowed"
	}
	return "unlisted"
}

var policies = func() (all []policy) {
	for _, mode := range []fs.FileMode{0o600, 0o620, 0o602, 0o660, 0o666, 0o644, 0o206} {
		for _, file := range []policy{{owner: -1, group: -1}, {owner: nobody, group: -1}, {owner: -1, group: team}, {owner: nobody, group: team}} {
			for _, lists := range []policy{{}, {uids: []int{nobody}}, {gids: []int{team}}, {uids: []int{0, 1003}, gids: []int{3000, 4000}}} {
				all = append(all, policy{mode, file.owner, file.group, lists.uids, lists.gids})
			}
		}
	}
	return all
}()

// Every mode, owner, group and list, with every kind of user at both ends. Whoever is
// refused delays and disturbs nobody.
func TestWhoMayMeet(t *testing.T) {
	for _, scheme := range withAccess {
		for _, listener := range []user{root, member} {
			t.Run(fmt.Sprint(scheme, " of ", listener.uid), func(t *testing.T) {
				directory := public(t, 0o777)
				listens := listener.starts(t)
				dials := map[int]*kithtest.Child{}
				for _, u := range everyone {
					dials[u.uid] = u.starts(t)
				}
				for _, p := range policies {
					if p.owner >= 0 && listener.uid != 0 {
						continue // see TestGivenAway
					}
					addr := at(scheme, directory)
					expects(t, listens, "allowed", nil, "listen %s", addr+p.keys())
					for _, u := range everyone {
						want := p.verdict(listener, u)
						expects(t, dials[u.uid], want, refusals[want], "dial %s?allow-uid=%d", addr, listener.uid)
					}
					expects(t, listens, "allowed", nil, "close")
					if t.Failed() {
						t.Fatalf("with %s", p.keys())
					}
				}
				if left := tree(t, directory)[1:]; len(left) > 0 {
					t.Errorf("left behind: %q", left)
				}
			})
		}
	}
}

// refusals are what errors say, beside the path.
var refusals = map[string][]string{"eacces": {"mode 0"}, "unlisted": {"allow-uid="}}

// A dialer admits the listener by the same rules: its mode is no reason to trust it.
func TestWhomDialersTrust(t *testing.T) {
	for _, scheme := range withAccess {
		t.Run(scheme, func(t *testing.T) {
			directory := public(t, 0o777)
			dials := stranger.starts(t)
			for _, listener := range []user{root, member, native, stranger} {
				addr := at(scheme, directory)
				listens := listener.starts(t)
				expects(t, listens, "allowed", nil, "listen %s?mode=0666&allow-uid=1003,0", addr)
				for _, trust := range []policy{{}, {uids: []int{listener.uid}}, {gids: []int{team}}, {gids: []int{listener.gid}}, {uids: []int{nobody, 77}, gids: []int{88}}} {
					want, says := "distrusted", []string{fmt.Sprintf("uid %d, gid %d", listener.uid, listener.gid), fmt.Sprintf("allow-uid=%d in the address", listener.uid)}
					if listener.uid == stranger.uid || slices.Contains(trust.uids, listener.uid) || slices.ContainsFunc(trust.gids, listener.in) {
						want, says = "allowed", nil
					}
					expects(t, dials, want, says, "dial %s?limit=1m%s", addr, lists(trust.uids, trust.gids))
				}
				expects(t, listens, "allowed", nil, "close")
			}
		})
	}
}

// The default is the same user: who may connect by the mode, root among them, is not let in.
func TestOnlyTheSameUser(t *testing.T) {
	for _, scheme := range withAccess {
		directory := public(t, 0o777)
		listens, same := member.starts(t), user{member.uid, 5000, nil}.starts(t)
		addr := at(scheme, directory)
		expects(t, listens, "allowed", nil, "listen %s?mode=0666", addr)
		expects(t, same, "allowed", nil, "dial %s", addr)
		for _, u := range []user{root, native, {1005, 1001, []int{3000, team}}} {
			expects(t, u.starts(t), "unlisted", nil, "dial %s?allow-uid=1001", addr)
		}
		expects(t, listens, "allowed", nil, "close")
	}
}

// The mode is that of the key whatever the umask, and the file is of those named.
func TestFileOfTheSocket(t *testing.T) {
	directory := public(t, 0o777)
	child := root.starts(t)
	for _, mask := range []string{"0", "22", "77", "777"} {
		expects(t, child, "allowed", nil, "umask %s", mask)
		for keys, want := range map[string]string{
			"":                                 "Srw------- 0 0",
			"?mode=0600":                       "Srw------- 0 0",
			"?mode=777":                        "Srwxrwxrwx 0 0",
			"?mode=0660&group=2000":            "Srw-rw---- 0 2000",
			"?owner=1001":                      "Srw------- 1001 0",
			"?owner=1001&group=2000&mode=0206": "S-w----rw- 1001 2000",
			"?owner=root&group=root&mode=622":  "Srw--w--w- 0 0",
			"?owner=4294967294":                "Srw------- 4294967294 0",
			"?allow-uid=1&allow-gid=2":         "Srw------- 0 0",
		} {
			addr := at("shm", directory)
			expects(t, child, "allowed", nil, "listen %s%s", addr, keys)
			if got := describe(t, where(addr)); got != want {
				t.Errorf("umask %s, %s: %s, want %s", mask, keys, got, want)
			}
			expects(t, child, "allowed", nil, "close")
		}
	}
}

func describe(t testing.TB, path string) string {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	uid, gid := owners(info)
	return fmt.Sprint(info.Mode(), " ", uid, " ", gid)
}

// badAccess is wrong wherever there is access to speak of, and unknown elsewhere.
var badAccess = []string{
	"mode=", "mode=8", "mode=0o660", "mode=rw", "mode=-1", "mode=1777", "mode=4755", "mode=2660", "mode=01000", "mode=99999999999999999999",
	"mode=0", "mode=0060", "mode=0466", "mode=0177", "mode=0600&mode=0600",
	"owner=", "owner=-1", "owner=4294967295", "owner=4294967296", "owner=no such user", "owner=1,2", "owner=+1", "owner=1&owner=1",
	"group=", "group=-1", "group=4294967295", "group=no such group", "group=1,2", "group=1.5",
	"allow-uid=", "allow-uid=,", "allow-uid=1,", "allow-uid=,1", "allow-uid=1,,2", "allow-uid=1,1", "allow-uid=0,root", "allow-uid=1;2", "allow-uid=-1",
	"allow-uid=4294967295", "allow-uid=no such user", "allow-uid=1&allow-uid=2", "allow-uid=1, 2", "allow-uid=%00", "allow-uid=%zz",
	"allow-gid=", "allow-gid=1,1", "allow-gid=no such group", "allow-gid=4294967295", "allow-gid=1&allow-gid=1",
	"allow=1", "uid=1", "allow-uids=1", "Mode=0600",
}

func TestBadAccess(t *testing.T) {
	for _, scheme := range schemes {
		t.Run(scheme, func(t *testing.T) {
			directory := alone(t)
			t.Setenv("KITH_DIR", directory+"/not yet")
			for _, keys := range badAccess {
				for _, addr := range []string{at(scheme, directory) + "?" + keys, at(scheme, directory) + "?limit=1k&" + keys} {
					untouched(t, directory, func() {
						refuses(t, addr, dial(t, addr), kith.ErrAddress, addr)
						refuses(t, addr, listen(t, addr), kith.ErrAddress, addr)
					})
				}
			}
		})
	}
}

// Names are numbers as the machine has them; % escapes them as it does all.
func TestNamesOfUsers(t *testing.T) {
	directory := public(t, 0o777)
	listens, dials := anybody.starts(t), root.starts(t)
	addr := at("unix", directory)
	expects(t, listens, "allowed", nil, "listen %s?mode=0606&allow-uid=%s", addr, "77%2Croo%74")
	expects(t, dials, "allowed", nil, "dial %s?allow-uid=%s", addr, nameOf(nobody))
	expects(t, dials, "distrusted", nil, "dial %s?allow-uid=root", addr)
	expects(t, listens, "allowed", nil, "close")
}

// A key of the address and an option are the same.
func TestOptionsAreKeys(t *testing.T) {
	directory := public(t, 0o777)
	for _, scheme := range withAccess {
		addr := at(scheme, directory)
		listener, err := kith.Listen(t.Context(), addr+"?limit=1m", kith.Mode(0o660), kith.AllowUsers(1, 1003), kith.AllowGroups(0, 7), kith.Group(os.Getegid()), kith.Owner(os.Geteuid()))
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("%s?limit=1m&mode=0660&allow-uid=1,1003&allow-gid=0,7&group=%d&owner=%d", addr, os.Getegid(), os.Geteuid())
		if got := listener.Addr(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if got := describe(t, where(addr)); got != fmt.Sprint("Srw-rw---- ", os.Geteuid(), " ", os.Getegid()) {
			t.Error(got)
		}
		for _, opts := range [][]kith.Option{nil, {kith.AllowUsers(5)}, {kith.Mode(0o600), kith.Owner(0), kith.Group(0)}} {
			if conn, err := kith.Dial(t.Context(), addr, opts...); err != nil || conn.Close() != nil {
				t.Error(err)
			}
		}
		if err := dial(t, listener.Addr()); err != nil {
			t.Errorf("what the listener calls itself: %v", err)
		}
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestBadOptions(t *testing.T) {
	bad := map[string][]kith.Option{
		"is given twice": {kith.Mode(0o600), kith.Mode(0o600)},
		`"allow-uid" is`: {kith.AllowUsers(1), kith.AllowUsers(2)},
		"want a number":  {kith.AllowUsers()},
		"allow-gid=":     {kith.AllowGroups()},
		"owner=-1":       {kith.Owner(-1)},
		"group=-1":       {kith.Group(-1)},
		"mode=0000":      {kith.Mode(0)},
		"in octal":       {kith.Mode(0o660 | fs.ModeSticky)},
		"mode=4755":      {kith.Mode(0o4755)},
		"unknown key":    {{}},
		"limit":          {{}},
	}
	for says, opts := range bad {
		directory := alone(t)
		addr := at("shm", directory)
		untouched(t, directory, func() {
			_, dialling := kith.Dial(t.Context(), addr, opts...)
			_, listening := kith.Listen(t.Context(), addr, opts...)
			_, netDialling := kith.DialNet(t.Context(), addr, opts...)
			_, netListening := kith.ListenNet(t.Context(), addr, opts...)
			for _, err := range []error{dialling, listening, netDialling, netListening} {
				refuses(t, says, err, kith.ErrAddress, says)
			}
		})
	}
	for _, addr := range []string{"shm:x?mode=0600", "tcp:127.0.0.1:1", "fifo:/tmp/x", "fd:3"} { // said twice, or unknown
		_, dialling := kith.Dial(t.Context(), addr, kith.Mode(0o600))
		_, listening := kith.Listen(t.Context(), addr, kith.Mode(0o600))
		if !errors.Is(dialling, kith.ErrAddress) || addr != "fd:3" && !errors.Is(listening, kith.ErrAddress) {
			t.Errorf("%s: %v, %v", addr, dialling, listening)
		}
	}
}
