package object

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os/user"
	"strconv"
	"time"
)

// A Stat is what is known of an object, in an order to be read in. Values are
// numbers, strings, bools, times (zero: never), an Owner, lists, or nil for none.
type Stat []Field

// A Field is one thing known. Its name is lower case, with _ between words.
type Field struct {
	Name  string
	Value any
}

// with is the Stat with one more.
func (s Stat) with(name string, value any) Stat { return append(s, Field{name, value}) }

// MarshalJSON makes an object of the fields, in their order. Never is null.
func (s Stat) MarshalJSON() ([]byte, error) {
	var text bytes.Buffer
	for i, field := range s {
		if moment, is := field.Value.(time.Time); is && moment.IsZero() {
			field.Value = nil
		}
		value, err := json.Marshal(field.Value)
		if err != nil {
			return nil, err
		}
		separator := ","
		if i == 0 {
			separator = "{"
		}
		fmt.Fprintf(&text, "%s%q:%s", separator, field.Name, value)
	}
	text.WriteByte('}')
	return text.Bytes(), nil
}

// process is a process's ID, where there is one that can be seen from here.
func process(pid int) any {
	if pid == 0 {
		return nil
	}
	return pid
}

// An Owner is a user or a group.
type Owner struct {
	ID   uint32 `json:"id"`
	Name string `json:"name,omitempty"` // where it has one here
}

func (o Owner) String() string {
	if o.Name == "" {
		return strconv.FormatUint(uint64(o.ID), 10)
	}
	return fmt.Sprintf("%s (%d)", o.Name, o.ID)
}

func userOf(uid uint32) Owner {
	o := Owner{ID: uid}
	if u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10)); err == nil {
		o.Name = u.Username
	}
	return o
}

func groupOf(gid uint32) Owner {
	o := Owner{ID: gid}
	if g, err := user.LookupGroupId(strconv.FormatUint(uint64(gid), 10)); err == nil {
		o.Name = g.Name
	}
	return o
}

// owned is whose an object is, and who may use it.
func owned(uid, gid uint32, mode fs.FileMode) Stat {
	return Stat{{"owner", userOf(uid)}, {"group", groupOf(gid)}, {"mode", fmt.Sprintf("%04o", mode.Perm())}}
}
