package faults

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/explog/explog/evals/internal/memfs"
)

var (
	long   = flag.Bool("long", false, "try every fault at every request: minutes")
	seed   = flag.Uint64("seed", 1, "which faults the short form tries")
	steps  = flag.Int("steps", 8, "how many faults of each command the short form tries")
	only   = flag.String("only", "", "try only the steps, as the log prints them, that contain this `TEXT`")
	binary = flag.String("binary", "", "the `FILE` of a built explog; by default it is built")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestFaults lets each request of each command fail.
func TestFaults(t *testing.T) {
	r := newRig(t)
	rng := rand.New(rand.NewPCG(*seed, 0))
	for _, s := range r.scenarios {
		p, rehearsed := r.rehearse(s)
		r.sweep(s, r.pick(p, s, rng), rehearsed, p)
	}
	r.report()
}

// TestRigSeesMissingSyncs takes the syncs out of what a save did: it must look like one
// that loses what it acknowledged.
func TestRigSeesMissingSyncs(t *testing.T) {
	r := newRig(t)
	s := r.scenarios[1]
	_, whole := r.rehearse(s)
	c := &checker{binary: r.binary, scratch: r.scratch}
	expected := set(files(whole.ops))
	if all := whole.judge(t.Context(), c, expected); len(all) > 0 {
		t.Fatalf("%s without a fault: %v", s.name, all)
	}
	broken := *whole
	first, second := withoutSyncs(whole.ops[whole.made:whole.between]), withoutSyncs(whole.ops[whole.between:])
	broken.ops = slices.Concat(whole.ops[:whole.made], first, second)
	broken.between = whole.made + len(first)
	all := broken.judge(t.Context(), c, expected)
	if !slices.ContainsFunc(all, func(f finding) bool { return f.kind == "lost records, after a power cut" }) {
		t.Errorf("%s without syncs loses nothing: the rig is blind; it finds %v", s.name, all)
	}
}

func withoutSyncs(ops []memfs.Op) []memfs.Op {
	return slices.DeleteFunc(slices.Clone(ops), func(o memfs.Op) bool { return o.Kind == memfs.Sync || o.Kind == memfs.SyncDir })
}

// rehearse runs a command without a fault.
func (r *rig) rehearse(s *scenario) (*plan, *trial) {
	r.t.Helper()
	p, rehearsed, err := s.rehearse(r.t.Context(), r.binary, r.scratch)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENODEV) {
		r.t.Skipf("skipped: failing system calls (the rig mounts a FUSE file system: it must be root, with /dev/fuse): %v", err)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	for _, o := range []outcome{rehearsed.first, rehearsed.second} {
		if f := rehearsed.judgeEnded(o); f != nil {
			r.t.Fatalf("%s without a fault: %v", s.name, f)
		}
	}
	return p, rehearsed
}

// rig is a folder with the built explog, and what was found.
type rig struct {
	t         *testing.T
	binary    string
	scratch   string
	scenarios []*scenario

	mu                    sync.Mutex
	trials, unmet, images int
	counts                map[string]int // findings, by kind
	failed                int            // trials with findings
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, binary: *binary, scratch: scratch(t), counts: make(map[string]int)}
	dir := t.TempDir()
	if r.binary == "" {
		r.binary = filepath.Join(dir, "explog")
		if out, err := exec.Command("go", "build", "-o", r.binary, "github.com/explog/explog/cmd/explog").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	prepared, err := prepare(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if r.scenarios, err = newScenarios(dir, prepared); err != nil {
		t.Fatal(err)
	}
	return r
}

// scratch is a folder in memory, where there is one: disks are many, and how fast they
// sync is not the question.
func scratch(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "explog-faults-")
	if err != nil {
		dir = t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	t.Setenv("TMPDIR", dir)
	return dir
}

// pick chooses the steps of a command that are tried.
func (r *rig) pick(p *plan, s *scenario, rng *rand.Rand) []step {
	all := p.sorted()
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	switch {
	case *only != "":
		return slices.DeleteFunc(all, func(st step) bool { return !strings.Contains(fmt.Sprintf("%s: %v", s.name, st), *only) })
	case *long:
		return all
	case testing.Short():
		return all[:min(2, len(all))]
	}
	return all[:min(*steps, len(all))]
}

// sweep tries steps, two at a time.
func (r *rig) sweep(s *scenario, steps []step, rehearsed *trial, p *plan) {
	expected := set(files(rehearsed.ops))
	before := r.failed
	todo := make(chan step)
	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() {
			c := &checker{binary: r.binary, scratch: r.scratch}
			for st := range todo {
				r.try(r.t.Context(), c, s, st, expected)
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			r.images += c.images
		})
	}
	for _, st := range steps {
		todo <- st
	}
	close(todo)
	workers.Wait()
	r.t.Logf("%s: %d requests, %d of %d faults tried, %d of them broke a promise", s.name, p.asked, len(steps), len(p.steps), r.failed-before)
}

// try makes one trial and notes what it finds.
func (r *rig) try(ctx context.Context, c *checker, s *scenario, st step, expected map[string]bool) {
	t, err := s.try(ctx, r.binary, r.scratch, st)
	if err != nil {
		r.t.Errorf("%s: %v: %v", s.name, st, err)
		return
	}
	var all []finding
	if t.met {
		all = t.judge(ctx, c, expected)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trials++
	if !t.met {
		r.unmet++
	}
	if len(all) == 0 {
		return
	}
	r.failed++
	for _, f := range all {
		r.counts[f.kind]++
		if r.counts[f.kind] <= 20 || *only != "" {
			r.t.Errorf("%v: %v", t, f)
		}
	}
	if *only != "" {
		r.t.Logf("first: %+v\nsecond: %+v", t.first, t.second)
	}
}

// report logs what was tried and counts what was found.
func (r *rig) report() {
	r.t.Logf("%d faults tried, %d of them not met; %d disks opened; %d faults broke a promise", r.trials, r.unmet, r.images, r.failed)
	for _, kind := range slices.Sorted(maps.Keys(r.counts)) {
		r.t.Logf("%5d  %s", r.counts[kind], kind)
	}
}
