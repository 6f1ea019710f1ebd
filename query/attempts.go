package query

import (
	"context"
	"iter"
)

// Moment is a moment of a log: what it was after an event.
type Moment struct {
	LogID string
	Seq   uint64 // of the event
	Hash  string // of the chain after it, hexadecimal
}

// Moment returns the moment up to which the view contains the log.
func (r *Reader) Moment(ctx context.Context) (Moment, error) {
	var m Moment
	err := r.db.QueryRowContext(ctx, "SELECT log_id, checkpoint, checkpoint_hash FROM explog_view").Scan(&m.LogID, &m.Seq, &m.Hash)
	return m, wrap(err)
}

// Attempt is what a training example is made from: the texts and the score of a
// record, and its place in the log.
type Attempt struct {
	Seq                 uint64
	ID, ClientID, RunID string
	Problem, Solution   string
	Score               float64
}

// Attempts yields the attempts of a client up to an event, in log order.
func (r *Reader) Attempts(ctx context.Context, client string, through uint64) iter.Seq2[Attempt, error] {
	return func(yield func(Attempt, error) bool) {
		if err := r.scanAttempts(ctx, client, through, func(a Attempt) bool { return yield(a, nil) }); err != nil {
			yield(Attempt{}, wrap(err))
		}
	}
}

func (r *Reader) scanAttempts(ctx context.Context, client string, through uint64, visit func(Attempt) bool) error {
	rows, err := r.db.QueryContext(ctx, `SELECT seq, id, client_id, run_id, problem, solution, score FROM experiments
WHERE client_id = ? AND seq <= ? ORDER BY seq`, client, through)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var a Attempt
		if err := rows.Scan(&a.Seq, &a.ID, &a.ClientID, &a.RunID, &a.Problem, &a.Solution, &a.Score); err != nil {
			return err
		}
		if !visit(a) {
			return nil
		}
	}
	return rows.Err()
}
