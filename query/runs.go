package query

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/google/uuid"

	"github.com/explog/explog/event"
)

// Run is a program whose output was captured, from one start to its end.
type Run struct {
	Seq uint64 // of the start
	event.RunStarted
	// End is nil where none was logged: the program is still running, or explog was
	// killed.
	End *event.RunEnded
}

// Runs yields the runs in the order of their starts.
func (r *Reader) Runs(ctx context.Context) iter.Seq2[Run, error] {
	return func(yield func(Run, error) bool) { r.RunsAfter(ctx, new(Cursor))(yield) }
}

// RunsAfter is [Reader.Runs] from a cursor on, as [Reader.RowsAfter].
func (r *Reader) RunsAfter(ctx context.Context, c *Cursor) iter.Seq2[Run, error] {
	scan := func(rows *sql.Rows) (Run, error) {
		run, err := scanRun(rows)
		if err == nil {
			c.seq = int64(run.Seq)
		}
		return run, err
	}
	return each(ctx, r.db, scan, `SELECT seq, id, run_id, client_id, attempt, command, host, dir, git_commit, started,
ended, outcome, exit_code, signal, new, duplicate, conflicting, rejected FROM runs WHERE seq > ? ORDER BY seq`, c.seq)
}

func scanRun(rows *sql.Rows) (Run, error) {
	var run Run
	var id, command, started string
	var ended, outcome, signal sql.NullString
	var exit, fresh, duplicate, conflicting, rejected sql.NullInt64
	err := rows.Scan(&run.Seq, &id, &run.RunID, &run.Client, &run.Attempt, &command, &run.Host, &run.Dir, &run.GitCommit, &started,
		&ended, &outcome, &exit, &signal, &fresh, &duplicate, &conflicting, &rejected)
	if err != nil {
		return run, err
	}
	if run.ID, err = uuid.Parse(id); err == nil {
		err = json.Unmarshal([]byte(command), &run.Command)
	}
	if err == nil {
		run.Started, err = time.Parse(time.RFC3339Nano, started)
	}
	if err == nil && ended.Valid {
		run.End = &event.RunEnded{
			Start: run.ID, Outcome: event.RunOutcome(outcome.String), ExitCode: int(exit.Int64), Signal: signal.String,
			New: fresh.Int64, Duplicate: duplicate.Int64, Conflicting: conflicting.Int64, Rejected: rejected.Int64,
		}
		run.End.Ended, err = time.Parse(time.RFC3339Nano, ended.String)
	}
	if err != nil {
		return run, fmt.Errorf("%w: run %d: %w", ErrDamaged, run.Seq, err)
	}
	return run, nil
}
