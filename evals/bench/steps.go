package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/explog/explog/evals/records"
)

// sample is one measurement of a step.
type sample struct {
	Value float64 `json:"value"` // in the step's unit
	CPU   float64 `json:"cpu_seconds,omitempty"`
	Peak  int64   `json:"peak_bytes,omitempty"` // resident memory
}

// step is one thing that is measured: explog's way of doing something, or a peer's.
type step struct {
	unit    unit
	prepare func(*arena, context.Context) error // not measured; may be nil
	run     func(*arena, context.Context) (sample, error)
	needs   peer
	from    int  // records: the least scale at which it makes sense
	upTo    int  // records: beyond it the peer takes too long; 0: never
	long    bool // it takes as long as an import
	noData  bool // it does not read the data
}

// rounds returns how often the step is measured.
func (s step) rounds(records, wanted int) int {
	switch {
	case s.long && records >= 10_000_000:
		return 1
	case s.long && records >= 1_000_000:
		return min(wanted, 3)
	}
	return wanted
}

// The steps, by name.
var steps = map[string]step{
	"import":    {unit: seconds, run: (*arena).importAll, long: true},
	"re-import": {unit: seconds, run: (*arena).importAgain, prepare: (*arena).keepStore, long: true},
	"export":    {unit: seconds, run: (*arena).export, prepare: (*arena).keepStore, long: true},
	"count":     {unit: seconds, run: (*arena).count, prepare: (*arena).keepStore},
	"query":     {unit: seconds, run: (*arena).query, prepare: (*arena).keepStore},
	"rebuild":   {unit: seconds, run: (*arena).rebuild, prepare: (*arena).keepStore, long: true},
	"start-up":  {unit: seconds, noData: true, run: (*arena).startUp},
	"log size":  {unit: bytes, run: (*arena).logSize, prepare: (*arena).keepStore},
	"text log":  {unit: bytes, noData: true, run: (*arena).textLogSize, needs: realText},

	"Node import": {unit: seconds, run: (*arena).nodeImport, needs: nodePeer, upTo: 1_000_000, long: true},
	"Node export": {unit: seconds, run: (*arena).nodeExport, prepare: (*arena).keepReference, needs: nodePeer, upTo: 1_000_000, long: true},
	"Node count":  {unit: seconds, run: (*arena).nodeCount, prepare: (*arena).keepReference, needs: nodePeer, upTo: 1_000_000},
	"Node query":  {unit: seconds, run: (*arena).nodeQuery, prepare: (*arena).keepReference, needs: nodePeer, upTo: 1_000_000},
	"sqlite3":     {unit: seconds, run: (*arena).sqliteLoad, needs: sqlitePeer, upTo: 1_000_000, long: true},
	"disk write":  {unit: seconds, run: (*arena).diskWrite, long: true},
	"JSONL":       {unit: bytes, run: (*arena).dataSize},
	"text JSONL":  {unit: bytes, noData: true, run: (*arena).textSize, needs: realText},
	"true":        {unit: seconds, noData: true, run: (*arena).startTrue},

	"save":          {unit: seconds, noData: true, run: (*arena).save},
	"save rate":     {unit: perSecond, noData: true, run: (*arena).saveRate},
	"64 goroutines": {unit: perSecond, noData: true, run: (*arena).saveRateOf64},
	"16 processes":  {unit: seconds, noData: true, run: (*arena).saveOf16},
	"bbolt":         {unit: seconds, noData: true, run: (*arena).bboltPut},
	"disk sync":     {unit: seconds, noData: true, run: (*arena).diskSync},
	"append":        {unit: perRecord, noData: true, run: (*arena).appendMore, prepare: (*arena).growLog, from: 2 * appendedRecords},
	"append 100k":   {unit: perRecord, noData: true, run: (*arena).appendFirst},
}

// sampleOf is what a process took.
func sampleOf(e ended) sample {
	return sample{Value: e.took.Seconds(), CPU: e.cpu.Seconds(), Peak: e.peak}
}

// importAll imports the data into an empty store until count answers with all of it.
// The first store stays, for the steps that read one.
func (a *arena) importAll(ctx context.Context) (sample, error) {
	store := a.newPath("store")
	got, err := a.importInto(ctx, store)
	if err != nil {
		return sample{}, err
	}
	if a.kept == "" {
		a.kept = store
		return got, nil
	}
	return got, a.discard(store)
}

func (a *arena) importInto(ctx context.Context, store string) (sample, error) {
	imported, err := a.explog(ctx, store, "import", "--file", a.data())
	if err != nil {
		return sample{}, err
	}
	if err := want(imported, fmt.Sprintf(" %d new,", a.scale)); err != nil {
		return sample{}, err
	}
	counted, err := a.explog(ctx, store, "count")
	if err != nil {
		return sample{}, err
	}
	return sample{
		Value: (imported.took + counted.took).Seconds(), CPU: (imported.cpu + counted.cpu).Seconds(), Peak: max(imported.peak, counted.peak),
	}, want(counted, fmt.Sprintf("%d record", a.scale))
}

// want tells an error where a process did not say what it should.
func want(e ended, text string) error {
	if !strings.Contains(e.out, text) {
		return fmt.Errorf("want %q, got %.200q", text, e.out)
	}
	return nil
}

// discard removes a store, unless all is to be kept.
func (a *arena) discard(path string) error {
	if a.keep {
		return nil
	}
	return os.RemoveAll(path)
}

// keepStore makes the store that is read, if no import has made it.
func (a *arena) keepStore(ctx context.Context) error {
	if a.kept != "" {
		return nil
	}
	a.kept = a.newPath("store")
	_, err := a.importInto(ctx, a.kept)
	return err
}

func (a *arena) importAgain(ctx context.Context) (sample, error) {
	e, err := a.explog(ctx, a.kept, "import", "--file", a.data())
	if err != nil {
		return sample{}, err
	}
	return sampleOf(e), want(e, fmt.Sprintf(" 0 new, %d duplicate,", a.scale))
}

func (a *arena) export(ctx context.Context) (sample, error) {
	return a.exported(a.explogCommand(ctx, a.kept, "export"))
}

// exported runs a command that exports all of the data.
func (a *arena) exported(cmd *exec.Cmd) (sample, error) {
	path := a.newPath("export")
	e, err := toFile(cmd, path)
	if err != nil {
		return sample{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return sample{}, err
	}
	if size := info.Size(); size < a.bytes*8/10 || size > a.bytes { // compact
		return sample{}, fmt.Errorf("the export of %d bytes has %d", a.bytes, size)
	}
	return sampleOf(e), a.discard(path)
}

// quick measures a command of some milliseconds: it runs several times, and the
// sample is the median.
func (a *arena) quick(run func() (ended, error)) (sample, error) {
	runs := 11
	if a.guard {
		runs = 3
	}
	var all []sample
	for range runs {
		e, err := run()
		if err != nil {
			return sample{}, err
		}
		all = append(all, sampleOf(e))
	}
	slices.SortFunc(all, func(x, y sample) int { return cmp.Compare(x.Value, y.Value) })
	return all[runs/2], nil
}

// The client and the time that count and query ask for: about half of the records of
// one of the clients are after it.
var wantedClient = records.Client(3)

func (a *arena) wantedSince() string {
	return records.From.Add(time.Duration(a.scale/2) * records.Every).Format(time.RFC3339)
}

func (a *arena) count(ctx context.Context) (sample, error) {
	return a.quick(func() (ended, error) { return a.explog(ctx, a.kept, "count", "--client", wantedClient) })
}

func (a *arena) query(ctx context.Context) (sample, error) {
	return a.quick(func() (ended, error) {
		e, err := a.explog(ctx, a.kept, "query", "--client", wantedClient, "--since", a.wantedSince(), "--limit", "50")
		if err != nil {
			return e, err
		}
		return e, a.wantLines(e)
	})
}

// wantLines checks the answer to a query.
func (a *arena) wantLines(e ended) error {
	n := strings.Count(e.out, "\n")
	if most := a.scale / records.Clients; n > 50 || n == 0 && most > 1000 {
		return fmt.Errorf("the query gives %d records", n)
	}
	return nil
}

func (a *arena) rebuild(ctx context.Context) (sample, error) {
	e, err := a.explog(ctx, a.kept, "rebuild")
	return sampleOf(e), err
}

func (a *arena) startUp(ctx context.Context) (sample, error) {
	return a.quick(func() (ended, error) { return finish(exec.CommandContext(ctx, a.binary, "--version"), nil) })
}

func (a *arena) startTrue(ctx context.Context) (sample, error) {
	return a.quick(func() (ended, error) { return finish(exec.CommandContext(ctx, "true"), nil) })
}

func (a *arena) logSize(context.Context) (sample, error) {
	return sizeOf(filepath.Join(a.kept, "events.db"))
}

func (a *arena) dataSize(context.Context) (sample, error) {
	return sample{Value: float64(a.bytes)}, nil
}

func (a *arena) textLogSize(ctx context.Context) (sample, error) {
	store := a.newPath("text")
	if _, err := a.explog(ctx, store, "import", "--file", realTextPath()); err != nil {
		return sample{}, err
	}
	got, err := sizeOf(filepath.Join(store, "events.db"))
	if err != nil {
		return sample{}, err
	}
	return got, a.discard(store)
}

func (a *arena) textSize(context.Context) (sample, error) { return sizeOf(realTextPath()) }

func sizeOf(path string) (sample, error) {
	info, err := os.Stat(path)
	if err != nil {
		return sample{}, err
	}
	return sample{Value: float64(info.Size())}, nil
}
