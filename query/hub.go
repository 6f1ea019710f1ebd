package query

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/explog/explog/event"
	"github.com/explog/explog/projector"
)

// ErrNoExperiment means that the hub has no such benchmark. The error says which there
// are.
var ErrNoExperiment = errors.New("query: no such experiment")

// Hub reads the view of benchmarks.
type Hub struct {
	db *projector.DB
}

// OpenHub opens the file of the view of benchmarks, and checks each of its pages, so that
// who has begun to read it can go on. Reading waits up to wait for a program that has it
// locked.
func OpenHub(ctx context.Context, path string, wait time.Duration) (*Hub, error) {
	h, err := OpenHubUnchecked(ctx, path, wait)
	if err != nil {
		return nil, err
	}
	var pages int
	if err := h.db.QueryRowContext(ctx, "SELECT count(data) FROM sqlite_dbpage").Scan(&pages); err != nil {
		return nil, errors.Join(wrap(err), h.Close())
	}
	return h, nil
}

// OpenHubUnchecked is OpenHub for those who read little of a view that may be large, and
// can begin again: a page that is damaged is found when it is read, and is [ErrDamaged].
func OpenHubUnchecked(ctx context.Context, path string, wait time.Duration) (*Hub, error) {
	db, err := projector.OpenReader(ctx, path, wait)
	if err != nil {
		return nil, wrap(err)
	}
	return &Hub{db}, nil
}

// Close ends the reader.
func (h *Hub) Close() error { return h.db.Close() }

// HubTotals count what is in the view of benchmarks.
type HubTotals struct {
	Experiments int64 `json:"experiments"`
	Results     int64 `json:"results"`
	Dead        int64 `json:"dead_events"` // events that could not be folded
	// FirstDead are the first of these, at most 10.
	FirstDead []DeadEvent `json:"first_dead,omitempty"`
}

// Totals counts what is in the view.
func (h *Hub) Totals(ctx context.Context) (HubTotals, error) {
	var t HubTotals
	err := h.db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM experiments), (SELECT count(*) FROM results), (SELECT count(*) FROM dead_events)`).
		Scan(&t.Experiments, &t.Results, &t.Dead)
	if err != nil {
		return t, wrap(err)
	}
	t.FirstDead, err = firstDead(ctx, h.db)
	return t, err
}

// selectExperiment selects what scanExperiment reads.
const selectExperiment = `SELECT e.id, uuid, definition, name, coalesce(author, ''), coalesce(prompt_id, 0), coalesce(p.prompt_text, ''),
coalesce(template_id, 0), coalesce(t.prompt_text, ''), coalesce(notes, ''), coalesce(prompt_version, ''),
coalesce(model_id, 0), coalesce(model_name, ''), coalesce(provider, ''), label, repeats, parameters, status, coalesce(reason, ''),
start_time, end_time, planned, labelled, manual_true, positives, true_positives, false_negatives, false_positives, true_negatives,
ok, unparsed, refused, filtered, truncated, error, not_run, unusable_true, unusable_false, input_tokens, output_tokens, cost,
coalesce(mean_latency_ms, 0), calls, possibly_billed
FROM experiments AS e LEFT JOIN prompts AS p ON p.id = prompt_id LEFT JOIN prompts AS t ON t.id = template_id
LEFT JOIN models AS m ON m.id = model_id`

// outcomes in the order in which selectExperiment counts them.
var outcomes = [...]event.ResultOutcome{
	event.ResultOK, event.ResultUnparsed, event.ResultRefused, event.ResultFiltered, event.ResultTruncated, event.ResultError, event.ResultNotRun,
}

// Experiments yields the benchmarks in the order in which they were defined.
func (h *Hub) Experiments(ctx context.Context) iter.Seq2[HubExperiment, error] {
	return each(ctx, h.db, scanExperiment, selectExperiment+" ORDER BY e.id")
}

// Experiment returns the benchmark that a reference names: "latest", an id of the view,
// a UUID, or a name; of several with that name the latest. None is [ErrNoExperiment].
func (h *Hub) Experiment(ctx context.Context, ref string) (HubExperiment, error) {
	where, args := " WHERE name = ?1", []any{ref}
	id, err := strconv.ParseInt(ref, 10, 64)
	switch {
	case ref == "latest":
		where, args = "", nil
	case err == nil: // an id goes before a name
		where, args = " WHERE e.id = ?1 OR name = ?2 AND NOT EXISTS (SELECT 1 FROM experiments WHERE id = ?1)", []any{id, ref}
	case uuid.Validate(ref) == nil:
		where, args = " WHERE uuid = ?1 OR name = ?2", []any{strings.ToLower(ref), ref}
	}
	for e, err := range each(ctx, h.db, scanExperiment, selectExperiment+where+" ORDER BY e.id DESC LIMIT 1", args...) {
		return e, err
	}
	return HubExperiment{}, h.noExperiment(ctx, ref)
}

// noExperiment says which experiments there are.
func (h *Hub) noExperiment(ctx context.Context, ref string) error {
	const shown = 10
	var names []string
	for name, err := range each(ctx, h.db, scanName, "SELECT id, name FROM experiments ORDER BY id DESC LIMIT ?", shown+1) {
		if err != nil {
			return err
		}
		names = append(names, name)
	}
	switch {
	case len(names) == 0:
		return fmt.Errorf("%w: %q; there is none yet", ErrNoExperiment, ref)
	case len(names) > shown:
		names[shown] = "and earlier ones"
	}
	return fmt.Errorf("%w: %q; there are %s", ErrNoExperiment, ref, strings.Join(names, ", "))
}

func scanName(rows *sql.Rows) (string, error) {
	var id int64
	var name string
	err := rows.Scan(&id, &name)
	return fmt.Sprintf("%d %q", id, name), err
}

func scanExperiment(rows *sql.Rows) (HubExperiment, error) {
	var e HubExperiment
	var parameters string
	var started, ended sql.NullTime
	var latency float64
	var counts [len(outcomes)]int
	err := rows.Scan(&e.ID, &e.UUID, &e.Definition, &e.Name, &e.Author, &e.PromptID, &e.Prompt,
		&e.TemplateID, &e.Template, &e.Notes, &e.PromptVersion, &e.ModelID, &e.Model, &e.Provider,
		&e.Label, &e.Repeats, &parameters, &e.Status, &e.Reason, &started, &ended,
		&e.Total, &e.Labelled, &e.ManualTrue, &e.Positives, &e.TP, &e.FN, &e.FP, &e.TN,
		&counts[0], &counts[1], &counts[2], &counts[3], &counts[4], &counts[5], &counts[6], &e.UnusableTrue, &e.UnusableFalse,
		&e.InputTokens, &e.OutputTokens, &e.Cost, &latency, &e.Calls, &e.PossiblyBilled)
	if err != nil {
		return e, err
	}
	e.Parameters, e.Started, e.Ended, e.MeanLatency = json.RawMessage(parameters), started.Time, ended.Time, milliseconds(latency)
	e.Outcomes = make(map[event.ResultOutcome]int, len(outcomes))
	for i, o := range outcomes {
		e.Outcomes[o] = counts[i]
	}
	return e, nil
}

// selectResult selects what scanResult reads.
const selectResult = `SELECT id, experiment_id, narrative_id, repeat, coalesce(narrative_text, ''), manual_flag, outcome, coalesce(problem, ''),
flag, confidence, coalesce(indicators, '[]'), coalesce(rational, ''), coalesce(reasoning_steps, '[]'), coalesce(step, ''),
coalesce(raw_reply, ''), coalesce(reasoning, ''), coalesce(finish, ''), attempts, possibly_billed, input_tokens, output_tokens, coalesce(latency_ms, 0)
FROM results LEFT JOIN narratives ON key = text_key`

// Results yields what an experiment said of each narrative, in the order of its set.
func (h *Hub) Results(ctx context.Context, id int64) iter.Seq2[HubResult, error] {
	return each(ctx, h.db, scanResult, selectResult+" WHERE experiment_id = ? ORDER BY id", id)
}

// Unusable yields the first results of an experiment that were asked about and have no
// usable answer, at most so many, in the order of its set.
func (h *Hub) Unusable(ctx context.Context, id int64, most int) iter.Seq2[HubResult, error] {
	return each(ctx, h.db, scanResult, selectResult+" WHERE experiment_id = ? AND outcome NOT IN ('ok', 'not_run') ORDER BY id LIMIT ?", id, most)
}

func scanResult(rows *sql.Rows) (HubResult, error) {
	var r HubResult
	var indicators, steps string
	var latency float64
	err := rows.Scan(&r.ID, &r.ExperimentID, &r.NarrativeID, &r.Repeat, &r.Text, &r.Manual, &r.Outcome, &r.Problem, &r.Flag, &r.Confidence,
		&indicators, &r.Rationale, &steps, &r.Step, &r.Reply, &r.Reasoning, &r.Finish, &r.Attempts, &r.PossiblyBilled, &r.InputTokens, &r.OutputTokens, &latency)
	if err != nil {
		return r, err
	}
	r.Latency = milliseconds(latency)
	if err = json.Unmarshal([]byte(indicators), &r.Indicators); err == nil {
		err = json.Unmarshal([]byte(steps), &r.ReasoningSteps)
	}
	if err != nil {
		err = fmt.Errorf("%w: result %d: %w", ErrDamaged, r.ID, err)
	}
	return r, err
}

func milliseconds(ms float64) time.Duration {
	return time.Duration(math.Round(ms * float64(time.Millisecond)))
}

// Narrative yields what each experiment said of a narrative, in the order of the
// experiments.
func (h *Hub) Narrative(ctx context.Context, narrativeID string) iter.Seq2[Verdict, error] {
	return func(yield func(Verdict, error) bool) {
		var e HubExperiment
		for r, err := range each(ctx, h.db, scanResult, selectResult+" WHERE narrative_id = ? ORDER BY id", narrativeID) {
			if err == nil && r.ExperimentID != e.ID {
				e, err = h.Experiment(ctx, strconv.FormatInt(r.ExperimentID, 10))
			}
			if !yield(Verdict{e, r}, err) || err != nil {
				return
			}
		}
	}
}

// Resumable returns the key of the latest experiment with a definition that is not
// finished; false: there is none.
func (h *Hub) Resumable(ctx context.Context, definition uuid.UUID) (uuid.UUID, bool, error) {
	var key uuid.UUID
	err := h.db.QueryRowContext(ctx, "SELECT uuid FROM experiments WHERE definition = ? AND status <> 'finished' ORDER BY id DESC LIMIT 1",
		definition.String()).Scan(&key)
	if errors.Is(err, sql.ErrNoRows) {
		return uuid.UUID{}, false, nil
	}
	return key, err == nil, wrap(err)
}

// Progress is how far an experiment has got with a narrative, once.
type Progress struct {
	NarrativeID string
	Repeat      int // from 0
	Attempts    int // number of the last attempt; 0: none was started
	Outcome     event.ResultOutcome
	// Finished: there is an answer, or an error after which it was not asked again.
	Finished bool
	// Unparsed is an answer that was logged and not parsed: the process was killed in
	// between. It has what parsing needs, and not all of the fact.
	Unparsed *event.CallFinished
}

// Progress yields how far an experiment has got, in the order of its results.
func (h *Hub) Progress(ctx context.Context, experiment uuid.UUID) iter.Seq2[Progress, error] {
	return each(ctx, h.db, scanProgress, `SELECT narrative_id, repeat, coalesce((SELECT max(attempt) FROM calls WHERE result_id = results.id), 0),
outcome, finish IS NOT NULL OR outcome <> 'not_run' OR parser IS NOT NULL, finish IS NOT NULL AND parser IS NULL, ?1, call, coalesce(attempt, 0),
coalesce(raw_reply, ''), coalesce(reasoning, ''), coalesce(finish, '')
FROM results WHERE experiment_id = (SELECT id FROM experiments WHERE uuid = ?1) ORDER BY id`, experiment.String())
}

func scanProgress(rows *sql.Rows) (Progress, error) {
	var p Progress
	var c event.CallFinished
	var unparsed bool
	err := rows.Scan(&p.NarrativeID, &p.Repeat, &p.Attempts, &p.Outcome, &p.Finished, &unparsed,
		&c.Experiment, &c.Call, &c.Attempt, &c.Text, &c.Reasoning, &c.Finish)
	if unparsed {
		c.Narrative, c.Repeat = p.NarrativeID, p.Repeat
		p.Unparsed = &c
	}
	return p, err
}
