package projector

import (
	"context"
	"database/sql"
	"fmt"
	"iter"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/explog/explog/eventlog"
)

// loadSingly is load for a log with events that do not fit into one view, because it
// has a key twice. Each event is folded by itself with the indexes in place, which takes
// longer. An event that does not fit becomes a dead event and changes nothing else.
func (p *Projector) loadSingly(ctx context.Context, tx *sql.Tx, st *state, events iter.Seq2[eventlog.Event, error]) error {
	for _, ddl := range []string{viewSchema, p.view.Schema, p.view.Indexes} {
		if _, err := tx.ExecContext(ctx, ddl); err != nil {
			return fmt.Errorf("make tables: %w", err)
		}
	}
	a := newApplier(ctx, tx, p.view)
	for ev, err := range events {
		if err != nil {
			return err
		}
		if err := a.foldSingly(ev); err != nil {
			return err
		}
		st.moveTo(ev)
	}
	if err := a.finish(); err != nil {
		return err
	}
	return writeState(ctx, tx, *st)
}

// foldSingly applies one event, or if it does not fit, a dead event in its place.
func (a *applier) foldSingly(ev eventlog.Event) error {
	if err := a.exec("SAVEPOINT event", nil); err != nil {
		return err
	}
	f := folded{}.with(a.view, ev)
	err := a.applyRows(f)
	if isConstraint(err) {
		if err := a.exec("ROLLBACK TO event", nil); err != nil {
			return err
		}
		a.results.forget()
		f = folded{emitted: []emitted{{insertDead, []any{ev.Seq, ev.Type, ev.Version, misfit(ev, err)}}}}
		err = a.applyRows(f)
	}
	if err != nil {
		return err
	}
	for _, e := range f.emitted {
		if e.statement.Sum {
			a.add(e.statement, e.args[0], e.args[1].(int64))
		}
	}
	return a.exec("RELEASE event", nil)
}

// applyRows runs all that a fold emitted but its sums, at once.
func (a *applier) applyRows(f folded) error {
	for _, e := range f.emitted {
		if e.statement.Sum {
			continue
		}
		if err := a.emit(e.statement, e.args); err != nil {
			return err
		}
	}
	if err := a.flush(); err != nil {
		return err
	}
	return a.results.finish()
}

// misfit says why an event does not fit into the view.
func misfit(ev eventlog.Event, err error) string {
	switch detailOf(err) {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return fmt.Sprintf("the log has the key %s already", ev.ID)
	}
	return fmt.Sprintf("the view does not accept it: %v", err)
}
