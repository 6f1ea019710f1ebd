package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// ended is a process that came to its end with exit code 0.
type ended struct {
	out  string
	took time.Duration // wall time, with the start
	cpu  time.Duration
	peak int64 // resident memory, bytes
}

// finish runs a command to its end. Its standard output goes to out, or, if that is
// nil, into the result.
func finish(cmd *exec.Cmd, out io.Writer) (ended, error) {
	var buffer, diag strings.Builder
	if out == nil {
		out = &buffer
	}
	cmd.Stdout, cmd.Stderr = out, &diag
	started := time.Now()
	err := cmd.Run()
	took := time.Since(started)
	if err != nil {
		return ended{}, fmt.Errorf("%s: %w\n%.2000s%.2000s", strings.Join(cmd.Args, " "), err, buffer.String(), diag.String())
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return ended{
		out: buffer.String(), took: took, cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		peak: usage.Maxrss << 10, // Linux counts KiB
	}, nil
}

// explog runs the binary on a store.
func (b *bench) explog(ctx context.Context, store string, args ...string) (ended, error) {
	return finish(b.explogCommand(ctx, store, args...), nil)
}

func (b *bench) explogCommand(ctx context.Context, store string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, b.binary, append([]string{"--dir", store}, args...)...)
}

// runNode runs the reference program.
func (b *bench) runNode(ctx context.Context, args ...string) (ended, error) {
	return finish(b.nodeCommand(ctx, args...), nil)
}

func (b *bench) nodeCommand(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "node", append([]string{b.reference + "/store.mjs"}, args...)...)
}

// toFile runs a command with its standard output in a file.
func toFile(cmd *exec.Cmd, path string) (ended, error) {
	f, err := os.Create(path)
	if err != nil {
		return ended{}, err
	}
	defer f.Close()
	return finish(cmd, f)
}

const (
	childVariable = "EXPLOG_BENCH_CHILD"
	storeVariable = "EXPLOG_BENCH_STORE"
)

// child returns the command that is one of the children, on a store.
func child(ctx context.Context, name, store string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), childVariable+"="+name, storeVariable+"="+store)
	return cmd
}

// runChild is what a child does: it uses the Go API in a process of its own.
func runChild(ctx context.Context, name, store string, args []string) error {
	switch name {
	case "saver":
		return saveAll(ctx, store, args)
	case "appender":
		return appendAll(ctx, store, args)
	}
	return fmt.Errorf("no child is called %q", name)
}
