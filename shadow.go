package explog

import (
	"context"
	"errors"

	"github.com/explog/explog/eventlog"
	"github.com/explog/explog/internal/scratch"
)

// shadow stands in for the log when nothing is to be written: what the log has is
// looked up there, and what is new goes into a temporary log, so that the input's
// own duplicates and conflicts are met as well. Memory stays flat that way.
type shadow struct {
	real *eventlog.Log
	temp *eventlog.Log
	dir  *scratch.Folder
}

func (l *Logger) newShadow() (*shadow, error) {
	dir, err := scratch.New("explog-dry-run-")
	if err != nil {
		return nil, err
	}
	return &shadow{real: l.log, temp: eventlog.New(dir.Path, eventlog.Options{}), dir: dir}, nil
}

// remove removes the temporary log; what it leaves, the next one removes.
func (s *shadow) remove() { _ = s.dir.Remove() }

// Append tells what would become of the events.
func (s *shadow) Append(ctx context.Context, b eventlog.Batch) ([]eventlog.Result, error) {
	results := make([]eventlog.Result, len(b.Events))
	var fresh eventlog.Batch
	var origin []int // of each fresh event among b.Events
	stored, err := s.real.Find(ctx, b.Events)
	if err != nil && !errors.Is(err, eventlog.ErrNoLog) {
		return nil, err
	}
	for i, ev := range b.Events {
		met, found := stored[ev.ID]
		if !found {
			fresh.Events = append(fresh.Events, ev)
			origin = append(origin, i)
			continue
		}
		results[i] = eventlog.Result{Fate: eventlog.Dropped, Seq: met.Seq}
		if instead, err := b.Taken(i, met); err != nil {
			return nil, err
		} else if instead != nil {
			results[i].Fate = eventlog.Replaced
		}
	}
	if len(fresh.Events) == 0 {
		return results, nil
	}
	fresh.Taken = func(i int, stored eventlog.Event) (*eventlog.Event, error) { return b.Taken(origin[i], stored) }
	more, err := s.temp.Append(ctx, fresh)
	for i, r := range more {
		results[origin[i]] = r
	}
	return results, err
}
