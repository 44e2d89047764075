package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"kith"
)

// newClient is a client of the server at one address.
func newClient(address string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return kith.DialNet(ctx, address) },
	}}
}

func get(ctx context.Context, client *http.Client, path string) error {
	return do(ctx, client, http.MethodGet, path, nil)
}

func put(ctx context.Context, client *http.Client, path string, body io.Reader) error {
	return do(ctx, client, http.MethodPut, path, body)
}

// watch prints the ticks until there are no more: the server has ended well.
func watch(ctx context.Context, client *http.Client) error { return get(ctx, client, "/ticks") }

func do(ctx context.Context, client *http.Client, method, path string, body io.Reader) error {
	request, err := http.NewRequestWithContext(ctx, method, "http://kith"+path, body)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	switch {
	case errors.Is(err, kith.ErrNoListener):
		return fmt.Errorf("start the server first: %w", err)
	case err != nil:
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, response.Status)
	}
	_, err = io.Copy(os.Stdout, response.Body)
	return err
}
