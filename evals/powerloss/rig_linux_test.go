package powerloss

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/explog/explog/evals/internal/memfs"
)

// rig is a folder with the built explog, where records are made.
type rig struct {
	t       *testing.T
	dir     string
	binary  string
	scratch string // for images

	mu     sync.Mutex
	faults int
}

func newRig(t *testing.T) *rig {
	dir := t.TempDir()
	r := &rig{t: t, dir: dir, binary: filepath.Join(dir, "explog"), scratch: scratch(t)}
	if out, err := exec.Command("go", "build", "-o", r.binary, "github.com/explog/explog/cmd/explog").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return r
}

// scratch is a folder in memory, where there is one: images are many, and how fast
// they sync is not the question. explog's own temporary files go there too.
func scratch(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "explog-powerloss-")
	if err != nil {
		dir = t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	t.Setenv("TMPDIR", dir)
	return dir
}

// record runs a script on a disk that has an image at first. The first operations
// of the record, as many as given, put it there.
func (r *rig) record(s *script, has memfs.Image) (ops []memfs.Op, given int) {
	r.t.Helper()
	disk, err := os.MkdirTemp(r.dir, "mount-")
	if err != nil {
		r.t.Fatal(err)
	}
	rec := memfs.NewJournal()
	unmount, err := memfs.Mount(r.t.Context(), disk, rec, has, memfs.Options{})
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENODEV) {
		r.t.Skipf("skipped: power cuts (the rig mounts a FUSE file system: it must be root, with /dev/fuse): %v", err)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	given = len(rec.Ops())
	err = (&driver{r.binary, disk, rec}).drive(r.t.Context(), s.steps)
	if err = errors.Join(err, unmount()); err != nil {
		r.t.Fatal(err)
	}
	return rec.Ops(), given
}

// sweep returns a sweep of a record.
func (r *rig) sweep(s *script, ops []memfs.Op, pick func(int, memfs.Op, bool) []kind) *sweep {
	return &sweep{
		script: s, ops: ops, seed: *seed, scratch: r.scratch, pick: pick, fail: r.fault,
		check: func(ctx context.Context, disk string, n int, c cut) error {
			if n%50 == 0 {
				return s.checkBinary(ctx, r.binary, disk, c.acked)
			}
			return s.check(ctx, disk, c.acked, c.first)
		},
	}
}

// everywhere makes images of all kinds at every point.
func everywhere(int, memfs.Op, bool) []kind { return kinds }

// atDecisions makes images of all kinds where a cut may matter, and of one kind at
// some of the other points.
func atDecisions(n int, behind memfs.Op, decides bool) []kind {
	if decides {
		return kinds
	}
	return atSome(n, behind, false)
}

// atSome makes images of all kinds behind a rename, of the strictest kind and of
// another, in turn, where else a cut may matter, and of one kind at some of the
// other points.
func atSome(n int, behind memfs.Op, decides bool) []kind {
	switch {
	case behind.Kind == memfs.Rename:
		return kinds
	case decides:
		return []kind{kinds[0], kinds[1+n%(len(kinds)-1)]}
	case n%32 == 0:
		return []kind{kinds[n/32%len(kinds)]}
	}
	return nil
}

// atFew is for when there is little time.
func atFew(n int, behind memfs.Op, decides bool) []kind {
	if !decides || n%32 > 0 {
		return nil
	}
	return atSome(n, behind, true)
}

// pick returns how the points and kinds are chosen: for the script's record, and
// for the records of stores that open after a cut; each nth image is one.
func pick() (script, again func(int, memfs.Op, bool) []kind, nth int) {
	switch {
	case *long:
		return everywhere, atDecisions, 600
	case testing.Short():
		return atFew, atFew, 10
	}
	return atSome, atSome, 300
}

// fault tells of an image on which a promise was broken, and keeps it if asked to.
func (r *rig) fault(c cut, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.faults++; r.faults > 20 {
		return
	}
	r.t.Errorf("the power cut %v: %v", c, err)
	if *keep == "" {
		return
	}
	dir := filepath.Join(*keep, strings.ReplaceAll(c.String(), " ", "-"))
	if err := errors.Join(os.MkdirAll(dir, 0o755), c.image.Write(dir)); err != nil {
		r.t.Error(err)
	}
}
