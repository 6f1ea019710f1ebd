package powerloss

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"

	"github.com/explog/explog/evals/internal/memfs"
)

// cut is one power cut: what it left, and what to expect of it.
type cut struct {
	prefix int // operations before it
	kind   kind
	acked  total
	first  int // the command that comes first afterwards
	image  memfs.Image
}

func (c cut) String() string {
	return fmt.Sprintf("behind operation %d, %s, %s first", c.prefix, c.kind.name, firstNames[c.first])
}

// sweep cuts the power behind the operations of a record and has each image
// checked.
type sweep struct {
	script *script
	ops    []memfs.Op
	from   int   // operations that are taken as given
	acked  total // by them
	// pick says which kinds of images to make at the nth point, behind an operation;
	// the point decides where this operation or the next may make a difference.
	pick    func(n int, behind memfs.Op, decides bool) []kind
	check   func(ctx context.Context, disk string, n int, c cut) error // of the nth image
	fail    func(c cut, err error)
	seed    uint64
	scratch string // a folder

	nth int // each nth image stays in kept; 0: none does

	points, images int // that were made
	kept           []cut
	seen           map[seen]bool
}

// seen is an image that was checked, and for how much.
type seen struct {
	sum   [32]byte
	acked total
}

// job is an image to be checked, the nth.
type job struct {
	cut
	n int
}

// run goes through the record once.
func (s *sweep) run(ctx context.Context) {
	s.seen = make(map[seen]bool)
	jobs := make(chan job)
	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() {
			for j := range jobs {
				if err := s.try(ctx, j); err != nil {
					s.fail(j.cut, err)
				}
			}
		})
	}
	state, heard, last := memfs.NewState(), ears{script: s.script, acked: s.acked}, memfs.Op{}
	for n := 0; n <= len(s.ops); n++ {
		decides := decides(last) || n < len(s.ops) && decides(s.ops[n])
		if n >= s.from && ctx.Err() == nil {
			s.cut(jobs, state, n, s.pick(n, last, decides), heard.acked)
		}
		if n < len(s.ops) {
			last = s.ops[n]
			state.Apply(last)
			heard.hear(last)
		}
	}
	close(jobs)
	workers.Wait()
}

// decides reports whether a cut just before an operation and one just behind it are
// likely to be told apart.
func decides(o memfs.Op) bool {
	switch o.Kind {
	case memfs.Sync, memfs.SyncDir, memfs.Rename, memfs.Remove, memfs.Said:
		return true
	}
	return false
}

// cut makes images at one point and hands those on that were not checked before.
func (s *sweep) cut(jobs chan<- job, state *memfs.State, n int, kinds []kind, acked total) {
	if len(kinds) > 0 {
		s.points++
	}
	rng := rand.New(rand.NewPCG(s.seed, uint64(n)))
	for _, k := range kinds {
		c := cut{prefix: n, kind: k, acked: acked, first: s.images % firstCommands, image: imageOf(state, k, rng)}
		if k.verify {
			c.first = firstVerify
		}
		key := seen{c.image.Sum(), acked}
		if s.seen[key] {
			continue
		}
		s.seen[key] = true
		if s.images++; s.nth > 0 && s.images%s.nth == 0 {
			s.kept = append(s.kept, c)
		}
		jobs <- job{c, s.images}
	}
}

// try puts an image into a folder and checks it.
func (s *sweep) try(ctx context.Context, j job) error {
	disk := filepath.Join(s.scratch, fmt.Sprint("disk-", j.n))
	if err := os.Mkdir(disk, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(disk)
	if err := j.image.Write(disk); err != nil {
		return err
	}
	return s.check(ctx, disk, j.n, j.cut)
}
