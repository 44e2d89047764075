package main

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
)

// A subject is a way to carry messages that is measured: a meeting in Go, or a program
// in C or C++.
type subject struct {
	name string
	what string // for people
	*meeting
	module  string // of Go, "" for this tree and the standard library
	program *program
	daemon  func(context.Context) (*process, error) // what has to run beside
}

// first is the subject that all others are compared with.
const first = "shm"

var subjects = []subject{
	{name: first, what: "kith shm:, Send and Receive", meeting: kithAt("shm:", newCopying, "")},
	{name: "batch", what: "kith shm:, SendBatch of 16 and ReceiveBatch", meeting: kithAt("shm:", newBatching, "")},
	{name: "lent", what: "kith shm:, Reserve and Commit, Lease", meeting: kithAt("shm:", newLending, "", largeRing)},
	{name: "unix", what: "kith unix:, Send and Receive", meeting: kithAt("unix:", newCopying, "")},
	{name: "net", what: "package net over a Unix socket, a Write a message", meeting: socketAt(newPlain)},
	{name: "bufio", what: "package net over a Unix socket, through bufio", meeting: socketAt(newBuffered)},
	{name: "grpc", what: "gRPC over a Unix socket, one stream", meeting: grpcAt, module: "google.golang.org/grpc"},
	{name: "nats", what: "core NATS, the server in one of the processes", meeting: natsAt, module: "github.com/nats-io/nats-server/v2"},
	{name: "zmq", what: "libzmq, PAIR over ipc://", program: &program{
		source: "zmq.c", header: "zmq.h", packages: "libzmq3-dev", flags: []string{"-lzmq"},
	}},
	{name: "nng", what: "nng, pair0 over ipc://", program: &program{
		source: "nng.c", header: "nng/nng.h", packages: "libnng-dev", flags: []string{"-lnng"},
	}},
	{name: "boost", what: "Boost.Interprocess message_queue", program: &program{
		source: "boost.cpp", header: "boost/interprocess/ipc/message_queue.hpp", packages: "libboost-dev", flags: []string{"-lrt", "-lpthread"},
	}},
	{name: "iceoryx", what: "iceoryx, loan and publish, take in a loop", daemon: startRouDi, program: &program{
		source: "iceoryx.cpp", header: "iceoryx_posh/popo/untyped_publisher.hpp", packages: "libiceoryx-posh-dev iceoryx",
		flags: append(newest("-I", "/usr/include/iceoryx/v*"), "-liceoryx_posh", "-liceoryx_hoofs", "-liceoryx_platform"),
	}},
}

// newest is the flag for the last of the directories, if there is one.
func newest(flag, pattern string) []string {
	found, _ := filepath.Glob(pattern) // the pattern is a constant
	if len(found) == 0 {
		return nil
	}
	return []string{flag + slices.Max(found)}
}

func subjectNamed(name string) (subject, error) {
	for _, s := range subjects {
		if s.name == name {
			return s, nil
		}
	}
	return subject{}, fmt.Errorf("there is no subject %q", name)
}

// chosen are the subjects of a list of names, in their own order; all for "".
func chosen(names string) ([]subject, error) {
	if names == "" {
		return subjects, nil
	}
	wanted := strings.Split(names, ",")
	for _, name := range wanted {
		if _, err := subjectNamed(name); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(slices.Clone(subjects), func(s subject) bool { return !slices.Contains(wanted, s.name) }), nil
}

// version is what a worker in Go says of itself.
func (s subject) version() string {
	info, _ := debug.ReadBuildInfo()
	if s.module == "" || info == nil {
		return ""
	}
	for _, dep := range info.Deps {
		if dep.Path == s.module {
			return filepath.Base(strings.TrimSuffix(dep.Path, "/v2")) + " " + dep.Version
		}
	}
	return s.module
}
