package query

import (
	"context"
	"database/sql"
	"iter"

	"github.com/explog/explog/projector"
)

// each yields the rows of a query. It yields nothing after an error, and nothing once
// the caller has ended the range, also if closing the rows fails.
func each[T any](ctx context.Context, db *projector.DB, scan func(*sql.Rows) (T, error), query string, args ...any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		rows, err := db.QueryContext(ctx, query, args...)
		if err != nil {
			yield(none, wrap(err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			v, err := scan(rows)
			if err != nil {
				yield(none, wrap(err))
				return
			}
			if !yield(v, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(none, wrap(err))
		}
	}
}
