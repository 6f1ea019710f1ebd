//go:build linux

package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/explog/explog"
	"github.com/explog/explog/evals/internal/memfs"
)

// checker opens the stores that power cuts leave.
type checker struct {
	binary, scratch string
	images          int // that were checked
}

// cut is one way in which a power cut may treat what was not synced. Package
// powerloss has many more; faults matter for these.
type cut struct {
	name  string
	image func(*memfs.State) memfs.Image
}

var cuts = []cut{
	{"after a power cut", func(s *memfs.State) memfs.Image { return s.Image(nil, synced) }},
	{"after a power cut that spared all", func(s *memfs.State) memfs.Image { return s.Image(s.Renamed, live) }},
}

// atCut cuts the power behind some operations and checks what the disk then holds. The
// records acked must be there; well says that the last run ended well.
func (c *checker) atCut(ctx context.Context, t *trial, ops []memfs.Op, acked map[int]bool, well bool) (all []finding) {
	s := after(ops)
	var last [32]byte
	for _, cut := range cuts {
		im := cut.image(s)
		sum := im.Sum()
		if sum == last {
			continue
		}
		last = sum
		c.images++
		if f := c.check(ctx, t, im, acked, well); f != nil {
			all = append(all, finding{f.kind + ", " + cut.name, f.detail})
		}
	}
	return all
}

// check opens the store of an image in a folder.
func (c *checker) check(ctx context.Context, t *trial, im memfs.Image, acked map[int]bool, well bool) *finding {
	dir, err := os.MkdirTemp(c.scratch, "disk-")
	if err != nil {
		return &finding{"the rig fails", err.Error()}
	}
	defer os.RemoveAll(dir)
	if err := im.Write(dir); err != nil {
		return &finding{"the rig fails", err.Error()}
	}
	store := filepath.Join(dir, storePath)
	if f := t.whole(ctx, store, acked); f != nil {
		return f
	}
	if backup := im[backupPath]; backup != nil {
		must := set(numbers(0, inOldBackup))
		if t.backup && well {
			must = set(t.has)
		}
		if f := t.restorable(ctx, filepath.Join(dir, "restored"), backup, must); f != nil {
			return &finding{"the backup: " + f.kind, f.detail}
		}
	}
	if t.dataset && well {
		return c.datasetBuilt(ctx, dir)
	}
	return nil
}

// datasetBuilt has the command compare the dataset's versions with the log.
func (c *checker) datasetBuilt(ctx context.Context, disk string) *finding {
	verify := scenario{args: []string{"dataset", "verify", "--out", "@" + datasetsPath}}
	_, wait, err := verify.start(ctx, c.binary, disk)
	if err != nil {
		return &finding{"the rig fails", err.Error()}
	}
	o, err := wait()
	switch {
	case err != nil:
		return &finding{"the rig fails", err.Error()}
	case o.code != 0 || !strings.Contains(o.stdout, "v1"):
		f := found("the dataset is not there", "%v", o)
		return &f
	}
	return nil
}

// restorable checks that a backup is a whole log with some records.
func (t *trial) restorable(ctx context.Context, dir string, backup []byte, must map[int]bool) *finding {
	err := os.Mkdir(dir, 0o755)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "events.db"), backup, 0o644)
	}
	if err != nil {
		return &finding{"the rig fails", err.Error()}
	}
	return t.whole(ctx, dir, must)
}

// whole checks that a store is whole, has the records that it must have, each once,
// and no others than those that were ever given.
func (t *trial) whole(ctx context.Context, store string, must map[int]bool) *finding {
	l, err := explog.Open(store, explog.Options{LockTimeout: 5 * time.Second})
	if err != nil {
		return &finding{"cannot be opened", err.Error()}
	}
	report, err := l.Verify(ctx)
	switch {
	case errors.Is(err, explog.ErrNoStore) && len(must) == 0:
		return nil
	case errors.Is(err, explog.ErrNoStore):
		return &finding{"lost records", "the store is gone"}
	case err != nil:
		return &finding{"cannot be verified", err.Error()}
	case len(report.Log.Faults) > 0:
		f := found("damaged the log", "%v", report.Log.Faults)
		return &f
	case !report.Clean() && (t.errno == 0 || t.op != "sync"):
		// Where a sync lost pages of a view, the view is damaged: the export mends it.
		f := found("damaged the view", "%v", report.View)
		return &f
	}
	var export bytes.Buffer
	if _, err := l.Export(ctx, &export, explog.Filter{}, false); err != nil {
		return &finding{"cannot be exported", err.Error()}
	}
	return t.holds(export.String(), must)
}

// holds checks an export.
func (t *trial) holds(export string, must map[int]bool) *finding {
	known := set(t.has, t.given)
	byID := make(map[string]int)
	for n := range known {
		byID[id(n)] = n
	}
	seen := make(map[int]bool)
	for text := range strings.Lines(export) {
		var r struct{ ID string }
		n, ok := 0, false
		if err := json.Unmarshal([]byte(text), &r); err == nil {
			n, ok = byID[r.ID]
		}
		switch {
		case !ok || text != line(n)+"\n":
			f := found("changed a record", "%s", text)
			return &f
		case seen[n]:
			f := found("doubled a record", "%s", text)
			return &f
		}
		seen[n] = true
	}
	var lost []int
	for n := range must {
		if !seen[n] {
			lost = append(lost, n)
		}
	}
	if len(lost) > 0 {
		f := found("lost records", "%d of %d that were stored: %v", len(lost), len(must), lost)
		return &f
	}
	return nil
}
