package cli

import "testing"

// A file goes from one user to another where both addresses say so, and nowhere else.
func TestSendToAnotherUser(t *testing.T) {
	for _, scheme := range []string{"shm", "unix", "unixpacket"} {
		t.Run(scheme, func(t *testing.T) {
			p := newPlace(t)
			nobody := p.unprivileged()
			data := p.write("in", fileSize)
			p.chmod(0o644, p.path("in"))
			p.chmod(0o755, p.names)
			address := scheme + ":" + p.names + "/x"
			r := p.start([]string{"recv", address + "?mode=0606&allow-uid=65534", "out"})
			r.listening()
			p.start([]string{"send", address, "in"}, nobody).expect(exitFailed, "allow-uid=0 in the address would admit it): permission denied\n")
			p.start([]string{"send", address + "?allow-uid=no+one", "in"}, nobody).expect(exitUsage, "allow-uid=no+one: user: unknown user no+one\n")
			p.start([]string{"send", address + "?allow-uid=root", "in"}, nobody).expect(exitDone, "")
			r.expect(exitDone, "")
			p.wantFile("out", data)

			r = p.start([]string{"recv", scheme + ":y", "out2"})
			r.listening()
			p.start([]string{"send", scheme + ":y?allow-uid=0", "in"}, nobody).expect(exitFailed, "permission denied (mode 0600 of uid 0, gid 0")
			p.start([]string{"recv", address + "?owner=0"}, nobody).expect(exitFailed, "permission denied\n")
			p.start([]string{"send", scheme + ":y", "in"}).expect(exitDone, "")
			r.expect(exitDone, "")
			p.wantLeft("in", "out", "out2")
		})
	}
}
