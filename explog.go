// Package explog is a durable log of experiments: problem, solution, score.
//
// A program hands each result to a [Logger] the moment it has it. The result is
// then safe, whatever happens to the program; it is there once, however often it
// is saved; and it can be queried, exported and turned into training data.
//
//	logger, err := explog.Open("data", explog.Options{})
//	...
//	defer logger.Close()
//	_, err = logger.Save(ctx, explog.Record{
//		ClientID: "hre", RunID: "exp-2026-04-07-047",
//		Problem: "…", Solution: "…", Score: 0.92,
//	})
//
// Everything is in one folder: events.db, the log and the only truth, and
// experiments.sqlite, a view of it that any SQLite tool can read and that is
// built anew from the log whenever that is needed; with benchmarks in it, hub.sqlite
// is a second one. Several processes may use the folder at once.
//
// The package is thin: it wires [event], [eventlog], [projector] and [query],
// which do the work and can be used alone.
package explog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"time"

	"github.com/explog/explog/event"
	"github.com/explog/explog/event/input"
	"github.com/explog/explog/eventlog"
	"github.com/explog/explog/projector"
	"github.com/explog/explog/query"
)

// Record is one scored attempt.
type Record = event.Record

// Filter says which records are wanted, and in which order.
type Filter = query.Filter

// InvalidError lists everything that is wrong with a record that was refused.
type InvalidError = event.InvalidError

// Errors that callers tell apart with [errors.Is].
var (
	// ErrNoStore: the folder holds no store; nothing was saved there yet.
	ErrNoStore = errors.New("explog: no store here")
	// ErrConflict: the record's id is taken by a record with other content. The
	// new one is kept as a reject.
	ErrConflict = errors.New("explog: the id is taken by a record with other content")
	// ErrDamaged: the log's bytes are not what was written.
	ErrDamaged = eventlog.ErrDamaged
	// ErrFilter: a filter asks for something that cannot be, such as an unknown order.
	ErrFilter = query.ErrFilter
	// ErrInvalidFact: a fact could not be read again from the log.
	ErrInvalidFact = errors.New("explog: invalid fact")
	// ErrLocked: other processes held the store for longer than the lock timeout.
	ErrLocked = eventlog.ErrLocked
)

// MaxMaxRecord is the largest limit for one record that can be set. It leaves room
// in an event of the log for what is kept beside the input.
const MaxMaxRecord = 60 << 20

// Options of a logger. The zero value is ready to use.
type Options struct {
	// LockTimeout bounds the wait for other processes; 0 means 30 s.
	LockTimeout time.Duration
	// MaxRecord is the limit for one record, in bytes of JSON; 0 means 16 MiB.
	MaxRecord int
	// Note is told what a person might want to know and no result says, such as
	// that the view was built anew: one line without a newline. Nil: nobody is.
	Note func(string)
	// Now gives the time for records without a timestamp; nil means [time.Now].
	Now func() time.Time
}

// Logger saves and reads experiment records in one folder. It is safe for
// concurrent use.
type Logger struct {
	dir  string
	opts Options
	log  *eventlog.Log
	view *projector.Projector
	hub  *projector.Projector
}

// Open returns the logger of a folder. It touches nothing: the store is made by
// the first save, and reading one that is not there is [ErrNoStore].
func Open(dir string, opts Options) (*Logger, error) {
	if dir == "" {
		return nil, errors.New("explog: no folder given")
	}
	if opts.LockTimeout == 0 {
		opts.LockTimeout = 30 * time.Second
	}
	if opts.MaxRecord == 0 {
		opts.MaxRecord = input.DefaultMaxRecord
	}
	if opts.MaxRecord < 0 || opts.MaxRecord > MaxMaxRecord {
		return nil, fmt.Errorf("explog: the limit for a record is %d bytes, want 1 to %d", opts.MaxRecord, MaxMaxRecord)
	}
	if opts.Note == nil {
		opts.Note = func(string) {}
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	log := eventlog.New(dir, eventlog.Options{LockTimeout: opts.LockTimeout, Now: opts.Now})
	return &Logger{
		dir: dir, opts: opts, log: log,
		view: projector.New(log, projector.Experiments(), dir, opts.LockTimeout),
		hub:  projector.New(log, projector.Hub(), dir, opts.LockTimeout),
	}, nil
}

// Close ends the logger. What was saved is durable already; Close is there for
// what later versions may hold open.
func (l *Logger) Close() error { return nil }

// Query yields the records that match a filter, in its order. What was saved
// before is among them.
func (l *Logger) Query(ctx context.Context, f Filter) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for row, err := range l.Rows(ctx, f) {
			if err != nil {
				yield(Record{}, err)
				return
			}
			if !yield(row.Record(), nil) {
				return
			}
		}
	}
}

// Rows is [Logger.Query] for records as the view keeps them: nested values as JSON
// text, the score as it was given.
func (l *Logger) Rows(ctx context.Context, f Filter) iter.Seq2[event.Row, error] {
	return resuming(ctx, l.reading, func(r *query.Reader, at *query.Cursor) iter.Seq2[event.Row, error] { return r.RowsAfter(ctx, f, at) })
}

// Export writes the records that match a filter as JSONL, one record with its
// nine fields a line, and returns the number of lines. With all set, a line has
// the fields that the schema does not know, too.
func (l *Logger) Export(ctx context.Context, w io.Writer, f Filter, all bool) (int64, error) {
	return query.WriteJSONL(w, l.Rows(ctx, f), all)
}

// Count returns how many records match a filter.
func (l *Logger) Count(ctx context.Context, f Filter) (n int64, err error) {
	err = l.reading(ctx, func(r *query.Reader) error {
		n, err = r.Count(ctx, f)
		return err
	})
	return n, err
}

// Rejects yields what could not become a record, in log order.
func (l *Logger) Rejects(ctx context.Context) iter.Seq2[query.Reject, error] {
	return resuming(ctx, l.reading, func(r *query.Reader, at *query.Cursor) iter.Seq2[query.Reject, error] {
		return r.RejectsAfter(ctx, "", at)
	})
}

// readingFunc runs a function on a view, and once more if the view was damaged.
type readingFunc func(context.Context, func(*query.Reader) error) error

// resuming yields what after yields. If the view turns out to be damaged half-way, it
// is rebuilt, and reading resumes behind the last value that was yielded.
func resuming[T any](ctx context.Context, reading readingFunc, after func(*query.Reader, *query.Cursor) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var at query.Cursor
		stopped := false
		err := reading(ctx, func(r *query.Reader) error {
			if stopped {
				return nil
			}
			for v, err := range after(r, &at) {
				if err != nil {
					return err
				}
				if !yield(v, nil) {
					stopped = true
					return nil
				}
			}
			return nil
		})
		if err != nil && !stopped {
			var none T
			yield(none, err)
		}
	}
}

// reading brings the view up to the log and runs fn on it. If the view turns out
// to be damaged, it is rebuilt, and fn runs a second time.
func (l *Logger) reading(ctx context.Context, fn func(*query.Reader) error) error {
	status, err := l.catchUp(ctx)
	if err != nil {
		return err
	}
	if status.Rebuilt == projector.Missing {
		l.noteRebuilt(l.view, status)
	}
	err = l.read(ctx, fn)
	if errors.Is(err, fs.ErrNotExist) { // another process is just replacing it: wait for that
		if _, err = l.catchUp(ctx); err != nil {
			return err
		}
		err = l.read(ctx, fn)
	}
	if !errors.Is(err, query.ErrDamaged) {
		return err
	}
	l.opts.Note(fmt.Sprintf("%s is damaged: building it anew from the log", l.view.Path()))
	if _, rebuildErr := l.view.Rebuild(ctx); rebuildErr != nil {
		return errors.Join(err, rebuildErr)
	}
	return l.read(ctx, fn)
}

func (l *Logger) read(ctx context.Context, fn func(*query.Reader) error) error {
	r, err := query.Open(ctx, l.view.Path(), l.opts.LockTimeout)
	if err != nil {
		return err
	}
	return errors.Join(fn(r), r.Close())
}

// CatchUp brings the view up to the log, or makes it. Reading does that by itself;
// CatchUp is for those who read the view's file with other tools.
func (l *Logger) CatchUp(ctx context.Context) error {
	_, err := l.catchUp(ctx)
	return err
}

func (l *Logger) catchUp(ctx context.Context) (projector.Status, error) {
	status, err := l.view.CatchUp(ctx)
	if err != nil {
		return status, l.noStore(err)
	}
	if status.Rebuilt != "" && status.Rebuilt != projector.Missing {
		l.noteRebuilt(l.view, status)
	}
	if status.Held != "" {
		l.noteBehind(l.view, status)
	}
	return status, nil
}

func (l *Logger) noteBehind(view *projector.Projector, s projector.Status) {
	l.opts.Note(fmt.Sprintf("%s is read as it is, %s behind the log: %s", view.Path(), events(s.Behind()), s.Held))
}

func (l *Logger) noteRebuilt(view *projector.Projector, s projector.Status) {
	l.opts.Note(fmt.Sprintf("%s %s: built anew from the log (%s)", view.Path(), s.Rebuilt, events(s.Checkpoint)))
}

// Rebuild builds the view anew from the log and returns the number of events in
// it. Readers that have it open see the old rows or the new.
func (l *Logger) Rebuild(ctx context.Context) (events uint64, err error) {
	status, err := l.view.Rebuild(ctx)
	return status.Checkpoint, l.noStore(err)
}

// noStore says where a store was looked for, and how to make one.
func (l *Logger) noStore(err error) error {
	if errors.Is(err, eventlog.ErrNoLog) {
		return fmt.Errorf("%w: %s has no events.db; import or save a record to make one, or name another folder", ErrNoStore, l.dir)
	}
	return err
}

func events(n uint64) string {
	if n == 1 {
		return "1 event"
	}
	return fmt.Sprintf("%d events", n)
}
