package query

import (
	"context"
	"database/sql"
	"iter"

	"github.com/explog/explog/projector"
)

// Moment is a moment of a log: what it was after an event.
type Moment struct {
	LogID string
	Seq   uint64 // of the event
	Hash  string // of the chain after it, hexadecimal
}

// Moment returns the moment up to which the view contains the log.
func (r *Reader) Moment(ctx context.Context) (Moment, error) { return moment(ctx, r.db) }

func moment(ctx context.Context, db *projector.DB) (Moment, error) {
	var m Moment
	err := db.QueryRowContext(ctx, "SELECT log_id, checkpoint, checkpoint_hash FROM explog_view").Scan(&m.LogID, &m.Seq, &m.Hash)
	return m, wrap(err)
}

// Attempt is what a training example is made from: the texts and the score of a
// record, or of an answer of a benchmark, and its place in the log.
type Attempt struct {
	Seq                 uint64
	ID, ClientID, RunID string
	// NarrativeID names the narrative that a benchmark asked about.
	NarrativeID       string
	Problem, Solution string
	Score             float64
}

// Attempts yields the attempts of a client up to an event, in log order.
func (r *Reader) Attempts(ctx context.Context, client string, through uint64) iter.Seq2[Attempt, error] {
	return each(ctx, r.db, scanAttempt, `SELECT seq, id, client_id, run_id, '', problem, solution, score FROM experiments
WHERE client_id = ? AND seq <= ? ORDER BY seq`, client, through)
}

// Moment returns the moment up to which the view contains the log.
func (h *Hub) Moment(ctx context.Context) (Moment, error) { return moment(ctx, h.db) }

// Attempts yields what a benchmark was answered about narratives with a manual flag, in
// the order of the events that brought the replies or last changed the flags: the user
// message with the narrative in it is the problem, the reply is the solution, and its score is
// 1 if it agrees with the flag, else 0. Its id is the key of the question, the client
// is the model, the run is the benchmark. Replies that say neither yes nor no are left
// out.
func (h *Hub) Attempts(ctx context.Context, e HubExperiment) iter.Seq2[Attempt, error] {
	scan := func(rows *sql.Rows) (Attempt, error) {
		a, err := scanAttempt(rows)
		a.Problem = e.Message(a.Problem)
		return a, err
	}
	return each(ctx, h.db, scan, `SELECT r.seq, call, coalesce(model_name, ''), uuid, narrative_id, narrative_text, raw_reply, flag = manual_flag
FROM results AS r JOIN experiments AS e ON e.id = experiment_id JOIN narratives AS n ON n.key = text_key LEFT JOIN models AS m ON m.id = model_id
WHERE experiment_id = ? AND outcome = 'ok' AND manual_flag IS NOT NULL AND raw_reply IS NOT NULL ORDER BY r.seq`, e.ID)
}

func scanAttempt(rows *sql.Rows) (Attempt, error) {
	var a Attempt
	err := rows.Scan(&a.Seq, &a.ID, &a.ClientID, &a.RunID, &a.NarrativeID, &a.Problem, &a.Solution, &a.Score)
	return a, err
}
