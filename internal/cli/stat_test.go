package cli

import (
	"strings"
	"testing"
)

// A kith that peeks, and whose output nobody takes, has the segment attached.
func TestStatCountsTheAttached(t *testing.T) {
	p := newPlace(t)
	key, _ := p.objects()
	p.kith(exitDone, "", "mk", "sysvshm:"+key+"?size=1m")
	reader, out := pipe(t)
	peeks := p.start([]string{"peek", "sysvshm:" + key}, stdout(out))
	_ = out.Close()
	if _, err := reader.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if stat := p.output("stat", "sysvshm:"+key); !strings.Contains(strings.Join(strings.Fields(stat), " "), " attached 1 ") {
		t.Error(stat)
	}
	p.kith(exitDone, "", "rm", "sysvshm:"+key)
	p.kith(exitFailed, "no such file", "stat", "sysvshm:"+key)
	_ = reader.Close()
	peeks.expect(exitFailed, "broken pipe")
}
