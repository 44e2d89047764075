package ring

import (
	"encoding/binary"
	"runtime"
	"sync"
	"testing"
)

// One goroutine writes while another reads through mappings of their own, with
// every kind of store: no record is torn, lost, doubled or out of order.
func TestOrderBetweenGoroutines(t *testing.T) {
	for name, fence := range map[string]bool{"plain store": false, "fence": true} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, 4096, fence)
			const records = 50_000
			var sides sync.WaitGroup
			sides.Go(func() {
				for n := range uint64(records) {
					body := make([]byte, 8*(n%128))
					for at := 0; at < len(body); at += 8 {
						binary.NativeEndian.PutUint64(body[at:], n)
					}
					for {
						written, err := p.producer.Write(Message, body)
						if err != nil {
							t.Error(err)
							return
						}
						if written {
							break
						}
						runtime.Gosched()
					}
				}
				p.producer.Goodbye()
			})
			sides.Go(func() {
				for n := uint64(0); ; {
					kind, body, err := p.consumer.Next()
					switch {
					case err != nil:
						t.Error(err)
						return
					case kind == 0:
						p.consumer.Tell()
						runtime.Gosched()
						continue
					case kind == Goodbye:
						if n != records {
							t.Errorf("goodbye after %d records of %d", n, records)
						}
						return
					}
					if len(body) != int(8*(n%128)) {
						t.Errorf("record %d has %d bytes", n, len(body))
						return
					}
					for at := 0; at < len(body); at += 8 {
						if got := binary.NativeEndian.Uint64(body[at:]); got != n {
							t.Errorf("record %d holds %d at %d", n, got, at)
							return
						}
					}
					p.consumer.Advance(len(body))
					n++
				}
			})
			sides.Wait()
		})
	}
}

func TestNoAllocation(t *testing.T) {
	p := newPair(t, 4096, false)
	body := make([]byte, 1000)
	if allocations := testing.AllocsPerRun(1000, func() {
		for range 3 {
			if written, err := p.producer.Write(Message, body); !written || err != nil {
				t.Fatal(written, err)
			}
		}
		for range 3 {
			if _, got, err := p.consumer.Next(); len(got) != len(body) || err != nil {
				t.Fatal(len(got), err)
			}
			p.consumer.Advance(len(body))
		}
		p.consumer.Tell()
	}); allocations != 0 {
		t.Errorf("%v allocations for three records", allocations)
	}
}
