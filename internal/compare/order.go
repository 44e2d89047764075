package compare

import (
	"context"
	"encoding/json"
	"errors"

	"kith"
)

// A part is the first thing that a worker is told: who it is.
type part struct {
	Address string    `json:"address"`
	Place   Placement `json:"place"`
	Leads   bool      `json:"leads"`
}

// An order is one thing to do together. It has one of the fields.
type order struct {
	Cell   *Cell   `json:"cell,omitempty"`
	Stream *Stream `json:"stream,omitempty"`
}

// A reply answers an order, or the part. The follower's reply holds its half.
type reply struct {
	Error   string   `json:"error,omitempty"`
	Address string   `json:"address,omitempty"`
	Result  *Result  `json:"result,omitempty"`
	Arrival *Arrival `json:"arrival,omitempty"`
}

// refusal is the reply for what failed.
func refusal(err error) reply { return reply{Error: err.Error()} }

// tell sends a value as JSON.
func tell(ctx context.Context, conn *kith.Conn, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return conn.Send(ctx, text)
}

// hear receives a value as JSON.
func hear[T any](ctx context.Context, conn *kith.Conn) (value T, err error) {
	text, err := conn.Receive(ctx)
	if err != nil {
		return value, err
	}
	return value, json.Unmarshal(text, &value)
}

// hearReply receives a reply; one that tells of a failure is an error.
func hearReply(ctx context.Context, conn *kith.Conn) (reply, error) {
	r, err := hear[reply](ctx, conn)
	if err == nil && r.Error != "" {
		err = errors.New(r.Error)
	}
	return r, err
}
