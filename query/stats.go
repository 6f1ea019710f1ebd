package query

import (
	"context"
	"database/sql"
	"errors"

	"github.com/explog/explog/event"
)

// Stats sum up the records that match a filter.
type Stats struct {
	Count int64 `json:"count"`
	// Mean and Quantiles are of the scores; nil where there are no records.
	Mean      *float64   `json:"mean"`
	Quantiles *Quantiles `json:"quantiles"`
	// Histogram counts scores in ten bins of equal width, from 0.0 to 1.0; the last
	// one holds 1.0 too.
	Histogram [10]int64 `json:"histogram"`
	Runs      []Group   `json:"runs"`    // by run_id, the latest first
	Sources   []Group   `json:"sources"` // by each of sources_used, the most used first
	// Best has the highest score (the first of them in the log), Latest the latest
	// timestamp.
	Best   *event.Record `json:"best"`
	Latest *event.Record `json:"latest"`
}

// Quantiles of scores, by the nearest rank: each is a score that occurs.
type Quantiles struct {
	Min    float64 `json:"min"`
	P25    float64 `json:"p25"`
	Median float64 `json:"median"`
	P75    float64 `json:"p75"`
	P90    float64 `json:"p90"`
	Max    float64 `json:"max"`
}

// Group sums up the records that have something in common.
type Group struct {
	Name  string  `json:"name"`
	Count int64   `json:"count"`
	Mean  float64 `json:"mean"`
	Best  float64 `json:"best"`
}

// Stats sums up the records that match a filter; its limit and order do not count.
func (r *Reader) Stats(ctx context.Context, f Filter) (Stats, error) {
	f.Limit, f.Order = 0, LogOrder
	if err := f.Check(); err != nil {
		return Stats{}, err
	}
	tx, err := r.db.BeginTx(ctx, nil) // one moment of the view for all queries
	if err != nil {
		return Stats{}, wrap(err)
	}
	defer tx.Rollback()
	s := Stats{Runs: []Group{}, Sources: []Group{}}
	q := statsQuery{tx: tx, filter: f}
	for _, part := range []func(context.Context, *Stats) error{q.scores, q.groups, q.records} {
		if err := part(ctx, &s); err != nil {
			return Stats{}, wrap(err)
		}
	}
	return s, nil
}

type statsQuery struct {
	tx     *sql.Tx
	filter Filter
}

// scores fills what is known of the scores alone.
func (q statsQuery) scores(ctx context.Context, s *Stats) error {
	where, args := q.filter.where()
	var mean sql.NullFloat64
	err := q.tx.QueryRowContext(ctx, "SELECT count(*), avg(score) FROM experiments"+where, args...).Scan(&s.Count, &mean)
	if err != nil || s.Count == 0 {
		return err
	}
	s.Mean = &mean.Float64
	rows, err := q.tx.QueryContext(ctx, "SELECT min(CAST(score * 10 AS INTEGER), 9) AS bin, count(*) FROM experiments"+where+" GROUP BY bin", args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var bin int
		var n int64
		if err := rows.Scan(&bin, &n); err != nil {
			return err
		}
		s.Histogram[bin] = n
	}
	if err := rows.Err(); err != nil {
		return err
	}
	s.Quantiles = new(Quantiles)
	for share, v := range map[float64]*float64{
		0: &s.Quantiles.Min, 0.25: &s.Quantiles.P25, 0.5: &s.Quantiles.Median,
		0.75: &s.Quantiles.P75, 0.9: &s.Quantiles.P90, 1: &s.Quantiles.Max,
	} {
		at := append(append([]any{}, args...), nearestRank(share, s.Count))
		if err := q.tx.QueryRowContext(ctx, "SELECT score FROM experiments"+where+" ORDER BY score LIMIT 1 OFFSET ?", at...).Scan(v); err != nil {
			return err
		}
	}
	return nil
}

// nearestRank returns the index, from 0, of a quantile among n sorted values.
func nearestRank(share float64, n int64) int64 {
	rank := int64(share * float64(n))
	if float64(rank) < share*float64(n) {
		rank++
	}
	return min(max(rank-1, 0), n-1)
}

// groups fills runs and sources.
func (q statsQuery) groups(ctx context.Context, s *Stats) error {
	where, args := q.filter.where()
	var err error
	if s.Runs, err = q.group(ctx, "SELECT run_id, count(*), avg(score), max(score) FROM experiments"+where+
		" GROUP BY run_id ORDER BY max(instant) DESC, max(seq) DESC", args); err != nil {
		return err
	}
	s.Sources, err = q.group(ctx, `SELECT source, count(*), avg(score), max(score) FROM
(SELECT DISTINCT seq, score, s.value AS source FROM experiments, json_each(sources_used) AS s`+where+`)
GROUP BY source ORDER BY count(*) DESC, source`, args)
	return err
}

func (q statsQuery) group(ctx context.Context, query string, args []any) ([]Group, error) {
	rows, err := q.tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	groups := []Group{}
	for rows.Next() {
		var g Group
		if err := rows.Scan(&g.Name, &g.Count, &g.Mean, &g.Best); err != nil {
			return nil, err
		}
		groups = append(groups, g)
	}
	return groups, rows.Err()
}

// records fills the best and the latest.
func (q statsQuery) records(ctx context.Context, s *Stats) error {
	for order, record := range map[Order]**event.Record{Best: &s.Best, Newest: &s.Latest} {
		f := q.filter
		f.Order, f.Limit = order, 1
		query, args := f.sql(selectRow, Cursor{})
		var at Cursor
		row, err := scanRow(q.tx.QueryRowContext(ctx, query, args...), &at.seq, &at.instant, &at.score)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return err
		}
		rec := row.Record()
		*record = &rec
	}
	return nil
}
