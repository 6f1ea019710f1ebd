package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// grow copies the store, then adds records to it and brings its view up. It returns the
// copy: the same store at an earlier time.
func (f *flipRig) grow() (older string) {
	f.Helper()
	older = filepath.Join(f.TempDir(), "older")
	if err := os.CopyFS(older, os.DirFS(f.store)); err != nil {
		f.Fatal(err)
	}
	f.importLines(f.store, 1000, 1400)
	f.save(1500, 3)
	f.export = f.binary.mustRun(f, f.store, "export").out
	f.count = f.binary.mustRun(f, f.store, "count", "--client", "c1").out
	return older
}

// importLines imports the records from one number to another.
func (f *flipRig) importLines(store string, from, to int) {
	f.Helper()
	var lines strings.Builder
	for n := from; n < to; n++ {
		lines.WriteString(line(n) + "\n")
	}
	cmd := f.binary.command(context.Background(), store, "import", "--file", "-")
	cmd.Stdin = strings.NewReader(lines.String())
	if e := finish(cmd); e.code != 0 {
		f.Fatal(e)
	}
}

// restorable are what is put back from an older copy, in every combination.
var restorable = [...][]string{
	{"events.db"},
	{"events.lock"},
	{"events.index"},
	{"experiments.sqlite", "experiments.sqlite-wal", "experiments.sqlite-sums"},
}

// fileState is what was done to a file.
type fileState int

const (
	current fileState = iota
	old
	missing
)

func (s fileState) String() string { return [...]string{"current", "old", "missing"}[s] }

// oldFiles puts old files back in every combination, and in the long form takes files
// away, too. An old log beside its old seal is an older store; beside the newer seal, it
// is damage.
func (f *flipRig) oldFiles(older string) {
	olderExport := f.binary.mustRun(f, older, "export").out
	states := 2
	if *long {
		states = 3
	}
	todo := make(chan [len(restorable)]fileState)
	var workers sync.WaitGroup
	for range 2 {
		store := filepath.Join(f.TempDir(), "store")
		workers.Go(func() {
			for of := range todo {
				if err := f.tryOld(store, older, olderExport, of); err != nil {
					f.Errorf("log, seal, index, view: %v: %v", of, err)
				}
			}
		})
	}
	stores := int(math.Pow(float64(states), float64(len(restorable))))
	for n := range stores {
		var of [len(restorable)]fileState
		for i := range of {
			of[i], n = fileState(n%states), n/states
		}
		todo <- of
	}
	close(todo)
	workers.Wait()
	f.Logf("%d stores: %v", stores, f.met)
}

// tryOld makes one combination and uses it.
func (f *flipRig) tryOld(store, older, olderExport string, of [len(restorable)]fileState) error {
	if err := os.RemoveAll(store); err != nil {
		return err
	}
	if err := os.CopyFS(store, os.DirFS(f.store)); err != nil {
		return err
	}
	for i, files := range restorable {
		if err := putBack(store, older, files, of[i]); err != nil {
			return err
		}
	}
	e := f.limited(store, "export")
	log, seal := of[0], of[1]
	switch {
	case log == missing && seal == missing:
		if e.code != 1 || !strings.Contains(e.diag, "no store here") {
			return fmt.Errorf("without log and seal: %v", e)
		}
		f.tally(f.met, "no store")
		return nil
	case log == missing, log == old && seal == current:
		if o, err := judge(e, ""); err != nil || o != named {
			return fmt.Errorf("the loss is not named: %v, %w", e, err)
		}
		f.tally(f.met, named.String())
		return nil
	}
	want := f.export
	if log == old {
		want = olderExport
	}
	if o, err := judge(e, want); err != nil || o == named {
		return fmt.Errorf("%v, %w", e, err)
	}
	f.tally(f.met, right.String())
	return f.goOn(store, want)
}

// putBack puts older files in place, or takes files away.
func putBack(store, older string, files []string, state fileState) error {
	for _, file := range files {
		if state == current {
			continue
		}
		if err := os.RemoveAll(filepath.Join(store, file)); err != nil {
			return err
		}
		b, err := os.ReadFile(filepath.Join(older, file))
		if state == missing || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(store, file), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// goOn saves what is there, what is new, and that again.
func (f *flipRig) goOn(store, exported string) error {
	if err := f.saveAgain(store); err != nil {
		return err
	}
	fresh := 0
	for _, n := range []int{1001, 1502, 5000} { // two that the newer store has
		if has := strings.Contains(exported, record(n).ID); !has {
			fresh++
		}
		for range 2 {
			if e := f.saveOne(store, n); e.code != 0 {
				return fmt.Errorf("record %d: %v", n, e)
			}
		}
	}
	e := f.limited(store, "export")
	if e.code != 0 || !strings.HasPrefix(e.out, exported) || strings.Count(e.out, "\n") != strings.Count(exported, "\n")+fresh {
		return fmt.Errorf("after more saves: %v", e)
	}
	if e := f.limited(store, "verify"); e.code != 0 {
		return fmt.Errorf("after more saves: %v", e)
	}
	return nil
}

// anotherHistory lets an older copy grow in another way, and then gives it the index of
// the store that it was copied from: its sequence numbers are all there, with other
// events.
func (f *flipRig) anotherHistory(older string) {
	other := filepath.Join(f.TempDir(), "other")
	if err := os.CopyFS(other, os.DirFS(older)); err != nil {
		f.Fatal(err)
	}
	f.importLines(other, 3000, 3410)
	want := f.binary.mustRun(f, other, "export").out
	if err := putBack(other, f.store, restorable[2], old); err != nil {
		f.Fatal(err)
	}
	if err := f.goOn(other, want); err != nil {
		f.Error(err)
	}
}
