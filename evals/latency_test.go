package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// TestLatency measures how long a durable save takes, beside what the disk and
// bbolt take for as much. All take turns in one run, because the machine is not
// the same from one minute to the next.
func TestLatency(t *testing.T) {
	l := newLatencyRig(t)
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
	l.binary.mustRun(t, l.store, "verify")
	if !*long {
		return
	}
	t.Logf("%-40s %s", "", quantilesHead)
	for _, way := range latencyWays {
		t.Logf("%-40s %s", way.name, quantilesOf(waits[way.name]))
	}
}

// latencyWays are the ways to make a record durable.
var latencyWays = []struct {
	name    string
	measure func(*latencyRig) ([]time.Duration, error)
}{
	{"4 KiB written in place and fdatasync", (*latencyRig).bareWrites},
	{"bbolt transaction, file held open", (*latencyRig).bareTransactions},
	{"save, alone", func(l *latencyRig) ([]time.Duration, error) { return l.savers(1, 1, 50) }},
	{"save, 64 goroutines of one process", func(l *latencyRig) ([]time.Duration, error) { return l.savers(1, 64, 10) }},
	{"save, 16 processes", func(l *latencyRig) ([]time.Duration, error) { return l.savers(16, 1, 10) }},
}

// latencyRig has what the ways write to, all on one disk.
type latencyRig struct {
	binary program
	store  string
	file   *os.File
	db     *bolt.DB
	keys   uint64
}

// latencySaves is how many of the bare ones are measured in a turn.
const latencySaves = 50

func newLatencyRig(t *testing.T) *latencyRig {
	dir := t.TempDir()
	l := &latencyRig{binary: builtBinary(t), store: filepath.Join(dir, "store")}
	var err error
	if l.file, err = os.Create(filepath.Join(dir, "bare")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.file.Close() })
	if _, err := l.file.Write(make([]byte, 4096*latencySaves)); err != nil {
		t.Fatal(err)
	}
	options := bolt.Options{FreelistType: bolt.FreelistArrayType} // as the log has it
	if l.db, err = bolt.Open(filepath.Join(dir, "bare.db"), 0o644, &options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.db.Close() })
	return l
}

func (l *latencyRig) bareWrites() ([]time.Duration, error) {
	page := make([]byte, 4096)
	return timed(func(n int) error {
		page[0]++
		if _, err := l.file.WriteAt(page, int64(4096*n)); err != nil {
			return err
		}
		return syscall.Fdatasync(int(l.file.Fd()))
	})
}

// bareTransactions puts what a block of one record has in bytes, about.
func (l *latencyRig) bareTransactions() ([]time.Duration, error) {
	value := []byte(fmt.Sprint(record(0)))
	return timed(func(int) error {
		return l.db.Update(func(tx *bolt.Tx) error {
			bucket, err := tx.CreateBucketIfNotExists([]byte("events"))
			if err != nil {
				return err
			}
			l.keys++
			return bucket.Put(binary.BigEndian.AppendUint64(nil, l.keys), value)
		})
	})
}

func timed(do func(n int) error) ([]time.Duration, error) {
	took := make([]time.Duration, latencySaves)
	for n := range took {
		started := time.Now()
		if err := do(n); err != nil {
			return nil, err
		}
		took[n] = time.Since(started)
	}
	return took, nil
}

// savers runs processes that begin at the same moment.
func (l *latencyRig) savers(processes, goroutines, saves int) ([]time.Duration, error) {
	begin := time.Now().Add(500 * time.Millisecond)
	ends := make([]ended, processes)
	var all sync.WaitGroup
	for i := range ends {
		all.Go(func() {
			ends[i] = finish(child(context.Background(), "saver", l.store,
				"-goroutines", fmt.Sprint(goroutines), "-saves", fmt.Sprint(saves), "-begin", fmt.Sprint(begin.UnixMicro())))
		})
	}
	all.Wait()
	var took []time.Duration
	for _, e := range ends {
		if e.code != 0 {
			return nil, fmt.Errorf("%v", e)
		}
		for _, s := range savedIn(e.out) {
			took = append(took, s.took)
		}
	}
	return took, nil
}
