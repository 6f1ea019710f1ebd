package query

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/explog/explog/event"
	"github.com/explog/explog/projector"
)

// Reject is input that could not become a record, with its place in the log.
type Reject struct {
	Seq uint64
	ID  string
	event.Rejected
}

// Rejects yields all rejects in log order; with record set, those that are in
// conflict with that record.
func (r *Reader) Rejects(ctx context.Context, record string) iter.Seq2[Reject, error] {
	return func(yield func(Reject, error) bool) { r.RejectsAfter(ctx, record, new(Cursor))(yield) }
}

// RejectsAfter is [Reader.Rejects] from a cursor on, as [Reader.RowsAfter].
func (r *Reader) RejectsAfter(ctx context.Context, record string, c *Cursor) iter.Seq2[Reject, error] {
	query := `SELECT seq, id, faults, source, line, "offset", record_id, length, sha256, raw FROM rejects WHERE seq > ?`
	args := []any{c.seq}
	if record != "" {
		query += " AND record_id = ?"
		args = append(args, record)
	}
	scan := func(rows *sql.Rows) (Reject, error) {
		rej, err := scanReject(rows)
		if err == nil {
			c.seq = int64(rej.Seq)
		}
		return rej, err
	}
	return each(ctx, r.db, scan, query+" ORDER BY seq", args...)
}

func scanReject(rows *sql.Rows) (Reject, error) {
	var rej Reject
	var faults []byte
	var conflict, sum sql.NullString
	var length sql.NullInt64
	err := rows.Scan(&rej.Seq, &rej.ID, &faults, &rej.Source, &rej.Line, &rej.Offset, &conflict, &length, &sum, &rej.Raw)
	if err != nil {
		return rej, err
	}
	if err := json.Unmarshal(faults, &rej.Faults); err != nil {
		return rej, fmt.Errorf("%w: reject %d: %w", ErrDamaged, rej.Seq, err)
	}
	rej.Record, rej.Length, rej.SHA256 = conflict.String, length.Int64, sum.String
	return rej, nil
}

// Totals are counts over the whole view.
type Totals struct {
	Records int64            `json:"records"`
	Rejects map[string]int64 `json:"rejects"` // by reason
	Dead    int64            `json:"dead_events"`
	// FirstDead are the first of the dead events, at most 10.
	FirstDead []DeadEvent `json:"first_dead,omitempty"`
}

// DeadEvent is an event that is in the log and not in the view's other tables.
type DeadEvent struct {
	Seq    uint64 `json:"seq"`
	Reason string `json:"reason"` // why it could not be folded
}

func firstDead(ctx context.Context, db *projector.DB) ([]DeadEvent, error) {
	var dead []DeadEvent
	scan := func(rows *sql.Rows) (d DeadEvent, err error) { return d, rows.Scan(&d.Seq, &d.Reason) }
	for d, err := range each(ctx, db, scan, "SELECT seq, reason FROM dead_events ORDER BY seq LIMIT 10") {
		if err != nil {
			return nil, err
		}
		dead = append(dead, d)
	}
	return dead, nil
}

// Totals counts what the view holds.
func (r *Reader) Totals(ctx context.Context) (Totals, error) {
	t := Totals{Rejects: map[string]int64{}}
	err := r.db.QueryRowContext(ctx, "SELECT (SELECT count(*) FROM experiments), (SELECT count(*) FROM dead_events)").Scan(&t.Records, &t.Dead)
	if err != nil {
		return t, wrap(err)
	}
	if t.FirstDead, err = firstDead(ctx, r.db); err != nil {
		return t, err
	}
	rows, err := r.db.QueryContext(ctx, "SELECT reason, count(*) FROM rejects GROUP BY reason")
	if err != nil {
		return t, wrap(err)
	}
	defer rows.Close()
	for rows.Next() {
		var reason string
		var n int64
		if err := rows.Scan(&reason, &n); err != nil {
			return t, wrap(err)
		}
		t.Rejects[reason] = n
	}
	return t, wrap(rows.Err())
}
