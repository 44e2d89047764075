package main

import (
	"encoding/binary"
	"fmt"
)

// A payload is what internal/compare has: a run of 64-bit words, base, base+1 …, where
// base follows from the number of the message. So every byte is written anew for every
// message, and who adds the words up has read them all and knows what the sum must be.
// c/payload.h does the same work, word for word.

const (
	wordSize  = 8
	blockSize = 4 * wordSize
)

func base(number uint64) uint64 { return number * 0x9e3779b97f4a7c15 }

// fill writes message number into payload, whose length is a multiple of blockSize.
func fill(payload []byte, number uint64) {
	word := base(number)
	for ; len(payload) >= blockSize; payload = payload[blockSize:] {
		block := (*[blockSize]byte)(payload)
		binary.NativeEndian.PutUint64(block[0:8], word)
		binary.NativeEndian.PutUint64(block[8:16], word+1)
		binary.NativeEndian.PutUint64(block[16:24], word+2)
		binary.NativeEndian.PutUint64(block[24:32], word+3)
		word += 4
	}
}

// check reads every word of payload, and reports one that is not message number of this
// size.
func check(payload []byte, size int, number uint64) error {
	if len(payload) != size {
		return fmt.Errorf("message %d arrived with %d bytes instead of %d", number, len(payload), size)
	}
	words := uint64(size / wordSize)
	if sum(payload) != words*base(number)+words*(words-1)/2 {
		return fmt.Errorf("message %d arrived changed", number)
	}
	return nil
}

func sum(payload []byte) uint64 {
	var a, b, c, d uint64
	for ; len(payload) >= blockSize; payload = payload[blockSize:] {
		block := (*[blockSize]byte)(payload)
		a += binary.NativeEndian.Uint64(block[0:8])
		b += binary.NativeEndian.Uint64(block[8:16])
		c += binary.NativeEndian.Uint64(block[16:24])
		d += binary.NativeEndian.Uint64(block[24:32])
	}
	return a + b + c + d
}
