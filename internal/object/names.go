package object

import (
	"os"
	"strconv"
	"strings"

	"kith/ipc"
)

// namesIn are the System V objects that a file of /proc lists (proc_sysvipc(5)):
// by their keys, or by their identifiers where they have none.
func namesIn(list string) func() []string {
	return func() []string {
		text, _ := os.ReadFile(list)
		var names []string
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			if len(fields) < 2 {
				continue
			}
			key, err := strconv.ParseInt(fields[0], 10, 32)
			switch {
			case err != nil: // the head of the list
			case ipc.Key(key) == ipc.Private:
				names = append(names, "id:"+fields[1])
			default:
				names = append(names, ipc.Key(key).String())
			}
		}
		return names
	}
}

// semaphorePrefix begins the names of the files that glibc keeps semaphores in.
const semaphorePrefix = "sem."

func memoryNames() []string {
	return filesIn(memoryDirectory, func(file string) (string, bool) {
		return file, !strings.HasPrefix(file, semaphorePrefix)
	})
}

func semaphoreNames() []string {
	return filesIn(memoryDirectory, func(file string) (string, bool) { return strings.CutPrefix(file, semaphorePrefix) })
}

// queueNames are there where the queues' file system is mounted.
func queueNames() []string {
	return filesIn("/dev/mqueue", func(file string) (string, bool) { return file, true })
}

func filesIn(directory string, name func(file string) (string, bool)) []string {
	entries, _ := os.ReadDir(directory)
	var names []string
	for _, entry := range entries {
		if name, is := name(entry.Name()); is && entry.Type().IsRegular() {
			names = append(names, "/"+name)
		}
	}
	return names
}
