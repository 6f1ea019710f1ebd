// Package projector folds the log into views.
//
// A view is a SQLite file that anyone may read and only this package writes. It
// is disposable: everything in it follows from the log, and it can be folded
// again at any time with the same result, row for row and id for id. Rows and the
// checkpoint, the last event that they contain, move in one transaction, so a
// view is always exactly what the log folds to up to its checkpoint.
//
// One writer at a time works on a view, under a lock of the view's own; readers
// are never kept out. The fold of each view is a pure function in a file of its
// own (experiments.go, hub.go), next to its schema.
//
// The package knows no clock and no flags, and not how events got into the log.
package projector

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/explog/explog/eventlog"
	"github.com/explog/explog/eventlog/flock"
)

// View says what a view is: its tables and how an event becomes rows in them.
type View struct {
	// Name of the view; its file is Name.sqlite.
	Name string
	// Version changes with the schema or the fold; a view of another version is
	// built anew.
	Version int
	// Schema makes the tables, Indexes what is made after a bulk load.
	Schema, Indexes string
	// Tables in the order in which they are compared; each has a column seq or an
	// integer key that orders it.
	Tables []string
	// Fold turns an event into rows. It is a pure function. An error means that
	// the event cannot be understood: it becomes a dead event.
	Fold func(ev eventlog.Event, emit Emit) error
}

// Emit takes one statement of a fold with its arguments.
type Emit func(s *Statement, args ...any)

// Statement is one SQL statement of a view. With Columns set it is an insert that
// ends in VALUES, and its rows are put in many at a time. With Sum set it takes a key
// and an amount (int64), and runs once for each key of a transaction, at its end, with
// the sum of the amounts. With Change set it has no SQL but changes results of benchmarks
// in memory; what changed is written before the next statement that is SQL.
type Statement struct {
	SQL     string
	Columns int
	Sum     bool
	Change  func(r *results, args []any) error
}

// Projector keeps one view of a log in a folder.
type Projector struct {
	log  *eventlog.Log
	view View
	dir  string
	wait time.Duration
	// deadline is when a call stops waiting for others; zero: no call has begun.
	deadline time.Time
	// patience is how long a reader waits for others to finish with the view
	// before it reads the view as it is.
	patience time.Duration
}

// New returns the projector of a view in a folder. It waits up to wait for others
// that work on the view, where it cannot do without them.
func New(log *eventlog.Log, view View, dir string, wait time.Duration) *Projector {
	return &Projector{log: log, view: view, dir: dir, wait: wait, patience: 2 * time.Second}
}

// begun returns a projector for one call, all of whose waits end at one time.
func (p *Projector) begun() *Projector {
	q := *p
	q.deadline = time.Now().Add(p.wait)
	return &q
}

// left returns how long the call may still wait for others.
func (p *Projector) left() time.Duration { return max(0, time.Until(p.deadline)) }

// Path returns the path of the view's file.
func (p *Projector) Path() string { return filepath.Join(p.dir, p.view.Name+".sqlite") }

// Status says where a view stands.
type Status struct {
	Checkpoint uint64 // last event in the view
	Head       uint64 // last event in the log
	// Rebuilt says why the view was built anew, such as "is damaged"; empty: it
	// was not.
	Rebuilt string
	// Held says why the view was not brought up to the head, such as "another
	// process is working on it"; empty: it was.
	Held string
}

// Behind returns how many events the view lacks.
func (s Status) Behind() uint64 { return s.Head - min(s.Head, s.Checkpoint) }

// CatchUp brings the view up to the log's head. A view that is missing, damaged,
// of another version or of another log is built anew. Where someone else works on
// the view, or the folder cannot be written, the view stays as it is, and the
// status says so; without any view that is an error.
func (p *Projector) CatchUp(ctx context.Context) (Status, error) {
	return p.catchUpWithin(ctx, limits{patience: p.patience})
}

// CatchUpUntil is CatchUp for those who would rather read a view that is behind than
// wait: it folds until enough is closed. Where the log has not grown meanwhile, nobody
// is adding to it, and it folds the rest, too.
func (p *Projector) CatchUpUntil(ctx context.Context, enough <-chan struct{}) (Status, error) {
	status, err := p.catchUpWithin(ctx, limits{patience: briefly, enough: enough})
	if err != nil || status.Held != stoppedEarly {
		return status, err
	}
	head, err := p.log.Head(ctx)
	if err != nil || head.Seq > status.Head {
		status.Head = max(status.Head, head.Seq)
		return status, err
	}
	return p.CatchUp(ctx)
}

// limits bound how long a view is waited for.
type limits struct {
	patience time.Duration   // for others who work on it, if it can be read as it is
	enough   <-chan struct{} // closed: fold no more; nil: fold all
}

// reached reports whether to fold no more.
func (l limits) reached() bool {
	select {
	case <-l.enough:
		return true
	default:
		return false
	}
}

const (
	briefly      = 200 * time.Millisecond
	stoppedEarly = "catching up takes longer than a reader waits"
)

func (p *Projector) catchUpWithin(ctx context.Context, l limits) (Status, error) {
	head, err := p.log.Head(ctx)
	if err != nil {
		return Status{}, err
	}
	p = p.begun()
	st, err := p.readState(ctx)
	if isBusy(err) {
		return Status{}, Explain(err)
	}
	usable := err == nil && p.unfit(st, head) == ""
	if usable && st.checkpoint == head.Seq {
		return Status{Checkpoint: head.Seq, Head: head.Seq}, nil
	}
	if usable {
		p.deadline = time.Now().Add(min(p.left(), l.patience))
	}
	unlock, err := p.lock(ctx)
	if held := heldBy(err); held != "" && usable {
		return Status{Checkpoint: st.checkpoint, Head: head.Seq, Held: held}, nil
	}
	if err != nil {
		return Status{}, fmt.Errorf("view %s: %w", p.Path(), err)
	}
	defer unlock()
	return p.catchUp(ctx, head, l)
}

// ErrBehind means that a view could not be brought up to the log's head.
var ErrBehind = errors.New("the view is behind the log")

// CatchUpFully is CatchUp for those who cannot do with a view that is behind: it waits
// for others as long as it takes to make a view, and then the error is [ErrBehind].
func (p *Projector) CatchUpFully(ctx context.Context) (Status, error) {
	status, err := p.catchUpWithin(ctx, limits{patience: p.wait})
	if err == nil && status.Held != "" {
		err = fmt.Errorf("%w: %s lacks %d events: %s", ErrBehind, p.Path(), status.Behind(), status.Held)
	}
	return status, err
}

// catchUp works under the view's lock.
func (p *Projector) catchUp(ctx context.Context, head eventlog.Head, l limits) (Status, error) {
	st, err := p.stateBy(ctx, openHeld)
	if err != nil && !isDamage(err) && !errors.Is(err, fs.ErrNotExist) {
		return Status{}, Explain(err)
	}
	why := p.unfit(st, head)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		why = Missing
	case err != nil:
		why = damageOf(err)
	}
	if why == "" && l.enough == nil && farBehind(st.checkpoint, head.Seq) {
		return p.rebuild(ctx, "")
	}
	if why == "" {
		checkpoint, err := p.advance(ctx, st, l)
		switch {
		case errors.Is(err, errEnough):
			return Status{Checkpoint: checkpoint, Head: max(head.Seq, checkpoint), Held: stoppedEarly}, nil
		case errors.Is(err, errUnlike):
			why = "does not match the log"
		case isDamage(err), isConstraint(err):
			why = damageOf(err)
		case isBusy(err):
			return Status{Checkpoint: checkpoint, Head: max(head.Seq, checkpoint), Held: "another program is writing to it"}, nil
		case err != nil:
			return Status{Checkpoint: checkpoint, Head: max(head.Seq, checkpoint)}, fmt.Errorf("bring %s up to the log: %w", p.Path(), Explain(err))
		default:
			return Status{Checkpoint: checkpoint, Head: max(head.Seq, checkpoint)}, nil
		}
	}
	return p.rebuild(ctx, why)
}

// Missing is what [Status].Rebuilt says of a view that was not there.
const Missing = "is missing"

const (
	damaged      = "is damaged"
	otherVersion = "was made by another version of explog"
)

// farBehind reports whether building the view anew is the faster way: a bulk load
// writes some three times the rows per second.
func farBehind(checkpoint, head uint64) bool {
	lag := head - checkpoint
	return lag > 10_000 && lag > checkpoint
}

// Rebuild builds the view anew from the log. Readers that have it open see the
// old rows or the new, never a part of them.
func (p *Projector) Rebuild(ctx context.Context) (Status, error) {
	if _, err := p.log.Head(ctx); err != nil {
		return Status{}, err
	}
	p = p.begun()
	unlock, err := p.lock(ctx)
	if err != nil {
		return Status{}, fmt.Errorf("view %s: %w", p.Path(), err)
	}
	defer unlock()
	return p.rebuild(ctx, "")
}

// State returns the checkpoint of the view as it is, and the log's head.
func (p *Projector) State(ctx context.Context) (Status, error) {
	head, err := p.log.Head(ctx)
	if err != nil {
		return Status{}, err
	}
	st, err := p.begun().readState(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Status{Head: head.Seq, Held: Missing}, nil
	case isDamage(err):
		return Status{Head: head.Seq, Held: damageOf(err)}, nil
	case isBusy(err):
		return Status{Head: head.Seq, Held: "is locked by another program"}, nil
	case err != nil:
		return Status{}, Explain(err)
	}
	return Status{Checkpoint: st.checkpoint, Head: head.Seq, Held: p.unfit(st, head)}, nil
}

// lock takes the view's lock; unlock gives it back.
func (p *Projector) lock(ctx context.Context) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(p.dir, p.view.Name+".lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := flock.Lock(ctx, f, p.left()); err != nil {
		return nil, err
	}
	return func() { f.Close() }, nil
}

// heldBy says why a lock could not be had, where a reader can do without.
func heldBy(err error) string {
	switch {
	case errors.Is(err, flock.ErrTimeout):
		return "another process is working on it"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return "the folder cannot be written"
	}
	return ""
}
