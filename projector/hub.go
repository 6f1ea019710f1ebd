package projector

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/explog/explog/event"
	"github.com/explog/explog/eventlog"
)

//go:embed hub.sql
var hubSchema string

// Hub returns the view hub.sqlite: benchmarks of prompts and models, and each of their
// results. A fact that refers to what is not there changes nothing.
func Hub() View {
	return View{
		Name:    "hub",
		Version: 3,
		Schema:  hubSchema,
		Tables: []string{
			"experiments", "prompts", "models", "results", "calls",
			"narratives", "sets", "set_narratives", "relabels", "dead_events",
		},
		Fold: foldHub,
	}
}

func foldHub(ev eventlog.Event, emit Emit) error {
	switch event.Type(ev.Type) {
	case event.TypePrompt:
		return folding(ev, emit, foldPrompt)
	case event.TypeNarrative:
		return folding(ev, emit, foldNarrative)
	case event.TypeNarrativeSet:
		return folding(ev, emit, foldSet)
	case event.TypeExperimentDefined:
		return folding(ev, emit, foldDefined)
	case event.TypeExperimentStarted:
		return folding(ev, emit, foldStarted)
	case event.TypeExperimentStopped:
		return folding(ev, emit, foldStopped)
	case event.TypeCallStarted:
		return folding(ev, emit, foldCallStarted)
	case event.TypeCallFinished:
		return folding(ev, emit, foldCallFinished)
	case event.TypeResultParsed:
		return folding(ev, emit, foldResult)
	case event.TypeRelabelled:
		return folding(ev, emit, foldRelabelled)
	case event.TypeCallWithdrawn:
		return folding(ev, emit, foldWithdrawn)
	}
	return nil // another view's
}

// folding reads an event into its type and folds that.
func folding[T any](ev eventlog.Event, emit Emit, fold func(T, eventlog.Event, Emit) error) error {
	v, err := event.DecodeBenchmark[T](ev.Version, ev.Data)
	if err != nil {
		return err
	}
	return fold(v, ev, emit)
}

var (
	insertPrompt = &Statement{
		SQL:     "INSERT OR IGNORE INTO prompts(prompt_text, prompt_hash, key) VALUES ",
		Columns: 3,
	}
	insertNarrative = &Statement{
		SQL:     "INSERT INTO narratives(seq, key, narrative_text) VALUES ",
		Columns: 3,
	}
	insertSet = &Statement{
		SQL:     "INSERT INTO sets(seq, key, label) VALUES ",
		Columns: 3,
	}
	insertLabelled = &Statement{
		SQL:     "INSERT INTO set_narratives(set_seq, narrative_id, text_key, manual_flag) VALUES ",
		Columns: 4,
	}
)

func foldPrompt(p event.Prompt, ev eventlog.Event, emit Emit) error {
	hash := sha256.Sum256([]byte(p.Text))
	emit(insertPrompt, p.Text, hex.EncodeToString(hash[:]), ev.ID.String())
	return nil
}

func foldNarrative(n event.Narrative, ev eventlog.Event, emit Emit) error {
	emit(insertNarrative, ev.Seq, ev.ID.String(), n.Text)
	return nil
}

func foldSet(s event.NarrativeSet, ev eventlog.Event, emit Emit) error {
	emit(insertSet, ev.Seq, ev.ID.String(), s.Label)
	for _, n := range s.Narratives {
		emit(insertLabelled, ev.Seq, n.ID, n.Text.String(), optional(n.Flag))
	}
	return nil
}

var (
	insertModel = &Statement{
		SQL:     "INSERT OR IGNORE INTO models(model_name, provider) VALUES ",
		Columns: 2,
	}
	insertDefined = &Statement{
		SQL: `INSERT INTO experiments(uuid, definition, name, author, prompt_id, template_id, model_id, set_seq, label,
repeats, parameters, input_price, output_price, notes, prompt_version, defined)
SELECT ?, ?, ?, ?, (SELECT id FROM prompts WHERE key = ?), (SELECT id FROM prompts WHERE key = ?), (SELECT id FROM models WHERE model_name = ? AND provider = ?),
seq, coalesce(label, ''), ?, ?, ?, ?, ?, ?, ? FROM (SELECT 1) LEFT JOIN sets ON key = ?`,
	}
	// The rows of results are made in the order of the set, so that their ids do not
	// depend on which answer comes first.
	insertResults = &Statement{
		SQL: `WITH RECURSIVE rounds(repeat) AS (SELECT 0 UNION ALL SELECT repeat + 1 FROM rounds WHERE repeat + 1 < ?2)
INSERT OR IGNORE INTO results(experiment_id, narrative_id, repeat, text_key, manual_flag)
SELECT e.id, n.narrative_id, rounds.repeat, n.text_key, CASE WHEN r.id IS NULL THEN n.manual_flag ELSE r.manual_flag END
FROM experiments AS e JOIN set_narratives AS n ON n.set_seq = e.set_seq JOIN rounds
LEFT JOIN relabels AS r ON r.label = e.label AND r.narrative_id = n.narrative_id AND r.text_key = n.text_key
WHERE e.uuid = ?1 ORDER BY n.id, rounds.repeat`,
	}
	start = &Statement{
		SQL: `UPDATE experiments SET status = 'running', reason = NULL, start_key = ?, start_time = coalesce(start_time, ?), end_time = NULL
WHERE uuid = ?`,
	}
	// A start ends once: what an earlier one leaves behind says nothing of a later one.
	stop = &Statement{SQL: "UPDATE experiments SET status = ?, reason = ?, end_time = ? WHERE uuid = ? AND start_key = ?"}
)

// maxRepeats is far above what can be configured. Each repeat is a row for each narrative.
const maxRepeats = 100_000

func foldDefined(e event.ExperimentDefined, ev eventlog.Event, emit Emit) error {
	if e.Repeats < 1 || e.Repeats > maxRepeats {
		return fmt.Errorf("%w: %d repeats", event.ErrPayload, e.Repeats)
	}
	id := ev.ID.String()
	emit(insertModel, e.Model, e.Provider)
	emit(insertDefined, id, e.Definition.String(), e.Name, nullable(e.Author), e.Prompt.String(), e.Template.String(), e.Model, e.Provider,
		e.Repeats, string(e.Parameters), optional(e.InputPrice), optional(e.OutputPrice), nullable(e.Notes), nullable(e.PromptVersion), stamped(e.Defined), e.Set.String())
	emit(insertResults, id, e.Repeats)
	emit(scoreExperiment, id, int64(1))
	return nil
}

func foldStarted(e event.ExperimentStarted, ev eventlog.Event, emit Emit) error {
	emit(start, ev.ID.String(), stamped(e.Started), e.Experiment.String())
	return nil
}

func foldStopped(e event.ExperimentStopped, _ eventlog.Event, emit Emit) error {
	switch e.Outcome {
	case event.StopFinished, event.StopPaused, event.StopAborted:
	default:
		return fmt.Errorf("%w: stop outcome %q", event.ErrPayload, e.Outcome)
	}
	emit(stop, string(e.Outcome), nullable(e.Reason), stamped(e.Stopped), e.Experiment.String(), e.Start.String())
	return nil
}

// theResult finds a result by three arguments: the experiment's key, the narrative's id
// and the repeat.
const theResult = "experiment_id = (SELECT id FROM experiments WHERE uuid = ?1) AND narrative_id = ?2 AND repeat = ?3"

// What a result has of its attempts, and of the last that finished.
const (
	attempted = `UPDATE results SET (attempts, possibly_billed) =
(SELECT count(*), count(*) - count(finished) FROM calls WHERE result_id = results.id)`
	ended = ", input_tokens = ?4, output_tokens = ?5, latency_ms = ?6"
)

var (
	startCall = &Statement{
		SQL: `INSERT INTO calls(experiment_id, result_id, call, attempt, started)
SELECT experiment_id, id, ?4, ?5, ?6 FROM results WHERE ` + theResult + `
ON CONFLICT(call, attempt) DO UPDATE SET started = excluded.started`,
	}
	finishCall = &Statement{
		SQL: `INSERT INTO calls(experiment_id, result_id, call, attempt, finished, finish, model, status, input_tokens, output_tokens,
latency_ns, error, error_kind)
SELECT experiment_id, id, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14 FROM results WHERE ` + theResult + `
ON CONFLICT(call, attempt) DO UPDATE SET finished = excluded.finished, finish = excluded.finish, model = excluded.model,
status = excluded.status, input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens,
latency_ns = excluded.latency_ns, error = excluded.error, error_kind = excluded.error_kind`,
	}
	countAttempts = &Statement{SQL: attempted + " WHERE " + theResult}
	finishAttempt = &Statement{SQL: attempted + ended + " WHERE " + theResult}
	// An answer has yet to be parsed, and takes the place of what was there.
	answer = &Statement{
		SQL: attempted + ended + `, raw_reply = ?7, reasoning = ?8, finish = ?9, call = ?10, attempt = ?11, seq = ?12, outcome = 'not_run', problem = NULL,
flag = NULL, confidence = NULL, indicators = NULL, rational = NULL, reasoning_steps = NULL, is_false_positive = NULL,
is_false_negative = NULL, step = NULL, parser = NULL WHERE ` + theResult,
	}
	// An error takes no answer's place.
	fail = &Statement{SQL: "UPDATE results SET outcome = 'error', problem = ?4 WHERE finish IS NULL AND " + theResult}
	// A comparison with NULL is NULL.
	setResult = &Statement{
		SQL: `UPDATE results SET outcome = ?4, problem = ?5, flag = ?6, confidence = ?7, indicators = ?8, rational = ?9, reasoning_steps = ?10,
step = ?11, parser = ?12, is_false_positive = ?6 > manual_flag, is_false_negative = ?6 < manual_flag WHERE ` + theResult,
	}
)

func foldCallStarted(c event.CallStarted, _ eventlog.Event, emit Emit) error {
	result := []any{c.Experiment.String(), c.Narrative, c.Repeat}
	emit(startCall, slices.Concat(result, []any{c.Call.String(), c.Attempt, stamped(c.Started)})...)
	emit(countAttempts, result...)
	emit(scoreExperiment, c.Experiment.String(), int64(1))
	return nil
}

func foldCallFinished(c event.CallFinished, ev eventlog.Event, emit Emit) error {
	result := []any{c.Experiment.String(), c.Narrative, c.Repeat}
	of := func(args ...any) []any { return slices.Concat(result, args) }
	emit(finishCall, of(c.Call.String(), c.Attempt, stamped(c.Finished), nullable(c.Finish), nullable(c.Model), nonzero(c.Status),
		optional(c.InputTokens), optional(c.OutputTokens), int64(c.Latency), nullable(c.Error), nullable(c.ErrorKind))...)
	last := []any{optional(c.InputTokens), optional(c.OutputTokens), float64(c.Latency) / float64(time.Millisecond)}
	if c.Finish != "" {
		emit(answer, of(append(last, c.Text, nullable(c.Reasoning), c.Finish, c.Call.String(), c.Attempt, ev.Seq)...)...)
	} else {
		emit(finishAttempt, of(last...)...)
		if c.Last {
			emit(fail, of(nullable(c.Error))...)
		}
	}
	emit(scoreExperiment, c.Experiment.String(), int64(1))
	return nil
}

func foldResult(r event.ResultParsed, _ eventlog.Event, emit Emit) error {
	switch r.Outcome {
	case event.ResultOK, event.ResultUnparsed, event.ResultRefused, event.ResultFiltered, event.ResultTruncated, event.ResultError,
		event.ResultNotRun:
	default:
		return fmt.Errorf("%w: result outcome %q", event.ErrPayload, r.Outcome)
	}
	if (r.Outcome == event.ResultOK) != (r.Flag != nil) {
		return fmt.Errorf("%w: a result with outcome %s, and a flag: %v", event.ErrPayload, r.Outcome, r.Flag != nil)
	}
	indicators, err := texts(r.Indicators)
	if err != nil {
		return err
	}
	steps, err := texts(r.Reasoning)
	if err != nil {
		return err
	}
	emit(setResult, r.Experiment.String(), r.Narrative, r.Repeat, string(r.Outcome), nullable(r.Problem), optional(r.Flag),
		optional(r.Confidence), indicators, nullable(r.Rationale), steps, nullable(r.Step), r.Parser)
	emit(scoreExperiment, r.Experiment.String(), int64(1))
	return nil
}

// A result whose answer is withdrawn is as if it had none, but for its attempts. An answer
// that has taken its place since stays.
var withdraw = &Statement{
	SQL: `UPDATE results SET raw_reply = NULL, reasoning = NULL, finish = NULL, call = NULL, attempt = NULL, seq = NULL, outcome = 'not_run',
problem = NULL, flag = NULL, confidence = NULL, indicators = NULL, rational = NULL, reasoning_steps = NULL, is_false_positive = NULL,
is_false_negative = NULL, step = NULL, parser = NULL WHERE call = ?4 AND attempt = ?5 AND ` + theResult,
}

func foldWithdrawn(c event.CallWithdrawn, _ eventlog.Event, emit Emit) error {
	emit(withdraw, c.Experiment.String(), c.Narrative, c.Repeat, c.Call.String(), c.Attempt)
	emit(scoreExperiment, c.Experiment.String(), int64(1))
	return nil
}

var (
	insertRelabel = &Statement{
		SQL: `INSERT INTO relabels(label, narrative_id, text_key, manual_flag, relabelled) VALUES (?, ?, ?, ?, ?)
ON CONFLICT(label, narrative_id, text_key) DO UPDATE SET manual_flag = excluded.manual_flag, relabelled = excluded.relabelled`,
	}
	relabel = &Statement{
		SQL: `UPDATE results SET manual_flag = ?4, is_false_positive = flag > ?4, is_false_negative = flag < ?4,
seq = CASE WHEN seq IS NOT NULL AND manual_flag IS NOT ?4 THEN ?5 ELSE seq END
WHERE narrative_id = ?2 AND text_key = ?3 AND experiment_id IN (SELECT id FROM experiments WHERE label = ?1)`,
	}
)

func foldRelabelled(r event.Relabelled, ev eventlog.Event, emit Emit) error {
	emit(insertRelabel, r.Label, r.Narrative, r.Text.String(), optional(r.Flag), stamped(r.Relabel))
	emit(relabel, r.Label, r.Narrative, r.Text.String(), optional(r.Flag), ev.Seq)
	emit(scoreLabel, r.Label, int64(1))
	return nil
}

// score says what the results of experiments come to. It runs once an experiment and a
// transaction. The formulas are those of package hub/metrics; in SQL, a division by 0 is
// NULL, and so is what is computed from NULL.
const score = `UPDATE experiments SET
(total_narratives, labelled, manual_true, positives, negatives, true_positives, false_negatives, false_positives, true_negatives,
percent_overlap, accuracy, precision, recall, specificity, f1, balanced_accuracy, mcc, kappa, coverage,
ok, unparsed, refused, filtered, truncated, error, not_run, unusable_true, unusable_false) =
(SELECT total, labelled, manual_true, positives, negatives, tp, fn, fp, tn,
100.0 * (tp + tn) / (tp + fn + fp + tn), 1.0 * (tp + tn) / (tp + fn + fp + tn), 1.0 * tp / (tp + fp), 1.0 * tp / (tp + fn), 1.0 * tn / (tn + fp),
2.0 * tp / (2 * tp + fp + fn), (1.0 * tp / (tp + fn) + 1.0 * tn / (tn + fp)) / 2,
max(-1.0, min(1.0, (1.0 * tp * tn - 1.0 * fn * fp) / (sqrt(1.0 * (tp + fp) * (tp + fn)) * sqrt(1.0 * (tn + fp) * (tn + fn))))),
2.0 * (tp * tn - fn * fp) / ((tp + fp) * (fp + tn) + (tp + fn) * (fn + tn)), 1.0 * (tp + fn + fp + tn) / labelled,
ok, unparsed, refused, filtered, truncated, error, not_run, unusable_true, unusable_false
FROM (SELECT count(*) AS total, count(manual_flag) AS labelled, count(*) FILTER (WHERE manual_flag) AS manual_true,
count(*) FILTER (WHERE flag) AS positives, count(*) FILTER (WHERE NOT flag) AS negatives,
count(*) FILTER (WHERE flag AND manual_flag) AS tp, count(*) FILTER (WHERE NOT flag AND manual_flag) AS fn,
count(*) FILTER (WHERE flag AND NOT manual_flag) AS fp, count(*) FILTER (WHERE NOT flag AND NOT manual_flag) AS tn,
count(*) FILTER (WHERE outcome = 'ok') AS ok, count(*) FILTER (WHERE outcome = 'unparsed') AS unparsed,
count(*) FILTER (WHERE outcome = 'refused') AS refused, count(*) FILTER (WHERE outcome = 'filtered') AS filtered,
count(*) FILTER (WHERE outcome = 'truncated') AS truncated, count(*) FILTER (WHERE outcome = 'error') AS error,
count(*) FILTER (WHERE outcome = 'not_run') AS not_run,
count(*) FILTER (WHERE outcome NOT IN ('ok', 'not_run') AND manual_flag) AS unusable_true,
count(*) FILTER (WHERE outcome NOT IN ('ok', 'not_run') AND NOT manual_flag) AS unusable_false
FROM results WHERE experiment_id = experiments.id)),
(calls, possibly_billed, input_tokens, output_tokens, cost, mean_latency_ms) =
(SELECT attempts, attempts - ended, input, output,
CASE WHEN unreported = 0 THEN (input * input_price + output * output_price) / 1e6 END, nanoseconds / 1e6 / answered
FROM (SELECT count(started) AS attempts, count(started) FILTER (WHERE finished IS NOT NULL) AS ended,
coalesce(sum(input_tokens), 0) AS input, coalesce(sum(output_tokens), 0) AS output, count(finish) AS answered,
count(finish) FILTER (WHERE input_tokens IS NULL OR output_tokens IS NULL) AS unreported,
sum(latency_ns) FILTER (WHERE finish IS NOT NULL) AS nanoseconds
FROM calls WHERE experiment_id = experiments.id))
WHERE ?2 > 0 AND `

var (
	scoreExperiment = &Statement{SQL: score + "uuid = ?1", Sum: true}
	scoreLabel      = &Statement{SQL: score + "label = ?1", Sum: true}
)

// stamped is a time as the view has it: all of the same length, so that their order as
// texts is that of the times.
func stamped(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// texts turns a list into JSON; none into NULL.
func texts(list []string) (any, error) {
	if len(list) == 0 {
		return nil, nil
	}
	var out strings.Builder
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false) // people read it
	err := enc.Encode(list)
	return strings.TrimSpace(out.String()), err
}

// optional turns what may be missing into a value or NULL.
func optional[T any](v *T) any {
	if v == nil {
		return nil
	}
	return *v
}

// nonzero turns 0 into NULL.
func nonzero(n int) any {
	if n == 0 {
		return nil
	}
	return n
}
