package explog

import (
	"context"

	"github.com/explog/explog/query"
)

// Clients returns the clients that have records, in the order of their names; of more
// than 10,000 the first.
func (l *Logger) Clients(ctx context.Context) (list []string, err error) {
	err = l.reading(ctx, func(r *query.Reader) error {
		list, err = r.Clients(ctx)
		return err
	})
	return list, err
}
