package powerloss

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
)

// cut is one power cut: what it left, and what to expect of it.
type cut struct {
	prefix int // operations before it
	kind   kind
	acked  total
	first  int // the command that comes first afterwards
	image  image
}

func (c cut) String() string {
	return fmt.Sprintf("behind operation %d, %s, %s first", c.prefix, c.kind.name, firstNames[c.first])
}

// sweep cuts the power behind the operations of a record and has each image
// checked.
type sweep struct {
	script *script
	ops    []op
	from   int   // operations that are taken as given
	acked  total // by them
	// pick says which kinds of images to make at a point; it decides, where the
	// operation before or behind it is one that a cut next to it may go wrong by.
	pick    func(point int, decides bool) []kind
	check   func(ctx context.Context, disk string, n int, c cut) error // of the nth image
	fail    func(c cut, err error)
	seed    uint64
	scratch string // a folder

	keep int // each so-manieth image stays in kept

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
	state, heard, before := newState(), ears{script: s.script, acked: s.acked}, false
	for n := 0; n <= len(s.ops); n++ {
		behind := n < len(s.ops) && s.ops[n].decides()
		if n >= s.from && ctx.Err() == nil {
			s.cut(jobs, state, n, s.pick(n, before || behind), heard.acked)
		}
		if n < len(s.ops) {
			state.apply(s.ops[n])
			heard.hear(s.ops[n])
		}
		before = behind
	}
	close(jobs)
	workers.Wait()
}

// decides reports whether a cut just before this operation and one just after it
// are likely to be told apart.
func (o op) decides() bool {
	switch o.kind {
	case opSync, opSyncDir, opRename, opRemove, opSaid:
		return true
	}
	return false
}

// cut makes images at one point and hands those on that were not checked before.
func (s *sweep) cut(jobs chan<- job, state *state, n int, kinds []kind, acked total) {
	if len(kinds) > 0 {
		s.points++
	}
	rng := rand.New(rand.NewPCG(s.seed, uint64(n)))
	for _, k := range kinds {
		c := cut{prefix: n, kind: k, acked: acked, first: s.images % firstCommands, image: state.image(k, rng)}
		c.image.reboot()
		key := seen{c.image.sum(), acked}
		if s.seen[key] {
			continue
		}
		s.seen[key] = true
		if s.images++; s.keep > 0 && s.images%s.keep == 0 {
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
	if err := j.image.write(disk); err != nil {
		return err
	}
	return s.check(ctx, disk, j.n, j.cut)
}
