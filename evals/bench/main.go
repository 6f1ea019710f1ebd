// Command bench measures explog beside what people would otherwise use, and beside
// what the machine can do at best.
//
// It makes its data from a seed and runs each case several times, by turns with its
// peers: whole processes on the same input, in one run, never against a number from
// another day. What it prints are ratios of the two in the same round: the median,
// the least and the greatest. Peers are a Node program (reference/), the sqlite3
// command (load.sql), a bare bbolt file and the bare disk; one that is not there is
// skipped with a message. Everything is written to a temporary folder.
//
//	go run ./evals/bench
//	go run ./evals/bench --scale 100k,1M --case 'import|export'
//
// README.md beside this file says what each case is.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() { os.Exit(exitCode()) }

func exitCode() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if name := os.Getenv(childVariable); name != "" {
		err = runChild(ctx, name, os.Getenv(storeVariable), os.Args[1:])
	} else {
		err = run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	}
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	return 1
}

// run does what the arguments say. Progress and messages go to diag.
func run(ctx context.Context, args []string, out, diag io.Writer) (err error) {
	o, err := parseOptions(args, diag)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "explog-bench-")
	if err != nil {
		return err
	}
	if o.keep {
		defer fmt.Fprintln(diag, "kept:", dir)
	} else {
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	b := &bench{options: o, dir: dir, diag: diag}
	if o.binary == "" {
		if err := b.build(ctx); err != nil {
			return err
		}
	}
	b.findPeers(ctx)
	report := report{Machine: describeMachine(ctx, b)}
	for _, records := range o.scales {
		s, err := b.measureScale(ctx, records)
		if err != nil {
			return err
		}
		report.Scales = append(report.Scales, s)
	}
	if o.json {
		err = report.writeJSON(out)
	} else {
		err = report.writeTable(out)
	}
	if err == nil && o.guard {
		err = report.guard()
	}
	return err
}

// build builds the binary into the temporary folder.
func (b *bench) build(ctx context.Context) error {
	b.binary, b.built = filepath.Join(b.dir, "explog"), true
	cmd := exec.CommandContext(ctx, "go", "build", "-o", b.binary, "github.com/explog/explog/cmd/explog")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the binary: %w\n%s", err, out)
	}
	return nil
}
