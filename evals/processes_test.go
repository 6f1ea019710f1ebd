package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/explog/explog/evals/latency"
)

// The rigs run processes: the built binary, and the test binary itself where a
// process is to use the Go API.

// TestMain runs the tests, or, in a process that a rig started, a child.
func TestMain(m *testing.M) {
	if name := os.Getenv(childVariable); name != "" {
		os.Exit(runChild(name, os.Getenv(storeVariable), os.Args[1:]))
	}
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	if dir, _ := buildDir(); dir != "" {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

const (
	childVariable = "EXPLOG_EVALS_CHILD"
	storeVariable = "EXPLOG_EVALS_STORE"
)

// children are what the test binary can do in a process of its own, by name.
var children = map[string]func(store string, args []string) error{
	"saver": func(store string, args []string) error {
		return latency.RunSaver(context.Background(), store, args, record)
	},
}

func runChild(name, store string, args []string) int {
	err := errors.New("no such child")
	if run := children[name]; run != nil {
		err = run(store, args)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 1
	}
	return 0
}

// child returns the command that is a child, on a store.
func child(ctx context.Context, name, store string, args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		panic(err) // no test can say more
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Env = append(os.Environ(), childVariable+"="+name, storeVariable+"="+store)
	return cmd
}

// program is the path of the built binary.
type program string

var buildDir = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "explog-evals-") })

// build builds the binary, once for all tests.
var build = sync.OnceValues(func() (program, error) {
	dir, err := buildDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "explog")
	out, err := exec.Command("go", "build", "-o", path, "github.com/explog/explog/cmd/explog").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the binary: %w\n%s", err, out)
	}
	return program(path), nil
})

func builtBinary(t testing.TB) program {
	t.Helper()
	b, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// command returns the command that runs the binary on a store.
func (p program) command(ctx context.Context, store string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, string(p), append([]string{"--dir", store}, args...)...)
}

// run runs the binary on a store, for two minutes at most.
func (p program) run(store string, args ...string) ended {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	return finish(p.command(ctx, store, args...))
}

// ended is how a process ended and what it said.
type ended struct {
	args      []string
	out, diag string
	code      int            // the exit code; -1: a signal ended it
	signal    syscall.Signal // 0: none
	took      time.Duration
}

// finish runs a command to its end. What the command has for standard output and
// standard error already is left alone.
func finish(cmd *exec.Cmd) ended {
	var out, diag bytes.Buffer
	if cmd.Stdout == nil {
		cmd.Stdout = &out
	}
	if cmd.Stderr == nil {
		cmd.Stderr = &diag
	}
	started := time.Now()
	err := cmd.Run()
	e := ended{args: cmd.Args[1:], out: out.String(), diag: diag.String(), code: -1, took: time.Since(started)}
	if cmd.ProcessState == nil {
		e.diag = fmt.Sprintf("it did not start: %v", err)
		return e
	}
	e.code = cmd.ProcessState.ExitCode()
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
		e.signal = status.Signal()
	}
	return e
}

func (e ended) String() string {
	how := fmt.Sprintf("exit code %d", e.code)
	if e.signal != 0 {
		how = e.signal.String()
	}
	return fmt.Sprintf("%s: %s after %v\n%.2000s%.2000s", strings.Join(e.args, " "), how, e.took.Round(time.Millisecond), e.out, e.diag)
}

// mustRun runs the binary and wants exit code 0.
func (p program) mustRun(t testing.TB, store string, args ...string) ended {
	t.Helper()
	e := p.run(store, args...)
	if e.code != 0 {
		t.Fatal(e)
	}
	return e
}
