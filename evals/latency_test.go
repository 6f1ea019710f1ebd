package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/explog/explog/evals/latency"
)

// TestLatency measures how long a durable save takes, beside what the disk and
// bbolt take for as much. All take turns in one run, because the machine is not
// the same from one minute to the next.
func TestLatency(t *testing.T) {
	dir := t.TempDir()
	bare, err := latency.OpenBare(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer bare.Close()
	l := latencyRig{bare, filepath.Join(dir, "store")}
	turns := 1
	if *long {
		turns = 20
	}
	waits := make(map[string][]time.Duration)
	for range turns {
		for _, way := range latencyWays {
			took, err := way.measure(l)
			if err != nil {
				t.Fatalf("%s: %v", way.name, err)
			}
			waits[way.name] = append(waits[way.name], took...)
		}
	}
	builtBinary(t).mustRun(t, l.store, "verify")
	if !*long {
		return
	}
	t.Logf("%-40s %s", "", latency.QuantilesHead)
	for _, way := range latencyWays {
		t.Logf("%-40s %s", way.name, latency.QuantilesOf(waits[way.name]))
	}
}

// latencyWays are the ways to make a record durable.
var latencyWays = []struct {
	name    string
	measure func(latencyRig) ([]time.Duration, error)
}{
	{"4 KiB written in place and fdatasync", func(l latencyRig) ([]time.Duration, error) { return l.bare.Syncs(50) }},
	{"bbolt transaction, file held open", func(l latencyRig) ([]time.Duration, error) {
		return l.bare.Transactions(50, []byte(fmt.Sprint(record(0)))) // what a block of one record has in bytes, about
	}},
	{"save, alone", func(l latencyRig) ([]time.Duration, error) { return l.savers(1, 1, 50) }},
	{"save, 64 goroutines of one process", func(l latencyRig) ([]time.Duration, error) { return l.savers(1, 64, 10) }},
	{"save, 16 processes", func(l latencyRig) ([]time.Duration, error) { return l.savers(16, 1, 10) }},
}

// latencyRig has what the ways write to, all on one disk.
type latencyRig struct {
	bare  *latency.Bare
	store string
}

func (l latencyRig) savers(processes, goroutines, saves int) ([]time.Duration, error) {
	took, _, err := latency.Savers{
		Processes: processes, Goroutines: goroutines, Saves: saves,
		Command: func(args ...string) *exec.Cmd { return child(context.Background(), "saver", l.store, args...) },
	}.Run()
	return took, err
}
