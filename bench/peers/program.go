package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed c
var sources embed.FS

// A program is a worker in C or C++.
type program struct {
	source   string // a file in c
	header   string // without which the library is not here
	packages string // Debian's, which bring it
	flags    []string
}

// An absentError says that a library is not installed.
type absentError struct{ packages string }

func (e absentError) Error() string { return "not here: apt-get install " + e.packages }

func (p *program) compiler() (command, pkg string) {
	if strings.HasSuffix(p.source, ".c") {
		return "gcc", "gcc libc6-dev"
	}
	return "g++", "g++"
}

// absent is an absentError where something is missing.
func (p *program) absent(ctx context.Context) error {
	compiler, pkg := p.compiler()
	if _, err := exec.LookPath(compiler); err != nil {
		return absentError{pkg + " " + p.packages}
	}
	preprocess := exec.CommandContext(ctx, compiler, append([]string{"-E", "-x", "c++", "-include", p.header, "-o", os.DevNull, os.DevNull}, p.flags...)...)
	if strings.HasSuffix(p.source, ".c") {
		preprocess.Args[3] = "c"
	}
	if preprocess.Run() != nil && ctx.Err() == nil {
		return absentError{p.packages}
	}
	return context.Cause(ctx)
}

// build compiles the program into dir, and returns its path.
func (p *program) build(ctx context.Context, dir string) (string, error) {
	if err := p.absent(ctx); err != nil {
		return "", err
	}
	for _, name := range []string{p.source, "worker.h", "payload.h"} {
		text, err := sources.ReadFile("c/" + name)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
		}
		if err != nil {
			return "", err
		}
	}
	compiler, _ := p.compiler()
	path := filepath.Join(dir, strings.TrimSuffix(p.source, filepath.Ext(p.source)))
	args := append([]string{"-O2", "-o", path, filepath.Join(dir, p.source)}, p.flags...)
	if said, err := exec.CommandContext(ctx, compiler, args...).CombinedOutput(); err != nil {
		return "", errors.Join(context.Cause(ctx), fmt.Errorf("%s %s: %w\n%s", compiler, strings.Join(args, " "), err, said))
	}
	return path, nil
}
