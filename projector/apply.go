package projector

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/explog/explog/eventlog"
	"github.com/explog/explog/eventlog/failpoint"
)

// rowsPerInsert is how many rows one statement puts in.
const rowsPerInsert = 20

var insertDead = &Statement{SQL: "INSERT INTO dead_events(seq, type, version, reason) VALUES ", Columns: 4}

// applier runs what folds emit inside one transaction.
type applier struct {
	ctx      context.Context // of the one call that the applier lives in
	tx       *sql.Tx
	view     View
	prepared map[string]*sql.Stmt
	bulk     map[*Statement]*sql.Stmt // that put in rowsPerInsert rows
	insert   *Statement               // rows of it are waiting
	args     []any
	sums     []*sum // in the order in which they were met: the log's
	sumOf    map[sumKey]*sum
	results  *results
}

type sumKey struct {
	statement *Statement
	key       any
}

// sum is what a statement with Sum set waits to run with.
type sum struct {
	sumKey
	amount int64
}

func newApplier(ctx context.Context, tx *sql.Tx, view View) *applier {
	a := &applier{ctx: ctx, tx: tx, view: view, prepared: make(map[string]*sql.Stmt), bulk: make(map[*Statement]*sql.Stmt), sumOf: make(map[sumKey]*sum)}
	a.results = newResults(a)
	return a
}

// fold applies one event.
func (a *applier) fold(ev eventlog.Event) error {
	return a.apply(folded{}.with(a.view, ev))
}

// apply runs what folds emitted.
func (a *applier) apply(f folded) error {
	for _, e := range f.emitted {
		if err := a.emit(e.statement, e.args); err != nil {
			return err
		}
	}
	return nil
}

func (a *applier) emit(s *Statement, args []any) error {
	if s.Sum {
		a.add(s, args[0], args[1].(int64))
		return nil
	}
	if s.Change != nil {
		if err := a.flushRows(); err != nil {
			return err
		}
		return s.Change(a.results, args)
	}
	if s.Columns > 0 {
		return a.insertRow(s, args)
	}
	if err := a.flush(); err != nil {
		return err
	}
	return a.exec(s.SQL, args)
}

// insertRow puts in a row, at the latest before the next statement.
func (a *applier) insertRow(s *Statement, args []any) error {
	if s != a.insert {
		if err := a.flushRows(); err != nil {
			return err
		}
	}
	a.insert, a.args = s, append(a.args, args...)
	if len(a.args) == rowsPerInsert*s.Columns {
		return a.flushRows()
	}
	return nil
}

// add adds to a sum.
func (a *applier) add(s *Statement, key any, amount int64) {
	k := sumKey{s, key}
	if a.sumOf[k] == nil {
		a.sumOf[k] = &sum{sumKey: k}
		a.sums = append(a.sums, a.sumOf[k])
	}
	a.sumOf[k].amount += amount
}

// finish runs what is waiting.
func (a *applier) finish() error {
	if err := a.flush(); err != nil {
		return err
	}
	if err := a.results.finish(); err != nil {
		return err
	}
	for _, s := range a.sums {
		if err := a.exec(s.statement.SQL, []any{s.key, s.amount}); err != nil {
			return err
		}
	}
	a.sums = nil
	clear(a.sumOf)
	return nil
}

// folded is what the folds of some events emitted, in order.
type folded struct {
	emitted []emitted
	last    eventlog.Event // without its data
}

type emitted struct {
	statement *Statement
	args      []any
}

// with adds what the fold of an event emits: rows, or a dead event.
func (f folded) with(view View, ev eventlog.Event) folded {
	before := len(f.emitted)
	err := view.Fold(ev, func(s *Statement, args ...any) { f.emitted = append(f.emitted, emitted{s, args}) })
	if err != nil {
		dead := emitted{insertDead, []any{ev.Seq, ev.Type, ev.Version, err.Error()}}
		f.emitted = append(f.emitted[:before], dead)
	}
	f.last = ev
	f.last.Data = nil
	return f
}

// flush writes all that is waiting, so that the next statement sees it.
func (a *applier) flush() error {
	if err := a.flushRows(); err != nil {
		return err
	}
	return a.results.flush()
}

// flushRows puts in the rows that are waiting.
func (a *applier) flushRows() error {
	if a.insert == nil {
		return nil
	}
	s, args := a.insert, a.args
	a.insert, a.args = nil, a.args[:0]
	if len(args) == rowsPerInsert*s.Columns {
		return a.execBulk(s, args)
	}
	for ; len(args) > 0; args = args[s.Columns:] {
		if err := a.exec(insertSQL(s, 1), args[:s.Columns]); err != nil {
			return err
		}
	}
	return nil
}

// execBulk puts in rowsPerInsert rows.
func (a *applier) execBulk(s *Statement, args []any) error {
	stmt := a.bulk[s]
	if stmt == nil {
		var err error
		if stmt, err = a.prepare(insertSQL(s, rowsPerInsert)); err != nil {
			return err
		}
		a.bulk[s] = stmt
	}
	return a.execStmt(stmt, args)
}

func insertSQL(s *Statement, rows int) string {
	row := "(?" + strings.Repeat(",?", s.Columns-1) + ")"
	return s.SQL + row + strings.Repeat(","+row, rows-1)
}

func (a *applier) exec(query string, args []any) error {
	stmt, err := a.prepare(query)
	if err != nil {
		return err
	}
	return a.execStmt(stmt, args)
}

func (a *applier) execStmt(stmt *sql.Stmt, args []any) error {
	if _, err := stmt.ExecContext(a.ctx, args...); err != nil {
		return fmt.Errorf("write to the view: %w", err)
	}
	return nil
}

// query reads rows of the view as the transaction has it.
func (a *applier) query(query string, args ...any) (*sql.Rows, error) {
	stmt, err := a.prepare(query) //nolint:sqlclosecheck // it is kept until the transaction ends
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(a.ctx, args...)
	if err != nil {
		return nil, fmt.Errorf("read the view: %w", err)
	}
	return rows, nil
}

// number reads one number; 0: there is none.
func (a *applier) number(query string, args ...any) (int64, error) {
	stmt, err := a.prepare(query) //nolint:sqlclosecheck // it is kept until the transaction ends
	if err != nil {
		return 0, err
	}
	var n sql.NullInt64
	err = stmt.QueryRowContext(a.ctx, args...).Scan(&n)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("read the view: %w", err)
	}
	return n.Int64, nil
}

func (a *applier) prepare(query string) (*sql.Stmt, error) {
	if stmt := a.prepared[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := a.tx.PrepareContext(a.ctx, query)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	a.prepared[query] = stmt
	return stmt, nil
}

// The most that goes into one transaction of a live view, in events and in bytes
// of their payloads.
const (
	eventsPerCommit = 5000
	bytesPerCommit  = 8 << 20
)

// advance folds what the log has behind the view's checkpoint into the live view,
// and returns the new checkpoint. Where the limits stop it, the error is errEnough.
func (p *Projector) advance(ctx context.Context, st state, l limits) (uint64, error) {
	db, err := openWriter(p.Path(), p.left())
	if err != nil {
		return st.checkpoint, err
	}
	if err = p.advanceIn(ctx, db, &st, l); err == nil || errors.Is(err, errEnough) {
		// Another program that has the view open would move what is in the write-ahead
		// log into the file when it closes, without checksums.
		_, failed := db.ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)")
		err = errors.Join(err, failed)
	}
	return st.checkpoint, errors.Join(err, db.Close())
}

// errEnough means that there is more to fold than the limits allow.
var errEnough = errors.New("stopped early")

func (p *Projector) advanceIn(ctx context.Context, db *sql.DB, st *state, l limits) error {
	var batch []eventlog.Event
	size := 0
	for ev, err := range p.log.Events(ctx, max(st.checkpoint, 1)) {
		if err != nil {
			return err
		}
		if ev.Seq <= st.checkpoint {
			if at := *st; at.moveTo(ev) != st.hash {
				return errUnlike
			}
			continue
		}
		batch = append(batch, ev)
		if size += len(ev.Data); len(batch) == eventsPerCommit || size >= bytesPerCommit {
			if err := p.commit(ctx, db, st, batch); err != nil {
				return err
			}
			clear(batch)
			batch, size = batch[:0], 0
			if l.reached() {
				return errEnough
			}
		}
	}
	if len(batch) == 0 {
		return nil
	}
	return p.commit(ctx, db, st, batch)
}

// commit moves rows and checkpoint in one transaction.
func (p *Projector) commit(ctx context.Context, db *sql.DB, st *state, batch []eventlog.Event) error {
	next := *st
	err := inTx(ctx, db, func(tx *sql.Tx) error {
		a := newApplier(ctx, tx, p.view)
		for _, ev := range batch {
			if ev.Seq != next.checkpoint+1 {
				return fmt.Errorf("event %d follows event %d", ev.Seq, next.checkpoint)
			}
			if err := a.fold(ev); err != nil {
				return err
			}
			next.moveTo(ev)
		}
		if err := a.finish(); err != nil {
			return err
		}
		if err := writeState(ctx, tx, next); err != nil {
			return err
		}
		return failpoint.Hit(failpoint.ViewFolded)
	})
	if err != nil {
		return err
	}
	*st = next
	return failpoint.Hit(failpoint.ViewCommitted)
}

func inTx(ctx context.Context, db *sql.DB, fn func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := fn(tx); err != nil {
		_ = tx.Rollback() // what went wrong may have ended it already
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}
