package kith

import "kith/driver"

// Stats is what a Conn has counted.
type Stats = driver.Stats

// Traffic is a part of Stats: whole messages, and the bytes in them.
type Traffic = driver.Traffic

// Waits is a part of Stats: by how they ended.
type Waits = driver.Waits

// Stats returns what was counted since the connection was made. Any goroutine may ask at
// any time, after Close too; it slows nobody. The counts are of moments close to
// each other, not of one.
func (c *Conn) Stats() Stats { return c.driver.Stats() }
