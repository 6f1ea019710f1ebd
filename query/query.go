// Package query reads views: records and rejects by filters, counts, and exports.
//
// It only reads. Results that can be large are streamed, so memory does not grow
// with the store. How the rows got there is the projector's business; the caller
// has the view caught up before it opens a [Reader].
package query

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"

	"github.com/explog/explog/event"
	"github.com/explog/explog/projector"
)

// ErrDamaged is wrapped by errors that mean that the view's file is damaged and
// must be built anew.
var ErrDamaged = errors.New("query: the view is damaged")

// Reader reads the view of experiments.
type Reader struct {
	db *projector.DB
}

// Open opens a view's file.
func Open(ctx context.Context, path string) (*Reader, error) {
	db, err := projector.OpenReader(ctx, path)
	if err != nil {
		return nil, wrap(err)
	}
	return &Reader{db}, nil
}

// Close ends the reader.
func (r *Reader) Close() error { return r.db.Close() }

func wrap(err error) error {
	if projector.IsDamage(err) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// Rows yields the records that match a filter, as the view keeps them.
func (r *Reader) Rows(ctx context.Context, f Filter) iter.Seq2[event.Row, error] {
	return func(yield func(event.Row, error) bool) {
		err := r.scan(ctx, f, func(row event.Row) bool { return yield(row, nil) })
		if err != nil {
			yield(event.Row{}, err)
		}
	}
}

// scan calls visit for each row until it returns false.
func (r *Reader) scan(ctx context.Context, f Filter, visit func(event.Row) bool) error {
	query, args := f.sql(selectRow)
	rows, err := r.db.QueryContext(ctx, query, args...)
	if err != nil {
		return wrap(err)
	}
	defer rows.Close()
	for rows.Next() {
		row, err := scanRow(rows)
		if err != nil {
			return wrap(err)
		}
		if !visit(row) {
			return nil
		}
	}
	return wrap(rows.Err())
}

// selectRow selects what scanRow reads.
const selectRow = `SELECT id, client_id, run_id, problem, solution, score, score_text, timestamp,
account_snapshot, sources_used, extra FROM experiments`

func scanRow(from interface{ Scan(...any) error }) (event.Row, error) {
	var row event.Row
	var score float64
	var spelling, extra sql.NullString
	err := from.Scan(&row.ID, &row.ClientID, &row.RunID, &row.Problem, &row.Solution, &score, &spelling, &row.Timestamp,
		&row.AccountSnapshot, &row.SourcesUsed, &extra)
	if row.Score = spelling.String; !spelling.Valid {
		row.Score = strconv.FormatFloat(score, 'g', -1, 64)
	}
	row.Extra = extra.String
	return row, err
}

// IDs returns up to limit ids that begin with a prefix, in order.
func (r *Reader) IDs(ctx context.Context, prefix string, limit int) ([]string, error) {
	rows, err := r.db.QueryContext(ctx, "SELECT id FROM experiments WHERE id >= ? AND id < ? ORDER BY id LIMIT ?", prefix, prefix+"~", limit)
	if err != nil {
		return nil, wrap(err)
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, wrap(err)
		}
		ids = append(ids, id)
	}
	return ids, wrap(rows.Err())
}

// Records yields the records that match a filter.
func (r *Reader) Records(ctx context.Context, f Filter) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		for row, err := range r.Rows(ctx, f) {
			if err != nil {
				yield(event.Record{}, err)
				return
			}
			if !yield(row.Record(), nil) {
				return
			}
		}
	}
}

// Count returns how many records match a filter.
func (r *Reader) Count(ctx context.Context, f Filter) (int64, error) {
	where, args := f.where()
	query := "SELECT count(*) FROM experiments" + where
	if f.onlyClient() { // the projector keeps count
		query = "SELECT coalesce(sum(records), 0) FROM clients" + where
	}
	var n int64
	err := r.db.QueryRowContext(ctx, query, args...).Scan(&n)
	if f.Limit > 0 {
		n = min(n, int64(f.Limit))
	}
	return n, wrap(err)
}

// Export writes the records that match a filter as JSONL: per line one record
// with the nine fields in schema order and, with all set, those that the schema
// does not know. It returns the number of lines that it wrote.
func (r *Reader) Export(ctx context.Context, w io.Writer, f Filter, all bool) (int64, error) {
	const flushAt = 256 << 10
	var n, written int64
	var failed error
	line := make([]byte, 0, 2*flushAt)
	err := r.scan(ctx, f, func(row event.Row) bool {
		line = append(row.AppendJSON(line, all), '\n')
		n++
		if len(line) < flushAt {
			return true
		}
		_, failed = w.Write(line)
		line, written = line[:0], n
		return failed == nil
	})
	if err == nil && failed == nil {
		_, failed = w.Write(line)
		written = n
	}
	return written, errors.Join(err, failed)
}
