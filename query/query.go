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
	"time"

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

// Open opens a view's file. Reading waits up to wait for a program that has it locked.
func Open(ctx context.Context, path string, wait time.Duration) (*Reader, error) {
	db, err := projector.OpenReader(ctx, path, wait)
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
	return projector.Explain(err)
}

// Rows yields the records that match a filter, as the view keeps them. An invalid
// filter is [ErrFilter].
func (r *Reader) Rows(ctx context.Context, f Filter) iter.Seq2[event.Row, error] {
	return func(yield func(event.Row, error) bool) { r.RowsAfter(ctx, f, new(Cursor))(yield) }
}

// Cursor is a place between two rows of a result. The zero value is the beginning.
// It stays valid when the view is rebuilt.
type Cursor struct {
	rows    int // before it
	seq     int64
	instant int64
	score   float64
}

// RowsAfter is [Reader.Rows] from a cursor on. It moves the cursor behind each row
// before it yields the row.
func (r *Reader) RowsAfter(ctx context.Context, f Filter, c *Cursor) iter.Seq2[event.Row, error] {
	if err := f.Check(); err != nil {
		return func(yield func(event.Row, error) bool) { yield(event.Row{}, err) }
	}
	if f.Limit > 0 && c.rows >= f.Limit {
		return func(func(event.Row, error) bool) {}
	}
	query, args := f.sql(selectRow, *c)
	scan := func(rows *sql.Rows) (event.Row, error) {
		next := Cursor{rows: c.rows + 1}
		row, err := scanRow(rows, &next.seq, &next.instant, &next.score)
		if err == nil {
			*c = next
		}
		return row, err
	}
	return each(ctx, r.db, scan, query, args...)
}

// selectRow selects what scanRow reads.
const selectRow = `SELECT seq, instant, score, id, client_id, run_id, problem, solution, score_text, timestamp,
account_snapshot, sources_used, extra FROM experiments`

func scanRow(from interface{ Scan(...any) error }, seq, instant *int64, score *float64) (event.Row, error) {
	var row event.Row
	var spelling, extra sql.NullString
	err := from.Scan(seq, instant, score, &row.ID, &row.ClientID, &row.RunID, &row.Problem, &row.Solution, &spelling, &row.Timestamp,
		&row.AccountSnapshot, &row.SourcesUsed, &extra)
	if row.Score = spelling.String; !spelling.Valid {
		row.Score = strconv.FormatFloat(*score, 'g', -1, 64)
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
	if err := f.Check(); err != nil {
		return 0, err
	}
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

// Export writes the records that match a filter as JSONL: see [WriteJSONL].
func (r *Reader) Export(ctx context.Context, w io.Writer, f Filter, all bool) (int64, error) {
	return WriteJSONL(w, r.Rows(ctx, f), all)
}

// WriteJSONL writes one record per line with the nine fields in schema order and, with
// all set, those that the schema does not know. It returns the number of lines that it
// wrote.
func WriteJSONL(w io.Writer, rows iter.Seq2[event.Row, error], all bool) (int64, error) {
	const flushAt = 256 << 10
	var n, written int64
	line := make([]byte, 0, 2*flushAt)
	for row, err := range rows {
		if err != nil {
			return written, err
		}
		line = append(row.AppendJSON(line, all), '\n')
		n++
		if len(line) < flushAt {
			continue
		}
		if _, err := w.Write(line); err != nil {
			return n, err
		}
		line, written = line[:0], n
	}
	if _, err := w.Write(line); err != nil {
		return written, err
	}
	return n, nil
}
