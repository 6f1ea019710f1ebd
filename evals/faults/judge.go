//go:build linux

package faults

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/explog/explog/evals/internal/memfs"
)

// finding is a promise that was broken.
type finding struct {
	kind   string // of a few words, by which findings are counted
	detail string
}

func (f finding) String() string { return f.kind + ": " + strings.TrimSpace(f.detail) }

func found(kind, format string, args ...any) finding {
	return finding{kind, fmt.Sprintf(format, args...)}
}

func (t *trial) String() string { return fmt.Sprintf("%s: %s", t.name, t.step) }

// judge compares what the runs of a trial said with how they ended and with what is on
// the disk. expected are the files that may be there in the end.
func (t *trial) judge(ctx context.Context, c *checker, expected map[string]bool) []finding {
	all := t.judgeFirst()
	if f := t.judgeEnded(t.second); f != nil {
		all = append(all, finding{"the repetition " + f.kind, f.detail})
	}
	acked := set(t.has, t.stored(t.first))
	all = append(all, c.atCut(ctx, t, t.ops[:t.between], acked, t.first.code == 0)...)
	maps.Copy(acked, set(t.stored(t.second)))
	all = append(all, c.atCut(ctx, t, t.ops, acked, t.second.code == 0)...)
	return append(all, t.leftovers(expected)...)
}

// judgeFirst judges the run that met the fault.
func (t *trial) judgeFirst() []finding {
	o := t.first
	switch {
	case t.kill != "" && o.code == -1 && !o.hung, t.judgeEnded(o) == nil:
		return nil
	case o.hung, crashed(o):
		return []finding{*t.judgeEnded(o)}
	case t.errno == 0:
		return []finding{found("fails because of a short read or write", "%v", o)}
	case o.code == 0:
		return []finding{*t.judgeEnded(o)}
	case o.code == 4:
		return []finding{found("calls an error damage", "%v", o)}
	case !t.named(o.stdout + o.stderr):
		return []finding{found("does not name the reason", "%v", o)}
	}
	return nil
}

// judgeEnded judges a run that should end well.
func (t *trial) judgeEnded(o outcome) *finding {
	var f finding
	switch {
	case o.hung:
		f = found("hangs", "%v", o)
	case crashed(o):
		f = found("crashes", "%v", o)
	case o.code != 0:
		f = found("fails", "%v", o)
	case !strings.Contains(o.stdout, t.says):
		f = found("does not say what it should", "want %q: %v", t.says, o)
	default:
		return nil
	}
	return &f
}

var crash = regexp.MustCompile(`(?m)^(panic:|fatal error:|SIG[A-Z]+:|unexpected fault address)`)

func crashed(o outcome) bool { return o.code == -1 || crash.MatchString(o.stderr) }

// stored returns the records that a run reported as stored.
func (t *trial) stored(o outcome) []int {
	if o.code == 0 {
		return t.given
	}
	return t.acked(o)
}

// set is the set of all that is in some lists.
func set[T comparable](lists ...[]T) map[T]bool {
	s := make(map[T]bool)
	for _, x := range slices.Concat(lists...) {
		s[x] = true
	}
	return s
}

// leftovers finds what is on the disk in the end and should not be. SQLite keeps its
// write-ahead log beside a view, and what is left of a new view is removed when one is
// made again.
func (t *trial) leftovers(expected map[string]bool) (all []finding) {
	paths := files(t.ops)
	made := slices.Contains(paths, storePath+"/experiments.sqlite")
	for _, path := range paths {
		switch {
		case expected[path], strings.HasSuffix(path, ".sqlite-wal"):
		case !made && (strings.Contains(path, "experiments.sqlite.new-") || strings.Contains(path, "experiments.sqlite.following-")):
		default:
			all = append(all, found("leaves a file", "%s", path))
		}
	}
	return all
}

// files lists what is on a disk that keeps everything, without what differs from run to
// run in names.
func files(ops []memfs.Op) []string {
	var paths []string
	s := after(ops)
	for path := range s.Image(s.Renamed, live) {
		paths = append(paths, random.ReplaceAllString(path, "*"))
	}
	slices.Sort(paths)
	return paths
}

// after is the state of a disk behind some operations.
func after(ops []memfs.Op) *memfs.State {
	s := memfs.NewState()
	for _, o := range ops {
		s.Apply(o)
	}
	return s
}

func live(c *memfs.Content) []byte   { return c.Live }
func synced(c *memfs.Content) []byte { return c.Synced }
