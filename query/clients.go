package query

import (
	"context"
	"database/sql"
)

// maxClients is how many clients are listed at most.
const maxClients = 10_000

// Clients returns the clients that have records, in the order of their names; of more
// than 10,000 the first.
func (r *Reader) Clients(ctx context.Context) ([]string, error) {
	// One look into the index for each client, where DISTINCT would read all of it.
	const next = `WITH RECURSIVE clients (name) AS (
  SELECT min(client_id) FROM experiments
  UNION ALL
  SELECT (SELECT min(client_id) FROM experiments WHERE client_id > clients.name) FROM clients WHERE name IS NOT NULL
)
SELECT name FROM clients WHERE name IS NOT NULL LIMIT ?`
	scan := func(rows *sql.Rows) (name string, err error) {
		err = rows.Scan(&name)
		return name, err
	}
	var list []string
	for name, err := range each(ctx, r.db, scan, next, maxClients) {
		if err != nil {
			return nil, err
		}
		list = append(list, name)
	}
	return list, nil
}
