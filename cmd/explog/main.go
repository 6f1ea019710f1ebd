// Command explog is a durable log of experiments: it saves scored attempts,
// finds them again and exports them, from one folder and without a server.
//
// One file a command. Data goes to standard output; notes, warnings and progress
// go to standard error. Exit codes: 0 done; 1 failed; 2 wrong usage; 3 done, but
// something was rejected or in conflict; 4 verify found damage, or salvage did not
// find everything. Capture ends with its program's code.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/explog/explog"
	"github.com/explog/explog/eventlog/flock"
)

func main() { os.Exit(run()) }

func run() int {
	// Without this, a closed pipe kills the process; now it is a write error, and
	// no error to the user. (Ignoring the signal would do the same, but programs that
	// explog starts would inherit that.)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), minded(os.Interrupt, syscall.SIGTERM)...)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(150) // an import has some 30 MB in use at a time: half as much again saves some of its time
	}
	c := &console{in: os.Stdin, out: os.Stdout, err: newSafeWriter(os.Stderr)}
	return c.exitCode(newRootCommand(c).Run(ctx, os.Args))
}

// minded returns the signals that explog was not started to ignore, as nohup and
// shell scripts do: what is ignored stays so, for the programs that it starts too.
func minded(signals ...os.Signal) []os.Signal {
	return slices.DeleteFunc(signals, signal.Ignored)
}

// The exit codes, and the errors that mean them.
const (
	exitFailed  = 1
	exitUsage   = 2
	exitPartial = 3
	exitDamage  = 4
)

// codeError is an error with an exit code of its own. Without a cause there is
// nothing more to say.
type codeError struct {
	code  int
	cause error
}

func (e *codeError) Error() string {
	if e.cause == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.cause.Error()
}

func (e *codeError) Unwrap() error { return e.cause }

func usagef(format string, args ...any) error {
	return &codeError{exitUsage, fmt.Errorf(format, args...)}
}

// exitCode prints an error and returns the exit code that it means.
func (c *console) exitCode(err error) int {
	if err == nil || errors.Is(err, syscall.EPIPE) {
		return 0
	}
	code := exitFailed
	var coded *codeError
	if errors.As(err, &coded) {
		if code = coded.code; coded.cause == nil {
			return code
		}
	}
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	fmt.Fprintf(c.err, "%s %s\n", style(c.err, "31", "explog:"), printable(message(err)))
	return code
}

// message returns an error's text without the names of packages before it.
func message(err error) string {
	text := err.Error()
	for _, prefix := range []string{"explog: ", "eventlog: ", "query: ", "event: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	if errors.Is(err, explog.ErrLocked) || errors.Is(err, flock.ErrTimeout) {
		text += "; wait for it, or allow more time with --lock-timeout"
	}
	if errors.Is(err, syscall.ENOSPC) {
		text += "; free some space and run it again: what was saved is safe"
	}
	return text
}
