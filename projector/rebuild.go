package projector

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"modernc.org/sqlite"

	"github.com/explog/explog/eventlog"
	"github.com/explog/explog/eventlog/failpoint"
)

// rebuild folds the whole log into a fresh file and puts it in the live view's
// place. It works under the view's lock.
func (p *Projector) rebuild(ctx context.Context, why string) (Status, error) {
	pageSize, err := p.livePageSize(ctx)
	if err != nil {
		return Status{}, Explain(err)
	}
	if err := p.sweep(); err != nil {
		return Status{}, err
	}
	fresh := fmt.Sprintf("%s.new-%d", p.Path(), os.Getpid())
	defer func() { _ = removeView(fresh) }() // what it leaves, the next rebuild sweeps
	st, err := p.build(ctx, fresh, pageSize, all)
	if err == nil {
		err = failpoint.Hit(failpoint.ViewBuilt)
	}
	if err != nil {
		return Status{}, fmt.Errorf("build %s: %w", p.Path(), Explain(err))
	}
	if pageSize > 0 {
		err = p.pour(ctx, fresh)
	}
	if pageSize == 0 || isDamage(err) {
		err = p.replace(ctx, fresh)
	}
	if err != nil {
		return Status{}, fmt.Errorf("put the new %s in place: %w", p.Path(), Explain(err))
	}
	return Status{Checkpoint: st.checkpoint, Head: st.checkpoint, Rebuilt: why}, nil
}

// sweep removes what rebuilds that were killed left behind. The lock says that
// none is at work.
func (p *Projector) sweep() error {
	entries, err := os.ReadDir(p.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		var err error
		switch rest, _ := strings.CutPrefix(e.Name(), filepath.Base(p.Path())); {
		case strings.HasPrefix(rest, ".new-"):
			err = os.Remove(filepath.Join(p.dir, e.Name()))
		case strings.HasPrefix(rest, followSuffix) && !ofRunningFollower(filepath.Join(p.dir, e.Name())):
			err = removeFollowing(filepath.Join(p.dir, e.Name()))
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// livePageSize returns the page size of a live view that a new one can be poured
// into; 0: there is none, or it is damaged or cannot be read.
func (p *Projector) livePageSize(ctx context.Context) (int, error) {
	if _, err := os.Stat(p.Path()); errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	db, err := openHeld(ctx, p.Path(), p.left())
	if err == nil {
		defer db.Close()
		var size int
		if err = db.QueryRowContext(ctx, "PRAGMA page_size").Scan(&size); err == nil {
			_, err = stateIn(ctx, db)
		}
		if err == nil {
			err = hasSums(p.Path())
		}
		if err == nil {
			return size, nil
		}
	}
	if isDamage(err) || isDiskError(err) {
		return 0, nil
	}
	return 0, err
}

// build folds the log into a new file at full speed: no journal, no syncs but one
// at the end, indexes last. If it fails half-way the file is worth nothing, which
// is why it is not the live one. It stops at the first event that is not among those
// wanted. Where the log has events that do not fit into one view, it starts again and
// leaves those out.
func (p *Projector) build(ctx context.Context, path string, pageSize int, among func(eventlog.Event) bool) (state, error) {
	events := func(yield func(eventlog.Event, error) bool) {
		for ev, err := range p.log.Events(ctx, 1) {
			if err == nil && !among(ev) || !yield(ev, err) {
				return
			}
		}
	}
	st, err := p.buildFrom(ctx, path, pageSize, events)
	if !isConstraint(err) {
		return st, err
	}
	if err := removeView(path); err != nil {
		return state{}, err
	}
	return p.buildBy(ctx, path, pageSize, "MEMORY", func(tx *sql.Tx, st *state) error { return p.loadSingly(ctx, tx, st, events) })
}

// newPageSize is the page size of a new view, in bytes. Rows are some 1 KiB: with pages of 4 KiB
// each fourth row begins a page, and a load spends a third of its time on pages.
const newPageSize = 32 << 10

// buildFrom folds events that begin with the first into a new file.
func (p *Projector) buildFrom(ctx context.Context, path string, pageSize int, events iter.Seq2[eventlog.Event, error]) (state, error) {
	return p.buildBy(ctx, path, pageSize, "OFF", func(tx *sql.Tx, st *state) error { return p.load(ctx, tx, st, events) })
}

// buildBy makes a new file and fills it in one transaction.
func (p *Projector) buildBy(ctx context.Context, path string, pageSize int, journal string, load func(*sql.Tx, *state) error) (state, error) {
	if pageSize == 0 {
		pageSize = newPageSize
	}
	head, err := p.log.Head(ctx)
	if err != nil {
		return state{}, err
	}
	db, err := openNew(path, pageSize, journal)
	if err != nil {
		return state{}, err
	}
	st := p.start(head)
	err = inTx(ctx, db, func(tx *sql.Tx) error { return load(tx, &st) })
	return st, errors.Join(err, db.Close())
}

func all(eventlog.Event) bool { return true }

// load makes the tables, folds events into them and makes the indexes.
func (p *Projector) load(ctx context.Context, tx *sql.Tx, st *state, events iter.Seq2[eventlog.Event, error]) error {
	for _, ddl := range []string{viewSchema, p.view.Schema} {
		if _, err := tx.ExecContext(ctx, ddl); err != nil {
			return fmt.Errorf("make tables: %w", err)
		}
	}
	a := newApplier(ctx, tx, p.view)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for chunk := range p.foldAll(ctx, events) {
		if chunk.err != nil {
			return chunk.err
		}
		if err := a.apply(chunk.folded); err != nil {
			return err
		}
		st.moveTo(chunk.last)
	}
	if err := ctx.Err(); err != nil { // it was not the log that ended
		return err
	}
	if err := a.finish(); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, p.view.Indexes); err != nil {
		return fmt.Errorf("make indexes: %w", err)
	}
	return writeState(ctx, tx, *st)
}

// foldedChunk is what some events fold to, or why there are no more.
type foldedChunk struct {
	folded
	err error
}

// A chunk is so many events, or so many bytes of their payloads, at most.
const (
	eventsPerChunk = 256
	bytesPerChunk  = 1 << 20
)

// foldAll folds events while who receives the chunks writes them. It ends with the
// events, or with the context.
func (p *Projector) foldAll(ctx context.Context, events iter.Seq2[eventlog.Event, error]) <-chan foldedChunk {
	chunks := make(chan foldedChunk, 2)
	go func() {
		defer close(chunks)
		var f folded
		n, bytes := 0, 0
		give := func(err error) bool {
			select {
			case chunks <- foldedChunk{f, err}:
				f, n, bytes = folded{}, 0, 0
				return true
			case <-ctx.Done():
				return false
			}
		}
		for ev, err := range events {
			if err != nil {
				give(err)
				return
			}
			f = f.with(p.view, ev)
			n, bytes = n+1, bytes+len(ev.Data)
			if (n == eventsPerChunk || bytes >= bytesPerChunk) && !give(nil) {
				return
			}
		}
		if n > 0 {
			give(nil)
		}
	}()
	return chunks
}

// finish turns a new file into one that lives in WAL mode, and syncs it.
func finish(ctx context.Context, path string) error {
	db, err := open(path, "_pragma=journal_mode(WAL)")
	if err != nil {
		return err
	}
	if err := errors.Join(db.PingContext(ctx), db.Close()); err != nil {
		return err
	}
	return errors.Join(syncFile(path), syncFile(path+sumsSuffix))
}

// pour copies a new file into the live one in one transaction, by SQLite's online
// backup: whoever has the live file open sees the old rows, then the new.
func (p *Projector) pour(ctx context.Context, fresh string) error {
	source, err := dsn(fresh, "mode=ro")
	if err != nil {
		return err
	}
	db, err := openWriter(p.Path(), p.left())
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	err = conn.Raw(func(c any) error {
		backup, err := c.(interface {
			NewRestore(string) (*sqlite.Backup, error)
		}).NewRestore(source)
		if err != nil {
			return err
		}
		return errors.Join(stepAll(ctx, backup, max(p.left(), min(p.wait, p.patience))), backup.Finish())
	})
	if err != nil {
		return err
	}
	if err := failpoint.Hit(failpoint.ViewPoured); err != nil {
		return err
	}
	// The copy stands in the write-ahead log too. Shrinking that has to wait for
	// readers; if there are any, a later writer does it.
	_, err = conn.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	if isBusy(err) {
		return nil
	}
	return err
}

// stepAll copies everything in one step. Only a writer that is not explog can
// keep it waiting.
func stepAll(ctx context.Context, backup *sqlite.Backup, wait time.Duration) error {
	for deadline := time.Now().Add(wait); ; {
		more, err := backup.Step(-1)
		if err == nil && !more {
			return nil
		}
		if err != nil && !isBusy(err) {
			return err
		}
		if time.Now().After(deadline) {
			return errors.Join(errors.New("another program is writing to it"), err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// replace puts a new file where there is no live one, or a damaged one.
func (p *Projector) replace(ctx context.Context, fresh string) error {
	if err := finish(ctx, fresh); err != nil {
		return err
	}
	if err := failpoint.Hit(failpoint.ViewFinished); err != nil {
		return err
	}
	if err := removeView(p.Path()); err != nil {
		return err
	}
	// A file system may forget a removal in a power cut and remember a later rename:
	// the old write-ahead log would be back, and be applied to the new file.
	if err := syncFile(p.dir); err != nil {
		return err
	}
	if err := failpoint.Hit(failpoint.ViewRemoved); err != nil {
		return err
	}
	if err := os.Rename(fresh+sumsSuffix, p.Path()+sumsSuffix); err != nil {
		return err
	}
	return os.Rename(fresh, p.Path())
}
