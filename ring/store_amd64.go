package ring

// StoreRelease stores a value so that whoever sees it also sees all that was
// stored before. A later load may be done before it: see the protocol in
// kith/internal/wait.
//
//go:noescape
func StoreRelease(p *uint64, value uint64)
