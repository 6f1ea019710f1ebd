package explog

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"path/filepath"

	"github.com/explog/explog/eventlog"
	"github.com/explog/explog/internal/tempfiles"
	"github.com/explog/explog/query"
	"github.com/explog/explog/query/dataset"
)

// DatasetOptions say which dataset is built, and where.
type DatasetOptions struct {
	Dir string // the folder that holds a folder for each source
	// Source has a client; or, as Experiment, the name or id of a benchmark, or "latest".
	// A benchmark's prompt is the system prompt, and its user messages are the problems.
	Source     dataset.Source
	Parameters dataset.Parameters
	Delta      bool   // take only what was logged since the last version of the format
	DryRun     bool   // write nothing
	Version    string // of the program, for the manifest
}

// ErrGate means that a dataset did not pass a gate and was not written.
var ErrGate = errors.New("explog: the dataset does not pass a gate")

// BuildDataset makes the next version of a training dataset and writes it: see package
// dataset. If a gate is not passed nothing is written; the manifest says which one, and
// the error is [ErrGate]. Builds of one dataset at the same time give versions one after
// the other: a build that finds its number taken is repeated.
func (l *Logger) BuildDataset(ctx context.Context, o DatasetOptions) (m dataset.Manifest, err error) {
	if err := o.Source.Check(); err != nil {
		return m, err
	}
	for range maxBuilds {
		if m, err = l.buildDataset(ctx, o); !errors.Is(err, dataset.ErrTaken) {
			break
		}
	}
	return m, err
}

// maxBuilds bounds how often a build is repeated. Each time another one has ended well.
const maxBuilds = 100

// buildDataset makes a version and writes it under the number that was free before.
func (l *Logger) buildDataset(ctx context.Context, o DatasetOptions) (dataset.Manifest, error) {
	var shelf dataset.Shelf
	var d dataset.Dataset
	err := l.collecting(ctx, o.Source, 0, func(c collected) error {
		shelf = dataset.NewShelf(o.Dir, c.source)
		version, err := shelf.Next()
		if err != nil {
			return err
		}
		folding, err := shelf.Folding()
		if err != nil {
			return err
		}
		spec := dataset.Spec{
			Source: c.source, Version: version, Moment: c.at, Parameters: o.Parameters, Folding: folding, Explog: o.Version,
		}
		if c.source.OfHub() {
			spec.Parameters.SystemPrompt = c.prompt
		}
		if o.Delta {
			if spec.After, err = deltaAfter(shelf, c, o.Parameters); err != nil {
				return err
			}
		}
		d, err = dataset.Make(ctx, c.attempts, spec)
		return err
	})
	switch {
	case err != nil:
		return dataset.Manifest{}, err
	case !d.Passed():
		return d.Manifest, ErrGate
	case o.DryRun:
		return d.Manifest, nil
	}
	return d.Manifest, shelf.Write(ctx, d, l.opts.LockTimeout)
}

// deltaAfter returns the event after which the next delta begins: the last of the last
// version in the format.
func deltaAfter(shelf dataset.Shelf, c collected, p dataset.Parameters) (uint64, error) {
	last, err := shelf.Last(p.Format)
	before := last.Parameters
	switch {
	case err != nil || last.Version == 0:
		return 0, err
	case last.Log.ID != c.at.LogID:
		return 0, fmt.Errorf("explog: no delta after version %d: it is from another log", last.Version)
	case last.UUID != c.source.UUID:
		return 0, fmt.Errorf("explog: no delta after version %d: it is from an earlier benchmark of that name", last.Version)
	case before.MinScore != p.MinScore || before.Similarity != p.Similarity || before.Holdout != p.Holdout:
		return 0, fmt.Errorf("explog: no delta after version %d: it has min_score %v, similarity %v and holdout %v, and so must its delta",
			last.Version, before.MinScore, before.Similarity, before.Holdout)
	}
	return last.Log.Through, nil
}

// VerifyDataset makes a version of a dataset again from the log and returns in what its
// files differ from that: nothing, if all is well.
func (l *Logger) VerifyDataset(ctx context.Context, dir string, m dataset.Manifest) (faults []string, err error) {
	what, err := l.unlike(ctx, m.Log)
	if err != nil {
		return nil, err
	}
	if what != "" {
		return []string{what}, nil
	}
	err = l.collecting(ctx, m.Source, m.Log.Through, func(c collected) error {
		faults, err = dataset.NewShelf(dir, m.Source).Verify(ctx, c.attempts, m)
		return err
	})
	return faults, err
}

// collected is what the log has for a dataset.
type collected struct {
	source   dataset.Source // with the UUID of a benchmark
	prompt   string         // of a benchmark
	at       query.Moment
	attempts iter.Seq2[query.Attempt, error]
}

// collecting collects what a source had after an event; 0: has now.
func (l *Logger) collecting(ctx context.Context, s dataset.Source, through uint64, use func(collected) error) error {
	if s.OfHub() {
		return l.collectingAnswers(ctx, s, through, use)
	}
	return l.reading(ctx, func(r *query.Reader) error {
		at, err := r.Moment(ctx)
		if err != nil {
			return err
		}
		if at.Seq < through { // another process holds the view
			return fmt.Errorf("explog: the view ends at event %d, and %d is wanted; run it again", at.Seq, through)
		}
		return use(collected{s, "", at, r.Attempts(ctx, s.Client, cmp.Or(through, at.Seq))})
	})
}

// collectingAnswers reads a view of its own: answers are parsed anew and flags are
// corrected, so what a benchmark had cannot be told from what it has.
func (l *Logger) collectingAnswers(ctx context.Context, s dataset.Source, through uint64, use func(collected) error) error {
	if err := l.needHub(ctx); err != nil {
		return err
	}
	dir, remove, err := tempfiles.Dir("dataset")
	if err != nil {
		return err
	}
	defer remove() //nolint:errcheck // the next build removes what is left
	path := filepath.Join(dir, "hub.sqlite")
	_, err = l.hub.BuildAsOf(ctx, path, func(ev eventlog.Event) bool { return through == 0 || ev.Seq <= through })
	if err != nil {
		return err
	}
	h, err := query.OpenHub(ctx, path, l.opts.LockTimeout)
	if err != nil {
		return err
	}
	return errors.Join(answersOf(ctx, h, s, use), h.Close())
}

// answersOf collects what a benchmark was answered.
func answersOf(ctx context.Context, h *query.Hub, s dataset.Source, use func(collected) error) error {
	e, err := h.Experiment(ctx, cmp.Or(s.UUID, s.Experiment))
	if err != nil {
		return err
	}
	at, err := h.Moment(ctx)
	if err != nil {
		return err
	}
	return use(collected{dataset.Source{Experiment: e.Name, UUID: e.UUID.String()}, e.System(), at, h.Attempts(ctx, e)})
}

// unlike says why the log is not the one that a dataset is from; empty: it is.
func (l *Logger) unlike(ctx context.Context, from dataset.Log) (string, error) {
	head, err := l.log.Head(ctx)
	switch {
	case err != nil:
		return "", l.noStore(err)
	case head.ID.String() != from.ID:
		return fmt.Sprintf("it is from the log %s, this one is %s", from.ID, head.ID), nil
	case head.Seq < from.Through:
		return fmt.Sprintf("it is from events up to %d, the log ends at %d", from.Through, head.Seq), nil
	case from.Through == 0:
		return "", nil
	}
	for ev, err := range l.log.Events(ctx, from.Through) {
		if err != nil {
			return "", err
		}
		if hex.EncodeToString(ev.Hash[:]) != from.HeadHash {
			return fmt.Sprintf("event %d of the log has another hash", from.Through), nil
		}
		break
	}
	return "", nil
}
