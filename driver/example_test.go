package driver_test

import (
	"fmt"

	"kith/driver"
)

// A transport takes the keys that it knows out of the address; Done refuses
// what is left, before anything is created.
func ExampleAddress() {
	a, err := driver.ParseAddress("shm:orders?ring=1m&colour=red")
	fmt.Println(a.Scheme, a.Name, err)
	fmt.Println(a.Power("ring", 256<<10, 4<<10, 1<<30), a.Limit())
	fmt.Println(a.Done())
	// Output:
	// shm orders <nil>
	// 1048576 67108864
	// bad address: unknown key "colour": shm knows limit, ring
}
