package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// check checks the store from outside.
func (k *killRig) check(round int, rebuild bool) {
	if _, err := os.Stat(filepath.Join(k.store, "events.db")); os.IsNotExist(err) && len(k.vouched) == 0 {
		return // it was killed before there was a store
	}
	k.wantWhole(round)
	found := k.export(round)
	for id := range k.vouched {
		if found.ids[id] != 1 {
			k.Errorf("round %d: the acknowledged record %s is there %d times", round, id, found.ids[id])
		}
	}
	for id, n := range found.ids {
		if n != 1 {
			k.Errorf("round %d: record %s is there %d times", round, id, n)
		}
	}
	if rebuild {
		k.binary.mustRun(k, k.store, "rebuild")
		if again := k.export(round); again.sum != found.sum {
			k.Errorf("round %d: rebuilt, the view gives another export", round)
		}
	} else if *long {
		k.wantWhole(round) // with the view brought up to the log
	}
	k.wantTidy(round, rebuild)
}

// wantWhole has the store verified: that compares the view with what the log
// folds to.
func (k *killRig) wantWhole(round int) {
	if e := k.binary.run(k.store, "verify"); e.code != 0 {
		k.Errorf("round %d: %v", round, e)
	}
}

// exported is what an export gave.
type exported struct {
	ids map[string]int
	sum [sha256.Size]byte
}

// harmless are the notes of an export that a kill may cause.
var harmless = regexp.MustCompile(`^(note: .* is missing: built anew from the log \(\d+ events?\)\n)?(note: no records match\n)?$`)

// export exports. It may say that it makes a view that is missing, but a kill is
// no reason to find one damaged.
func (k *killRig) export(round int) exported {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := k.binary.command(ctx, k.store, "export")
	r, w := io.Pipe()
	cmd.Stdout = w
	done := make(chan ended, 1)
	go func() {
		e := finish(cmd)
		w.Close()
		done <- e
	}()
	found, err := readExport(r)
	r.CloseWithError(err) // so that the command ends where its output was not read to the end
	e := <-done
	if err != nil || e.code != 0 || !harmless.MatchString(e.diag) {
		k.Errorf("round %d: %v%v", round, e, err)
	}
	return found
}

func readExport(r io.Reader) (exported, error) {
	x := exported{ids: make(map[string]int)}
	sum := sha256.New()
	lines := bufio.NewReaderSize(io.TeeReader(r, sum), 1<<20)
	for {
		line, err := lines.ReadSlice('\n')
		if err == io.EOF && len(line) == 0 {
			sum.Sum(x.sum[:0])
			return x, nil
		}
		if err != nil {
			return x, err
		}
		x.ids[exportedID(line)]++
	}
}

// exportedID returns the id of a line, which is its first field.
func exportedID(line []byte) string {
	const before, size = len(`{"id":"`), 36
	if len(line) < before+size {
		return string(line)
	}
	return string(line[before : before+size])
}

// tidy are the files of a store, and those that a process may leave for the next
// one of its kind to replace.
var (
	tidy = []string{
		"events.db", "events.index", "events.lock", "experiments.lock",
		"experiments.sqlite", "experiments.sqlite-shm", "experiments.sqlite-wal", "experiments.sqlite-sums",
	}
	leftovers = []string{ // the first that matches counts
		"events.db.new-*", "events.index.new", "experiments.sqlite.new-*-sums", "experiments.sqlite.new-*",
		"experiments.sqlite.following-*-sums", "experiments.sqlite.following-*",
	}
)

// wantTidy lists the folder. One leftover of a kind is fine until a rebuild, which
// makes those of the view anew.
func (k *killRig) wantTidy(round int, rebuilt bool) {
	entries, err := os.ReadDir(k.store)
	if err != nil {
		k.Fatal(err)
	}
	left := make(map[string]int)
	for _, e := range entries {
		if slices.Contains(tidy, e.Name()) {
			continue
		}
		kind := slices.IndexFunc(leftovers, func(pattern string) bool {
			ok, _ := filepath.Match(pattern, e.Name())
			return ok
		})
		if kind < 0 {
			k.Errorf("round %d: %s is in the store", round, e.Name())
			continue
		}
		left[leftovers[kind]]++
		if left[leftovers[kind]] > 1 || rebuilt && strings.HasPrefix(e.Name(), "experiments.sqlite.") {
			k.Errorf("round %d: %s is left in the store", round, e.Name())
		}
	}
}
