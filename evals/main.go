// Command evals checks explog from the outside, through its Go API and its built
// binary, on stores of its own in a temporary folder.
//
// It prints seven suites with 25 checks and their result line, then further suites
// under a total of their own, and exits with 1 if any check failed.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

func main() {
	failed, err := run(context.Background(), os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "evals:", err)
	}
	if failed > 0 || err != nil {
		os.Exit(1)
	}
}

// run runs all suites and returns the number of checks that failed.
func run(ctx context.Context, w io.Writer) (failed int, err error) {
	dir, err := os.MkdirTemp("", "explog-evals-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "explog")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/explog/explog/cmd/explog").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the binary: %w\n%s", err, out)
	}
	r := &runner{ctx: ctx, out: w, dir: dir, binary: binary}
	r.all(coreSuites)
	failed = r.total("Results")
	r.all(furtherSuites)
	failed += r.total("Further results")
	return failed, r.err
}

// suite is a group of checks.
type suite struct {
	name string
	run  func(*runner)
}

// runner runs suites and prints what they check.
type runner struct {
	ctx            context.Context // of the one run
	out            io.Writer
	dir            string
	binary         string
	stores         int
	passed, failed int
	err            error // of printing
}

func (r *runner) all(suites []suite) {
	for _, s := range suites {
		r.printf("\n--- %s ---\n", s.name)
		s.run(r)
	}
}

// total prints the result line of what ran since the last one.
func (r *runner) total(name string) int {
	failed := r.failed
	r.printf("\n=== %s: %d passed, %d failed ===\n", name, r.passed, failed)
	r.passed, r.failed = 0, 0
	return failed
}

func (r *runner) printf(format string, args ...any) {
	if _, err := fmt.Fprintf(r.out, format, args...); err != nil && r.err == nil {
		r.err = err
	}
}

// check prints one check; got is what was found where it fails.
func (r *runner) check(name string, ok bool, got ...any) {
	if ok {
		r.passed++
		r.printf("  PASS  %s\n", name)
		return
	}
	r.failed++
	r.printf("  FAIL  %s: got %v\n", name, got)
}

// newStore returns a folder for a store.
func (r *runner) newStore() string {
	r.stores++
	return filepath.Join(r.dir, fmt.Sprintf("store-%d", r.stores))
}
