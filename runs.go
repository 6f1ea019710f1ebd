package explog

import (
	"context"
	"iter"
	"time"

	"github.com/google/uuid"

	"github.com/explog/explog/event"
	"github.com/explog/explog/eventlog"
	"github.com/explog/explog/query"
)

// StartRun logs that a program starts whose output will be captured, and returns
// the key of the start. An empty ID gets a random one, an empty Started the present
// time.
func (l *Logger) StartRun(ctx context.Context, r event.RunStarted) (uuid.UUID, error) {
	if r.ID == (uuid.UUID{}) {
		r.ID = uuid.New()
	}
	if r.Started.IsZero() {
		r.Started = l.opts.Now().UTC().Truncate(time.Microsecond)
	}
	f, err := r.Fact()
	if err != nil {
		return r.ID, err
	}
	return r.ID, l.logFact(ctx, f)
}

// EndRun logs that a program has ended whose start was logged. An empty Ended gets
// the present time.
func (l *Logger) EndRun(ctx context.Context, r event.RunEnded) error {
	if r.Ended.IsZero() {
		r.Ended = l.opts.Now().UTC().Truncate(time.Microsecond)
	}
	f, err := r.Fact()
	if err != nil {
		return err
	}
	return l.logFact(ctx, f)
}

func (l *Logger) logFact(ctx context.Context, f event.Fact) error {
	_, err := l.log.Append(ctx, eventlog.Batch{Events: []eventlog.Event{toEvent(f)}})
	return err
}

// Runs yields the programs whose output was captured, one for each start, in the
// order of their starts.
func (l *Logger) Runs(ctx context.Context) iter.Seq2[query.Run, error] {
	return resuming(ctx, l.reading, func(r *query.Reader, at *query.Cursor) iter.Seq2[query.Run, error] { return r.RunsAfter(ctx, at) })
}
