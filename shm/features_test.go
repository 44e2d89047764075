package shm_test

import (
	"slices"

	"golang.org/x/sys/unix"

	"kith/internal/kithtest"
)

func init() {
	if slices.ContainsFunc(kithtest.Features, func(f kithtest.Feature) bool { return f.Name == "hugetlb" }) {
		return
	}
	kithtest.Features = append(kithtest.Features, kithtest.Feature{
		Name: "hugetlb", Why: "a kernel built without hugetlbfs", Have: func() bool {
			fd, err := unix.MemfdCreate("kithtest", unix.MFD_CLOEXEC|unix.MFD_HUGETLB|unix.MFD_HUGE_2MB)
			return err == nil && unix.Close(fd) == nil
		},
	})
}
