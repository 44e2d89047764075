package object_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kith/driver"
	"kith/internal/object"
	"kith/mq"
)

// An object is made as the keys of its address say.
func ExampleAt() {
	gate, err := object.At(fmt.Sprintf("posixsem:gate-%d?value=1", os.Getpid()))
	if err != nil {
		log.Fatal(err)
	}
	if err := gate.Make(context.Background()); err != nil {
		log.Fatal(err)
	}
	defer gate.Remove()
	values, err := gate.(object.Semaphores).Values()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(values[0].Value)
	// Output: 1
}

// One of each kind, all of which a machine can make.
func everyKind(t *testing.T) []object.Object {
	t.Helper()
	key := fmt.Sprintf("0xcb%06x", os.Getpid()&0xffffff) // negative, as /proc/sysvipc has it
	name, directory := fmt.Sprintf("kith-object-%d", os.Getpid()), t.TempDir()
	var objects []object.Object
	for _, address := range []string{
		"sysvshm:" + key + "?size=1", "sysvsem:" + key + "?count=2", "sysvmq:" + key,
		"posixshm:" + name + "?size=1", "posixsem:" + name + "?value=1",
		"fifo:" + directory + "/fifo", "file:" + directory + "/file",
	} {
		o, err := object.At(address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = o.Remove() })
		objects = append(objects, o)
	}
	return objects
}

// An object is found by its address, and listed, from Make to Remove.
func TestLife(t *testing.T) {
	for _, o := range everyKind(t) {
		if _, err := o.Stat(); !errors.Is(err, unix.ENOENT) {
			t.Errorf("%s: stat before: %v", o.Address(), err)
		}
		if err := o.Make(t.Context()); err != nil {
			t.Fatalf("%s: %v", o.Address(), err)
		}
		if err := o.Make(t.Context()); !errors.Is(err, unix.EEXIST) {
			t.Errorf("%s: made twice: %v", o.Address(), err)
		}
		again, err := object.At(o.Address())
		if err != nil {
			t.Fatal(err)
		}
		stat, err := again.Stat()
		if err != nil || stat[0] != (object.Field{Name: "address", Value: o.Address()}) {
			t.Errorf("%s: %v, %v", o.Address(), stat, err)
		}
		if !listed(o) {
			t.Errorf("%s is not among the names", o.Address())
		}
		if err := again.Remove(); err != nil {
			t.Errorf("%s: %v", o.Address(), err)
		}
		if err := again.Remove(); !errors.Is(err, unix.ENOENT) {
			t.Errorf("%s: removed twice: %v", o.Address(), err)
		}
	}
}

func listed(o object.Object) bool {
	for _, s := range object.Schemes() {
		if s.Names == nil {
			continue
		}
		if slices.ContainsFunc(s.Names(), func(name string) bool { return s.Name+":"+name == o.Address() }) {
			return true
		}
	}
	a, _ := driver.ParseAddress(o.Address())
	return a.Scheme == "fifo" || a.Scheme == "file"
}

// A context that has ended leaves one try.
func TestOneTry(t *testing.T) {
	o, err := object.At("sysvmq:private")
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Make(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer o.Remove()
	queue := o.(object.Queue)
	ended, cancel := context.WithCancelCause(t.Context())
	why := errors.New("because")
	cancel(why)
	if err := queue.Put(ended, object.Message{Label: 3, Body: []byte("x")}); err != nil {
		t.Error(err)
	}
	if m, err := queue.Take(ended); string(m.Body) != "x" || m.Label != 3 || err != nil {
		t.Error(m, err)
	}
	if _, err := queue.Take(ended); !errors.Is(err, why) || !errors.Is(err, mq.ErrEmpty) {
		t.Error(err)
	}
}

// Of is of no consequence for the queue that it was asked of.
func TestOf(t *testing.T) {
	o, err := object.At("sysvmq:private")
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Make(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer o.Remove()
	queue := o.(*object.SysVQueue)
	for _, kind := range []int64{5, 3, 9} {
		if err := queue.Put(t.Context(), object.Message{Label: kind, Body: []byte{byte(kind)}}); err != nil {
			t.Fatal(err)
		}
	}
	for types, want := range map[string]int64{"9": 9, "!5": 3, "-8": 3, "-100": 3, "!3": 5} {
		some, err := queue.Of(types)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := some.Next(); m.Label != want || err != nil {
			t.Errorf("%s: %v, %v, want type %d", types, m, err, want)
		}
	}
	for _, types := range []string{"", "0", "!", "!-1", "!0", "x", "5!", "-9223372036854775808", "9223372036854775808"} {
		if _, err := queue.Of(types); err == nil {
			t.Errorf("Of(%q) took it", types)
		}
	}
	if m, err := queue.Take(t.Context()); m.Label != 5 || err != nil {
		t.Error(m, err)
	}
}

func TestStatIsJSON(t *testing.T) {
	stat := object.Stat{{"b", 1}, {"a", []int{1, 2}}, {"never", time.Time{}}, {"owner", object.Owner{ID: 7}}}
	text, err := json.Marshal(stat)
	if want := `{"b":1,"a":[1,2],"never":null,"owner":{"id":7}}`; string(text) != want || err != nil {
		t.Errorf("%s, %v, want %s", text, err, want)
	}
}

// A segment is looked at as it is.
func TestOpen(t *testing.T) {
	for _, address := range []string{"sysvshm:private?size=10", "file:" + t.TempDir() + "/f?size=10"} {
		o, err := object.At(address)
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Make(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer o.Remove()
		bytes, err := o.(object.Memory).Open()
		if err != nil {
			t.Fatal(err)
		}
		defer bytes.Close()
		held, err := io.ReadAll(io.NewSectionReader(bytes, 0, bytes.Size()))
		if len(held) != 10 || err != nil {
			t.Errorf("%s: %q, %v", address, held, err)
		}
	}
}

// A message may be longer than its queue takes by now.
func TestTakeFromAShrunkQueue(t *testing.T) {
	o, err := object.At("sysvmq:private")
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Make(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer o.Remove()
	queue := o.(*object.SysVQueue)
	if err := queue.Put(t.Context(), object.Message{Label: 1, Body: make([]byte, 100)}); err != nil {
		t.Fatal(err)
	}
	stat, err := o.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if err := mq.SysVByID(stat[1].Value.(int)).SetMaxBytes(10); err != nil {
		t.Fatal(err)
	}
	if m, err := queue.Peek(0); len(m.Body) != 100 || err != nil {
		t.Errorf("peeked %d bytes, %v", len(m.Body), err)
	}
	if m, err := queue.Take(t.Context()); len(m.Body) != 100 || err != nil {
		t.Errorf("took %d bytes, %v", len(m.Body), err)
	}
}
