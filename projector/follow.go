package projector

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math"
	"os"
	"syscall"

	"github.com/explog/explog/eventlog"
)

// Follow builds a view that is missing while the log grows, from the events in the
// appender's hand: each batch as it was appended, in order. It puts the view in place
// when there are no more. Where there is a view already, it does nothing: CatchUp is
// for that. It stops reading batches when it returns.
//
// Nobody waits for it: the view is built under another name, and if someone else has
// made one meanwhile, that one stays.
func (p *Projector) Follow(ctx context.Context, appended <-chan []eventlog.Event) error {
	first, ok := <-appended
	if _, err := os.Stat(p.Path()); !ok || err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	path := fmt.Sprintf("%s%s%d", p.Path(), followSuffix, os.Getpid())
	mark, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = removeView(path) }() // it is renamed, or worth nothing
	defer mark.Close()
	if err := syscall.Flock(int(mark.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return err
	}
	if _, err := p.buildFrom(ctx, path, 0, p.grown(ctx, first, appended)); err != nil {
		return fmt.Errorf("build %s: %w", p.Path(), Explain(err))
	}
	unlock, err := p.begun().lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := p.sweep(); err != nil {
		return err
	}
	if _, err := os.Stat(p.Path()); err == nil {
		return nil
	}
	mark.Close() // SQLite is about to open the file: closing it later would drop SQLite's locks
	return p.replace(ctx, path)
}

// followSuffix is in the names of views that are built while the log grows. Whoever
// builds one has it locked.
const followSuffix = ".following-"

// grown yields the events of the log from the first on: from the batches where they
// have them, else from the log, and in the end what the log has more.
func (p *Projector) grown(ctx context.Context, batch []eventlog.Event, appended <-chan []eventlog.Event) iter.Seq2[eventlog.Event, error] {
	return func(yield func(eventlog.Event, error) bool) {
		var at uint64
		fromLog := func(upTo uint64) bool {
			for ev, err := range p.log.Events(ctx, at+1) {
				if err == nil && ev.Seq > upTo {
					return true
				}
				if !yield(ev, err) || err != nil {
					return false
				}
				at = ev.Seq
			}
			return true
		}
		for ok := true; ok; {
			if len(batch) > 0 && batch[0].Seq > at+1 && !fromLog(batch[0].Seq-1) {
				return
			}
			for _, ev := range batch {
				if ev.Seq <= at {
					continue
				}
				if !yield(ev, nil) {
					return
				}
				at = ev.Seq
			}
			select {
			case batch, ok = <-appended:
			case <-ctx.Done():
				return
			}
		}
		fromLog(math.MaxUint64)
	}
}

// removeFollowing removes a view whose builder was killed.
func removeFollowing(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil //nolint:nilerr // it is at work
	}
	return os.Remove(path)
}
