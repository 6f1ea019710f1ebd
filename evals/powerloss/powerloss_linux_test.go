package powerloss

import (
	"context"
	"flag"
	"strings"
	"sync"
	"testing"

	"github.com/explog/explog/evals/internal/memfs"
)

var (
	long = flag.Bool("long", false, "cut the power behind every operation, in every way: minutes")
	seed = flag.Uint64("seed", 1, "what is left to chance begins here")
	keep = flag.String("keep", "", "a `FOLDER` for the images that fail")
)

// TestPowerCut records a script of commands and cuts the power in it. Then it
// records how some of the stores that were left open again, and cuts the power in
// that too.
func TestPowerCut(t *testing.T) {
	r := newRig(t)
	s, err := newScript(r.dir)
	if err != nil {
		t.Fatal(err)
	}
	ops, _ := r.record(s, nil)
	inScript, inAgain, nth := pick()
	cuts := r.sweep(s, ops, inScript)
	cuts.nth = nth
	cuts.run(t.Context())
	t.Logf("%d operations, %d points, %d images, %d faults", len(ops), cuts.points, cuts.images, r.faults)

	again, err := s.again()
	if err != nil {
		t.Fatal(err)
	}
	var operations, points, images int
	for _, c := range cuts.kept {
		ops, given := r.record(again, c.image)
		second := r.sweep(again, ops, inAgain)
		second.from, second.acked = given, c.acked
		second.run(t.Context())
		operations, points, images = operations+len(ops)-given, points+second.points, images+second.images
	}
	t.Logf("again in %d of them: %d operations, %d points, %d images, %d faults in all", len(cuts.kept), operations, points, images, r.faults)
}

// TestRigSeesMissingSyncs takes syncs out of a record: it must look like that of
// an explog that loses what it acknowledged.
func TestRigSeesMissingSyncs(t *testing.T) {
	r := newRig(t)
	s, err := newScript(r.dir)
	if err != nil {
		t.Fatal(err)
	}
	s.steps = s.steps[:3]
	ops, _ := r.record(s, nil)
	for name, missing := range map[string]func(name string, o memfs.Op) bool{
		"of the log": func(name string, o memfs.Op) bool {
			return o.Kind == memfs.Sync && strings.HasPrefix(name, "events.db")
		},
		"of the folder": func(_ string, o memfs.Op) bool { return o.Kind == memfs.SyncDir },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		cuts := r.sweep(s, without(ops, missing), atSome)
		found := make(chan struct{})
		var once sync.Once
		cuts.fail = func(cut, error) { once.Do(func() { close(found); cancel() }) }
		cuts.run(ctx)
		select {
		case <-found:
		default:
			t.Errorf("without the syncs %s no store is lost: the rig is blind", name)
		}
		cancel()
	}
}

// without returns a record without some operations.
func without(ops []memfs.Op, missing func(name string, o memfs.Op) bool) (rest []memfs.Op) {
	names := memfs.Names(ops)
	for i, o := range ops {
		if !missing(names[i], o) {
			rest = append(rest, o)
		}
	}
	return rest
}
