package explog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/explog/explog/eventlog"
)

// ErrNotABackup means that a backup would overwrite a file that is no backup of
// this log.
var ErrNotABackup = eventlog.ErrNotABackup

// Compact packs the log: see [eventlog.Log.Compact]. Records stay as they are; the
// view is not touched.
func (l *Logger) Compact(ctx context.Context) (eventlog.Compacted, error) {
	c, err := l.log.Compact(ctx)
	return c, l.noStore(err)
}

// Backup writes the log, as it is now, to a file and checks it there: see
// [eventlog.Log.Backup].
func (l *Logger) Backup(ctx context.Context, path string) (eventlog.Head, error) {
	head, err := l.log.Backup(ctx, path)
	return head, l.noStore(err)
}

// Salvage copies what can be read out of a damaged log into a new store in another
// folder: see [eventlog.Log.Salvage].
func (l *Logger) Salvage(ctx context.Context, dir string) (eventlog.Salvaged, error) {
	s, err := l.log.Salvage(ctx, eventlog.New(dir, eventlog.Options{LockTimeout: l.opts.LockTimeout, Now: l.opts.Now}))
	return s, l.noStore(err)
}

// AsOf names a moment of the log: with Seq set, after that event; else the last one
// before the first event that was recorded after Time.
type AsOf struct {
	Seq  uint64
	Time time.Time
}

// ErrNoSuchMoment means that the log has not as many events.
var ErrNoSuchMoment = errors.New("explog: the log has no such moment")

// RebuildAsOf writes the view as it was at a moment to a new file, and returns the
// last event in it. The live view is not touched.
func (l *Logger) RebuildAsOf(ctx context.Context, at AsOf, path string) (uint64, error) {
	head, err := l.log.Head(ctx)
	if err != nil {
		return 0, l.noStore(err)
	}
	if at.Seq > head.Seq {
		return 0, fmt.Errorf("%w: it ends at event %d", ErrNoSuchMoment, head.Seq)
	}
	status, err := l.view.BuildAsOf(ctx, path, func(ev eventlog.Event) bool {
		if at.Seq > 0 {
			return ev.Seq <= at.Seq
		}
		return !ev.RecordedAt.After(at.Time)
	})
	return status.Checkpoint, err
}

// RepairView checks the store as Verify does, and builds a view anew if the views
// alone are wrong. The report says what was wrong; repaired, that it is no more.
func (l *Logger) RepairView(ctx context.Context) (found VerifyReport, repaired bool, err error) {
	found, err = l.Verify(ctx)
	if err != nil || found.Clean() || len(found.Log.Faults) > 0 {
		return found, false, err
	}
	if len(found.View) > 0 {
		if _, err := l.view.Rebuild(ctx); err != nil {
			return found, false, err
		}
	}
	if len(found.Hub) > 0 {
		if _, err := l.hub.Rebuild(ctx); err != nil {
			return found, false, err
		}
	}
	again, err := l.Verify(ctx)
	return found, err == nil && again.Clean(), err
}
