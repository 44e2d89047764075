package rendezvous

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"kith/driver"
)

// whole has a value of its own in every field.
func whole() Hello {
	h := NewHello(Shared, 1<<20)
	h.Barrier, h.Packet, h.Ring, h.Session = true, 2, 1<<16, 1<<63+4
	return h
}

func TestHelloTravels(t *testing.T) {
	for _, h := range []Hello{NewHello(Stream, 1), NewHello(Shared, driver.MaxLimit), whole()} {
		got, err := ParseHello(h.Bytes(), h.Form)
		if err != nil || !reflect.DeepEqual(got, h) {
			t.Errorf("%+v, %v, want %+v", got, err, h)
		}
	}
}

// The bytes are those of the page of layouts: other programs read it.
func TestHelloIsLaidOutAsDrawn(t *testing.T) {
	h := whole()
	h.Refusal = syscall.EACCES
	want := make([]byte, 64)
	copy(want, "kith\r\n\x1a\n")
	want[8] = binary.NativeEndian.AppendUint16(nil, 2<<8|1)[0] // 1 little, 2 big
	copy(want[9:], []byte{1, 1, 1, 2, 1, 0, 0, 13})
	want[26], want[32], want[42] = 0x10, 2, 1
	want[48], want[55] = 4, 0x80
	if got := h.Bytes(); !bytes.Equal(got, want) {
		t.Errorf("% x\nwant\n% x", got, want)
	}
}

func TestHelloRefused(t *testing.T) {
	other := func(h *Hello) { h.Order = 3 - h.Order }
	for what, c := range map[string]struct {
		change func(h *Hello)
		want   error
		says   string
	}{
		"newer":            {func(h *Hello) { h.Oldest, h.Newest = 9, 9 }, driver.ErrVersion, "9"},
		"older":            {func(h *Hello) { h.Oldest, h.Newest = 0, 0 }, driver.ErrVersion, "0"},
		"upside down":      {func(h *Hello) { h.Oldest, h.Newest = 9, 0 }, driver.ErrVersion, ""},
		"byte order":       {other, driver.ErrVersion, "byte order"},
		"no byte order":    {func(h *Hello) { h.Order = 0 }, driver.ErrVersion, "byte order"},
		"form":             {func(h *Hello) { h.Form = Stream }, driver.ErrProtocol, "form"},
		"no form":          {func(h *Hello) { h.Form = 0 }, driver.ErrProtocol, "form"},
		"no limit":         {func(h *Hello) { h.Limit = 0 }, driver.ErrProtocol, "limit"},
		"limit":            {func(h *Hello) { h.Limit = driver.MaxLimit + 1 }, driver.ErrProtocol, "limit"},
		"limit of 2^63":    {func(h *Hello) { h.Limit = 1 << 63 }, driver.ErrProtocol, "limit"},
		"newer and other":  {func(h *Hello) { h.Oldest, h.Newest = 9, 9; other(h) }, driver.ErrVersion, "9"},
		"newer and refuse": {func(h *Hello) { h.Oldest, h.Newest, h.Refusal = 9, 9, syscall.EPROTO }, driver.ErrVersion, "9"},
	} {
		h := whole()
		c.change(&h)
		if _, err := ParseHello(h.Bytes(), Shared); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
}

// Newer peers that still know our version are welcome.
func TestHelloOfANewerPeer(t *testing.T) {
	h := whole()
	h.Newest = 255
	if _, err := ParseHello(h.Bytes(), Shared); err != nil {
		t.Error(err)
	}
}

func TestRefusalTravels(t *testing.T) {
	_, err := ParseHello(Refuse(Shared, syscall.EACCES).Bytes(), Shared)
	if !errors.Is(err, syscall.EACCES) || !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("%v, want EACCES", err)
	}
}

func TestNoHello(t *testing.T) {
	good := whole().Bytes()
	corrupt := bytes.Clone(good)
	corrupt[0] ^= 1
	mended := bytes.Replace(good, []byte("\r\n"), []byte("\n\n"), 1) // as a transfer in text mode does
	exchange := bytes.Clone(good)
	exchange[11] = 2
	for what, b := range map[string][]byte{
		"nothing": nil, "one byte": good[:1], "short": good[:63], "long": append(bytes.Clone(good), 0),
		"zeros": make([]byte, 64), "corrupt": corrupt, "line ends mended": mended, "another exchange": exchange,
		"HTTP": []byte("GET / HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\nX-Padding: xxxx\r\n"[:64]),
	} {
		if _, err := ParseHello(b, Shared); !errors.Is(err, driver.ErrProtocol) {
			t.Errorf("%s: %v, want ErrProtocol", what, err)
		}
	}
}

// Whatever comes: no panic, and what is taken is what was meant.
func FuzzParseHello(f *testing.F) {
	f.Add(whole().Bytes(), Shared)
	f.Add(NewHello(Stream, 1).Bytes(), Stream)
	f.Add(Refuse(Stream, syscall.EPROTO).Bytes(), Stream)
	f.Add([]byte("GET / HTTP/1.1\r\n"), Stream)
	f.Fuzz(func(t *testing.T, b []byte, form uint8) {
		h, err := ParseHello(b, form)
		if err != nil {
			if !errors.Is(err, driver.ErrProtocol) && !errors.Is(err, driver.ErrVersion) && h.Refusal == 0 {
				t.Errorf("untyped: %v", err)
			}
			return
		}
		again, err := ParseHello(h.Bytes(), form)
		if err != nil || !reflect.DeepEqual(again, Hello{
			h.Order, h.Oldest, h.Newest, h.Form, h.Barrier, 0, h.Limit, h.Packet, h.Ring, h.Session,
		}) && h.Oldest == Version && h.Newest == Version {
			t.Errorf("%+v became %+v, %v", h, again, err)
		}
		if h.Form != form || h.Limit == 0 || h.Limit > driver.MaxLimit || h.Order != nativeOrder() {
			t.Errorf("taken: %+v", h)
		}
	})
}
