package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/explog/explog/evals/latency"
)

// stormRoles are what the processes of a storm do, the first ones in the short
// form, all of them in the long one.
var stormRoles = []stormRole{
	{name: "saver"},
	{name: "saver"},
	{name: "importer"},
	{name: "importer"},
	{name: "reader", commands: []string{"export", "count --client hre", "status", "query --limit 10", "stats"}},
	{name: "keeper", commands: []string{"verify", "rebuild", "verify --json"}},

	{name: "saver"},
	{name: "saver"},
	{name: "saver"},
	{name: "saver"},
	{name: "importer"},
	{name: "importer"},
	{name: "reader", commands: []string{"export", "count"}},
	{name: "reader", commands: []string{"status", "rejects list", "count --min-score 0.9"}},
	{name: "keeper", commands: []string{"rebuild"}},
	{name: "keeper", commands: []string{"verify"}},
}

// stormRole is one process after the other: savers and importers save, the others
// run commands in turn. All must exit with 0.
type stormRole struct {
	name     string
	commands []string
}

// TestStorm lets many processes work on one store at once, with records that they
// share. None may fail, and in the end each record is there once.
func TestStorm(t *testing.T) {
	s := &storm{
		T: t, binary: builtBinary(t), store: filepath.Join(t.TempDir(), "store"), inputs: t.TempDir(), pool: 6000,
		vouched: make(map[string]bool), waits: make(map[string][]time.Duration), ran: make(map[string]int),
	}
	roles, lasting := stormRoles[:6], 5*time.Second
	if *long {
		roles, lasting, s.pool = stormRoles, time.Minute, 60_000
	} else if testing.Short() {
		lasting = 2 * time.Second
	}
	s.saver(0, 1, "-saves", "1") // so that there is a store
	random := randomness(t)
	s.until = time.Now().Add(lasting)
	var all sync.WaitGroup
	for i, role := range roles {
		seed := random.Uint64()
		all.Go(func() { s.play(i, role, seed) })
	}
	all.Wait()
	s.check()
	s.report(len(roles), lasting)
}

// storm is a store and what is known of it. Its methods are called by many at once.
type storm struct {
	*testing.T
	binary  program
	store   string
	inputs  string
	pool    int // how many records there are: few enough that the processes meet in them
	until   time.Time
	mu      sync.Mutex
	vouched map[string]bool
	waits   map[string][]time.Duration // of single saves, by what became of the record
	ran     map[string]int             // commands
}

// play is what one process after the other does until the storm is over.
func (s *storm) play(number int, role stormRole, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 0))
	for n := 0; time.Now().Before(s.until) && !s.Failed(); n++ {
		switch role.name {
		case "saver":
			s.saver(random.Uint64(), s.pool, "-lasting", time.Until(s.until).String())
		case "importer":
			s.importer(number, random.IntN(s.pool))
		default:
			s.command(role.commands[n%len(role.commands)])
		}
	}
}

// saver is a process that saves one record at a time.
func (s *storm) saver(seed uint64, pool int, args ...string) {
	args = append(args, "-seed", fmt.Sprint(seed), "-pool", fmt.Sprint(pool))
	e := finish(child(context.Background(), "saver", s.store, args...))
	s.want("saver", e)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, saved := range latency.SavedIn(e.out) {
		s.vouched[saved.ID] = true
		s.waits[saved.Status] = append(s.waits[saved.Status], saved.Took)
	}
}

// importer is a process that imports 600 of the records, from one on.
func (s *storm) importer(number, from int) {
	path := filepath.Join(s.inputs, fmt.Sprintf("%d.jsonl", number))
	var lines strings.Builder
	var ids []string
	for n := from; n < from+600; n++ {
		rec := record(n % s.pool)
		b, err := json.Marshal(rec)
		if err != nil {
			s.Error(err)
			return
		}
		fmt.Fprintf(&lines, "%s\n", b)
		ids = append(ids, rec.ID)
	}
	if err := os.WriteFile(path, []byte(lines.String()), 0o644); err != nil {
		s.Error(err)
		return
	}
	s.command("import --file " + path)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		s.vouched[id] = true
	}
}

func (s *storm) command(line string) {
	args := strings.Fields(line)
	s.want(args[0], s.binary.run(s.store, args...))
}

func (s *storm) want(name string, e ended) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ran[name]++
	if e.code != 0 {
		s.Error(e)
	}
}

// check checks the store when all is quiet.
func (s *storm) check() {
	s.command("verify")
	out := s.binary.mustRun(s, s.store, "export").out
	found, err := readExport(strings.NewReader(out))
	if err != nil {
		s.Error(err)
	}
	for id := range s.vouched {
		if found.ids[id] != 1 {
			s.Errorf("the acknowledged record %s is there %d times", id, found.ids[id])
		}
	}
	for id, n := range found.ids {
		if n != 1 || !s.vouched[id] {
			s.Errorf("record %s is there %d times, acknowledged %v", id, n, s.vouched[id])
		}
	}
	s.command("verify") // with the view brought up to the log
}

func (s *storm) report(processes int, lasting time.Duration) {
	s.Logf("%d processes for %v: %v; %d records", processes, lasting, s.ran, len(s.vouched))
	s.Logf("%-20s %s", "single saves", latency.QuantilesHead)
	for _, status := range []string{"new", "duplicate"} {
		s.Logf("%-20s %s", status, latency.QuantilesOf(s.waits[status]))
	}
}
