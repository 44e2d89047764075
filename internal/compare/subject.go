package compare

import "kith/driver"

// A Subject is what a pair of workers measures: a transport, at an address.
type Subject struct {
	Name    string
	Address string
	Traits  driver.Traits
}

// Subjects are all the transports that this program has registered.
func Subjects() []Subject {
	var all []Subject
	for _, t := range driver.Transports() {
		traits := t.Traits()
		all = append(all, Subject{traits.Scheme, traits.Scheme + ":" + place(traits), traits})
	}
	return all
}

// place is a name that is free: in the private KITH_DIR of the run, or a port
// that the kernel picks.
func place(traits driver.Traits) string {
	switch {
	case !traits.Named:
		return ""
	case traits.Reach == driver.Network:
		return "127.0.0.1:0"
	}
	return traits.Scheme
}
