package explog

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/explog/explog/query"
	"github.com/explog/explog/query/dataset"
)

// DatasetOptions say which dataset is built, and where.
type DatasetOptions struct {
	Dir        string // the folder that holds a folder for each client
	Client     string
	Parameters dataset.Parameters
	Delta      bool   // take only examples that were logged since the last version
	DryRun     bool   // write nothing
	Version    string // of the program, for the manifest
}

// ErrGate means that a dataset did not pass a gate and was not written.
var ErrGate = errors.New("explog: the dataset does not pass a gate")

// BuildDataset makes the next version of a client's training dataset and writes it:
// see package dataset. If a gate is not passed nothing is written; the manifest says
// which one, and the error is [ErrGate].
func (l *Logger) BuildDataset(ctx context.Context, o DatasetOptions) (dataset.Manifest, error) {
	shelf := dataset.NewShelf(o.Dir, o.Client)
	last, err := shelf.Last()
	if err != nil {
		return dataset.Manifest{}, err
	}
	spec := dataset.Spec{Client: o.Client, Version: last.Version + 1, Parameters: o.Parameters, Explog: o.Version}
	if o.Delta {
		spec.After = last.Log.Through
	}
	var d dataset.Dataset
	err = l.reading(ctx, func(r *query.Reader) error {
		if spec.Moment, err = r.Moment(ctx); err != nil {
			return err
		}
		if spec.After > 0 && last.Log.ID != spec.Moment.LogID {
			return fmt.Errorf("%w: no delta after version %d", errOtherLog, last.Version)
		}
		d, err = dataset.Make(ctx, r, spec)
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

var errOtherLog = errors.New("explog: it is from another log")

// VerifyDataset makes a version of a client's dataset again from the log and returns
// in what its files differ from that: nothing, if all is well.
func (l *Logger) VerifyDataset(ctx context.Context, dir string, m dataset.Manifest) (faults []string, err error) {
	what, err := l.unlike(ctx, m.Log)
	if err != nil {
		return nil, err
	}
	if what != "" {
		return []string{what}, nil
	}
	err = l.reading(ctx, func(r *query.Reader) error {
		faults, err = dataset.NewShelf(dir, m.Client).Verify(ctx, r, m)
		return err
	})
	return faults, err
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
