package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// memory is what iceoryx has for messages: enough for all that lies in the queues of
// iceoryx.cpp, and for what is loaned.
const memory = `[general]
version = 1
[[segment]]
[[segment.mempool]]
size = 128
count = 4096
[[segment.mempool]]
size = 65664
count = 256
[[segment.mempool]]
size = 1048704
count = 64
`

// startRouDi starts the daemon of iceoryx, which gives out the memory and joins those who
// publish and subscribe; it takes no part in their exchange. A machine has one at most.
func startRouDi(ctx context.Context) (*process, error) {
	path, err := exec.LookPath("iox-roudi")
	if err != nil {
		return nil, absentError{"iceoryx"}
	}
	dir, err := os.MkdirTemp("", "kith-peers-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	config := filepath.Join(dir, "roudi.toml")
	if err := os.WriteFile(config, []byte(memory), 0o600); err != nil {
		return nil, err
	}
	p, err := startProcess(exec.Command(path, "-c", config, "-l", "error", "-m", "off"), syscall.SIGTERM)
	if err != nil {
		return nil, err
	}
	if err := p.await(ctx, "RouDi is ready for clients"); err != nil {
		p.end()
		return nil, p.withWords(err)
	}
	return p, nil
}
