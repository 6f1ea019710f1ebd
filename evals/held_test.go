package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the driver of the program that holds a view

	"github.com/explog/explog/eventlog/flock"
)

// TestHeldLocks has another program hold each lock of a store for ever: each command
// ends soon after its --lock-timeout, whether it can do its work or not.
func TestHeldLocks(t *testing.T) {
	binary := builtBinary(t)
	for _, name := range []string{".", "events.lock", "events.db", "experiments.lock"} {
		t.Run(name, func(t *testing.T) {
			store := heldStore(t, binary)
			f, err := os.OpenFile(filepath.Join(store, name), os.O_RDONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if free, err := flock.Try(f); err != nil || !free {
				t.Fatal(free, err)
			}
			endInTime(t, binary, store)
		})
	}
	for _, name := range []string{"experiments.sqlite", "hub.sqlite"} {
		t.Run(name, func(t *testing.T) {
			store := heldStore(t, binary)
			db, err := sql.Open("sqlite", filepath.Join(store, name))
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			db.SetMaxOpenConns(1)
			for _, statement := range []string{"PRAGMA locking_mode = EXCLUSIVE", "BEGIN EXCLUSIVE", "CREATE TABLE held (x)"} {
				if _, err := db.Exec(statement); err != nil {
					t.Fatal(err)
				}
			}
			endInTime(t, binary, store)
		})
	}
}

const heldRecord = `{"client_id":"c","run_id":"r","problem":"p","solution":"s","score":0.5}` + "\n"

// heldStore makes a store with both views, and one event that they lack.
func heldStore(t *testing.T, binary program) string {
	t.Helper()
	store := filepath.Join(t.TempDir(), "store")
	for i, args := range [][]string{{"save"}, {"count"}, {"hub", "list"}, {"save"}} {
		cmd := binary.command(context.Background(), store, args...)
		cmd.Stdin = strings.NewReader(strings.Replace(heldRecord, "0.5", fmt.Sprint(0.1*float64(i)), 1))
		if e := finish(cmd); e.code != 0 {
			t.Fatal(args, e)
		}
	}
	return store
}

// endInTime runs each command on a store of which something is held.
func endInTime(t *testing.T, binary program, store string) {
	const timeout = time.Second
	var running sync.WaitGroup
	defer running.Wait()
	for _, command := range []string{
		"save", "import --file -", "capture --run r", "count", "rejects", "runs", "export", "status", "verify", "rebuild",
		"compact", "backup " + filepath.Join(t.TempDir(), "backup.db"), "salvage --to " + filepath.Join(t.TempDir(), "salvaged"),
		"hub list", "dataset build --client c --dry-run",
	} {
		running.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			cmd := binary.command(ctx, store, append([]string{"--lock-timeout", timeout.String()}, strings.Fields(command)...)...)
			cmd.Stdin = strings.NewReader(heldRecord)
			e := finish(cmd)
			t.Logf("%-40.40s %5.1f s, exit code %d: %s", command, e.took.Seconds(), e.code, strings.SplitN(e.diag, "\n", 2)[0])
			if e.took > timeout+2*time.Second {
				t.Errorf("%s: ended after %v", command, e.took)
			}
		})
	}
}
