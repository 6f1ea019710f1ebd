package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/explog/explog/evals/records"
)

// TestDatasetsKilled kills builds of a dataset with SIGKILL at random moments. A version
// is there whole or not at all, and what a kill leaves does not pile up.
func TestDatasetsKilled(t *testing.T) {
	rounds := 12
	if *long {
		rounds = 100
	}
	binary, random := builtBinary(t), randomness(t)
	store, out := filepath.Join(t.TempDir(), "store"), filepath.Join(t.TempDir(), "datasets")
	var input bytes.Buffer
	if _, err := records.Write(&input, 1, 2000); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "records.jsonl")
	if err := os.WriteFile(file, input.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	binary.mustRun(t, store, "import", "--file", file)
	build := []string{"dataset", "build", "--client", records.Client(0), "--format", "alpaca", "--min-score", "0", "--min-examples", "1", "--max-duplicate-rate", "1", "--out", out}
	natural := binary.mustRun(t, store, build...).took
	versions, kills := 1, 0
	for range rounds {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.Int64N(int64(natural)*5/4)))
		e := finish(binary.command(ctx, store, build...))
		cancel()
		switch {
		case e.signal == syscall.SIGKILL:
			kills++
		case e.code == 0:
			versions++
		default:
			t.Fatal(e)
		}
		checked := binary.mustRun(t, store, "dataset", "verify", "--out", out)
		whole := strings.Count(checked.out, ": the log gives the same bytes\n")
		if whole < versions || whole != strings.Count(checked.out, "\n") {
			t.Fatalf("%d builds ended well, and there is\n%s", versions, checked.out)
		}
		versions = whole // one that was killed after its last file counts
	}
	files, err := filepath.Glob(filepath.Join(out, records.Client(0), "*"))
	if err != nil || len(files) > 4*(versions+1) { // what the last kill left has the next version's names
		t.Errorf("%d files for %d versions, %v: %v", len(files), versions, err, files)
	}
	t.Logf("%d kills, %d versions", kills, versions)
}
