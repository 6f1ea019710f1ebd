package projector

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/explog/explog/eventlog"
)

// viewSchema has the tables that every view has beside its own.
//
//go:embed view.sql
var viewSchema string

// state is what a view says of itself.
type state struct {
	logID      string
	version    int
	checkpoint uint64
	hash       string // of the chain after the checkpoint, hexadecimal
}

// readState opens the view and reads what it says of itself. A view that is not
// there is [fs.ErrNotExist].
func (p *Projector) readState(ctx context.Context) (state, error) {
	return p.stateBy(ctx, OpenReader)
}

// stateBy is readState with a way to open the view.
func (p *Projector) stateBy(ctx context.Context, open func(context.Context, string, time.Duration) (*DB, error)) (state, error) {
	if _, err := os.Stat(p.Path()); err != nil {
		return state{}, err
	}
	db, err := open(ctx, p.Path(), p.left())
	if err != nil {
		return state{}, err
	}
	defer db.Close()
	st, err := stateIn(ctx, db)
	if err == nil && st.version == p.view.Version { // else it is rebuilt anyway
		err = errors.Join(hasSums(p.Path()), p.hasTables(ctx, db))
	}
	return st, err
}

// hasTables returns an error of damage if a table of the view is missing: some are
// rarely written, and a reader that has begun cannot rebuild the view.
func (p *Projector) hasTables(ctx context.Context, q querier) error {
	var n int
	names := "'" + strings.Join(p.view.Tables, "','") + "'"
	err := q.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ("+names+")").Scan(&n)
	if err == nil && n < len(p.view.Tables) {
		err = fmt.Errorf("%w: a table is missing", errDamage)
	}
	return err
}

// querier is what *sql.DB, *sql.Conn and *sql.Tx share.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func stateIn(ctx context.Context, q querier) (state, error) {
	var st state
	err := q.QueryRowContext(ctx, "SELECT log_id, version, checkpoint, checkpoint_hash FROM explog_view").
		Scan(&st.logID, &st.version, &st.checkpoint, &st.hash)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return state{}, fmt.Errorf("%w: it does not say what it contains", errDamage)
	case err != nil && codeOf(err) == 0 && ctx.Err() == nil: // a value is not what it should be
		return state{}, fmt.Errorf("%w: its checkpoint cannot be read: %w", errDamage, err)
	case err != nil:
		return state{}, fmt.Errorf("read the view's checkpoint: %w", err)
	}
	return st, nil
}

// writeState moves the checkpoint, in the transaction that moves the rows.
func writeState(ctx context.Context, tx *sql.Tx, st state) error {
	_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO explog_view(one, log_id, version, checkpoint, checkpoint_hash) VALUES (1, ?, ?, ?, ?)",
		st.logID, st.version, st.checkpoint, st.hash)
	return err
}

// start is the state of a view with nothing in it.
func (p *Projector) start(head eventlog.Head) state {
	return state{logID: head.ID.String(), version: p.view.Version}
}

// moveTo moves the checkpoint to an event and returns the hash there.
func (st *state) moveTo(ev eventlog.Event) string {
	st.checkpoint, st.hash = ev.Seq, hex.EncodeToString(ev.Hash[:])
	return st.hash
}

// unfit says why a view cannot be continued from where it is; empty: it can.
func (p *Projector) unfit(st state, head eventlog.Head) string {
	switch {
	case st.version != p.view.Version:
		return otherVersion
	case st.logID != head.ID.String():
		return "belongs to another log"
	case st.checkpoint > head.Seq:
		return "is ahead of the log"
	case st.checkpoint == head.Seq && head.Seq > 0 && st.hash != hex.EncodeToString(head.Hash[:]):
		return "does not match the log"
	}
	return ""
}

// errDamage marks a view that cannot be read as one.
var errDamage = errors.New("the view is damaged")

// errUnbound: nothing says whether the pages of the view belong together.
var errUnbound = fmt.Errorf("%w: its file of checksums is missing", errDamage)

// errUnlike: the event at the checkpoint is not the one that the view contains.
var errUnlike = fmt.Errorf("%w: the log has another event at the checkpoint", errDamage)
