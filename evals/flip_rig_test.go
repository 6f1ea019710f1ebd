package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// metaSize is what bbolt reads of a meta page: its header and the meta itself.
const metaSize = 16 + 64

// outcome of a command on a damaged store. Anything else is a failure.
type outcome int

const (
	right   outcome = iota // the data that was written
	rebuilt                // the same, after the view was built anew
	named                  // an error that names the damage
)

func (o outcome) String() string { return [...]string{"right", "rebuilt", "named"}[o] }

// flipRig is a store whose copies are damaged, and what it says while it is whole.
type flipRig struct {
	*testing.T
	binary   program
	random   *rand.Rand
	store    string
	export   string
	count    string
	mu       sync.Mutex
	met      map[string]int // copies by their worst outcome
	commands map[string]int // commands by outcome
}

// newFlipRig makes a store with single saves, a batch and free pages.
func newFlipRig(t *testing.T) *flipRig {
	f := &flipRig{
		T: t, binary: builtBinary(t), random: randomness(t), store: filepath.Join(t.TempDir(), "store"),
		met: make(map[string]int), commands: make(map[string]int),
	}
	f.save(0, 40)
	var lines strings.Builder
	for n := 40; n < 900; n++ {
		fmt.Fprintf(&lines, `{"id":"%s","client_id":"c%d","run_id":"r","problem":"p %d","solution":"s %d","score":0.%d}`+"\n", record(n).ID, n%3, n, n*n, n)
	}
	input := filepath.Join(t.TempDir(), "input.jsonl")
	if err := os.WriteFile(input, []byte(lines.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	f.binary.mustRun(t, f.store, "import", "--file", input)
	f.save(900, 3)
	f.export = f.binary.mustRun(t, f.store, "export").out
	f.count = f.binary.mustRun(t, f.store, "count", "--client", "c1").out
	f.binary.mustRun(t, f.store, "verify")
	return f
}

// save saves single records with the binary.
func (f *flipRig) save(from, n int) {
	for i := range n {
		f.saveOne(f.store, from+i)
	}
}

func (f *flipRig) saveOne(store string, n int) ended {
	cmd := f.binary.command(context.Background(), store, "save")
	cmd.Stdin = strings.NewReader(line(n))
	return finish(cmd)
}

// line is a record as JSON.
func line(n int) string {
	return fmt.Sprintf(`{"id":"%s","client_id":"c%d","run_id":"r","problem":"p %d","solution":"single","score":0.5,"timestamp":"2026-04-07T09:30:00Z"}`,
		record(n).ID, n%3, n)
}

func (f *flipRig) howMany(short, whole int) int {
	switch {
	case *long:
		return whole
	case testing.Short():
		return short / 4
	}
	return short
}

// sample returns all in the long form, some in the short one.
func (f *flipRig) sample(all []damage, short int) []damage {
	n := f.howMany(short, len(all))
	f.random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:min(n, len(all))]
}

func (f *flipRig) read(file string) []byte {
	f.Helper()
	b, err := os.ReadFile(filepath.Join(f.store, file))
	if err != nil {
		f.Fatal(err)
	}
	return b
}

func (f *flipRig) size(file string) int { return len(f.read(file)) }

// freelist returns the page of the freelist, as the newer meta page has it.
func (f *flipRig) freelist() int {
	const freelistAt, txidAt = 16 + 32, 16 + 48
	b := f.read("events.db")
	meta := b[:metaSize]
	if other := b[os.Getpagesize():]; binary.NativeEndian.Uint64(other[txidAt:]) > binary.NativeEndian.Uint64(meta[txidAt:]) {
		meta = other
	}
	return int(binary.NativeEndian.Uint64(meta[freelistAt:]))
}

// run tries every damage on a copy of its own, two at a time.
func (f *flipRig) run(all []damage) {
	todo := make(chan damage)
	var workers sync.WaitGroup
	for i := range 2 {
		store := filepath.Join(f.TempDir(), strconv.Itoa(i))
		workers.Go(func() {
			for d := range todo {
				if err := f.try(store, d); err != nil {
					f.Errorf("%s, %s, without the view %v: %v", d.file, d.what, d.noView, err)
				}
			}
		})
	}
	for i, d := range all {
		if i > 0 && i%250 == 0 {
			f.Logf("%d of %d", i, len(all))
		}
		todo <- d
	}
	close(todo)
	workers.Wait()
	f.Logf("%d damaged copies: %v; by command: %v", len(all), f.met, f.commands)
}

// try damages a copy and opens it with each command. The worst outcome counts.
func (f *flipRig) try(store string, d damage) error {
	if err := f.damagedCopy(store, d); err != nil {
		return err
	}
	var worst, last outcome
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"export"}, f.export},
		{[]string{"count", "--client", "c1"}, f.count},
		{[]string{"verify"}, ""},
	} {
		e := f.limited(store, c.args...)
		o, err := judge(e, c.want)
		if err != nil {
			return err
		}
		f.tally(f.commands, c.args[0]+" "+o.String())
		worst, last = max(worst, o), o
	}
	if d.file == "events.db" && worst == named && last != named {
		return errors.New("the log cannot be read, but verify finds nothing")
	}
	f.tally(f.met, worst.String())
	if d.then == nil || worst == named && d.file == "events.db" {
		return nil
	}
	if err := f.damagedCopy(store, d); err != nil { // the commands may have mended the other
		return err
	}
	return d.then(f, store)
}

func (f *flipRig) tally(counts map[string]int, key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	counts[key]++
}

func (f *flipRig) damagedCopy(store string, d damage) error {
	if err := os.RemoveAll(store); err != nil {
		return err
	}
	if err := os.CopyFS(store, os.DirFS(f.store)); err != nil {
		return err
	}
	path := filepath.Join(store, d.file)
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if d.noView {
		if err := os.Remove(filepath.Join(store, "experiments.sqlite")); err != nil {
			return err
		}
	}
	return os.WriteFile(path, d.change(b), 0o644)
}

// limited runs the binary with ten seconds and 4 GiB of address space.
func (f *flipRig) limited(store string, args ...string) ended {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	cmd := f.binary.command(ctx, store, args...)
	shell := exec.CommandContext(ctx, "sh", append([]string{"-c", `ulimit -v 4194304; exec "$0" "$@"`}, cmd.Args...)...)
	return finish(shell)
}

var (
	// crash is what the Go runtime prints when a program dies of a fault of its own.
	crash = regexp.MustCompile(`(?m)^(panic:|fatal error:|goroutine \d+|runtime:|SIG[A-Z]+:)`)
	// naming is what an error or a report of damage looks like.
	naming = regexp.MustCompile(`(?m)^(explog: .*(damage|not a log)|log: .|view: .)`)
)

// judge says what a command's end means. An empty want is a command whose output is
// no data.
func judge(e ended, want string) (outcome, error) {
	said := e.out + e.diag
	switch {
	case e.signal != 0 || crash.MatchString(said):
		return 0, fmt.Errorf("it crashed or hung: %v", e)
	case e.code == 1 || e.code == 4:
		if !naming.MatchString(said) {
			return 0, fmt.Errorf("the error does not name the damage: %v", e)
		}
		return named, nil
	case e.code != 0:
		return 0, fmt.Errorf("unexpected: %v", e)
	case want != "" && e.out != want:
		return 0, fmt.Errorf("wrong data in silence: %v\n%s", e.args, firstDifference(e.out, want))
	case strings.Contains(e.diag, "anew from the log"):
		return rebuilt, nil
	}
	return right, nil
}

func firstDifference(got, want string) string {
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(gotLines), len(wantLines)) {
		if gotLines[i] != wantLines[i] {
			return fmt.Sprintf("line %d: got  %s\nline %d: want %s", i+1, gotLines[i], i+1, wantLines[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(gotLines), len(wantLines))
}

// appendMore appends records one by one, each in a transaction that takes free
// pages; what was there before must stay.
func (f *flipRig) appendMore(store string) error {
	if e := finish(child(context.Background(), "saver", store, "-saves", "30")); e.code != 0 {
		return fmt.Errorf("append: %v", e)
	}
	e := f.limited(store, "export")
	if e.code != 0 || !strings.HasPrefix(e.out, f.export) || strings.Count(e.out, "\n") != strings.Count(f.export, "\n")+30 {
		return fmt.Errorf("after more appends: %v", e)
	}
	if e := f.limited(store, "verify"); e.code != 0 {
		return fmt.Errorf("after more appends: %v", e)
	}
	return nil
}

// saveAgain saves what is there, which only an index that is right can find.
func (f *flipRig) saveAgain(store string) error {
	for _, n := range []int{0, 39, 902} {
		if e := f.saveOne(store, n); e.code != 0 || !strings.Contains(e.diag, "is saved already") {
			return fmt.Errorf("record %d saved again: %v", n, e)
		}
	}
	return nil
}
