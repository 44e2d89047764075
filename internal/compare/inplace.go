package compare

import (
	"context"
	"encoding/binary"
	"fmt"

	"kith"
)

// makeInPlace is pour, with messages that are made where they lie.
func makeInPlace(ctx context.Context, conn *kith.Conn, cell Cell, write func([]byte, uint64)) error {
	for number := range uint64(cell.Count) {
		if err := put(ctx, conn, cell.Size, number, write); err != nil {
			return err
		}
	}
	return awaitEmpty(ctx, conn)
}

// lookInPlace is drain, with messages that are read where they lie.
func lookInPlace(ctx context.Context, conn *kith.Conn, cell Cell, read func([]byte, int, uint64) error) error {
	for number := range uint64(cell.Count) {
		if err := look(ctx, conn, cell.Size, number, read); err != nil {
			return err
		}
	}
	return conn.Send(ctx, nil)
}

// pass is ask, with messages that are in place.
func pass(ctx context.Context, conn *kith.Conn, cell Cell) error {
	for number := range uint64(cell.Count) {
		if err := put(ctx, conn, cell.Size, 2*number, mark); err != nil {
			return err
		}
		if err := look(ctx, conn, cell.Size, 2*number+1, checkMark); err != nil {
			return err
		}
	}
	return nil
}

// passBack is answer, with messages that are in place.
func passBack(ctx context.Context, conn *kith.Conn, cell Cell) error {
	for number := range uint64(cell.Count) {
		if err := look(ctx, conn, cell.Size, 2*number, checkMark); err != nil {
			return err
		}
		if err := put(ctx, conn, cell.Size, 2*number+1, mark); err != nil {
			return err
		}
	}
	return nil
}

func put(ctx context.Context, conn *kith.Conn, size int, number uint64, write func([]byte, uint64)) error {
	room, err := conn.Reserve(ctx, size)
	if err != nil {
		return err
	}
	write(room, number)
	return conn.Commit(ctx, size)
}

func look(ctx context.Context, conn *kith.Conn, size int, number uint64, read func([]byte, int, uint64) error) error {
	lease, err := conn.Lease(ctx)
	if err != nil {
		return err
	}
	defer lease.Release()
	return read(lease.Bytes(), size, number)
}

// mark writes the first word of a payload and the last one: the rest is there already.
func mark(payload []byte, number uint64) {
	binary.NativeEndian.PutUint64(payload, base(number))
	binary.NativeEndian.PutUint64(payload[len(payload)-wordSize:], base(number))
}

// checkMark reports a payload that is not what mark made.
func checkMark(payload []byte, size int, number uint64) error {
	if len(payload) != size {
		return fmt.Errorf("message %d arrived with %d bytes instead of %d", number, len(payload), size)
	}
	first, last := binary.NativeEndian.Uint64(payload), binary.NativeEndian.Uint64(payload[size-wordSize:])
	if first != base(number) || last != base(number) {
		return fmt.Errorf("message %d arrived changed", number)
	}
	return nil
}
