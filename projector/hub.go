package projector

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
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
		Version: 3, // 3: TIMESTAMP without T and Z, total_narratives counts what was processed
		Schema:  hubSchema,
		Indexes: `CREATE INDEX idx_results_narrative ON results(narrative_id);
CREATE INDEX idx_results_unusable ON results(experiment_id) WHERE outcome NOT IN ('ok', 'not_run');`,
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
	countPlanned = &Statement{
		SQL: `UPDATE experiments SET (planned, not_run, labelled, manual_true) =
(SELECT count(*), count(*), count(manual_flag), count(*) FILTER (WHERE manual_flag) FROM results WHERE experiment_id = experiments.id) WHERE uuid = ?`,
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
	emit(countPlanned, id)
	emit(defined, id)
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

var insertRelabel = &Statement{
	SQL: `INSERT INTO relabels(label, narrative_id, text_key, manual_flag, relabelled) VALUES (?, ?, ?, ?, ?)
ON CONFLICT(label, narrative_id, text_key) DO UPDATE SET manual_flag = excluded.manual_flag, relabelled = excluded.relabelled`,
}

func foldRelabelled(r event.Relabelled, ev eventlog.Event, emit Emit) error {
	emit(insertRelabel, r.Label, r.Narrative, r.Text.String(), optional(r.Flag), stamped(r.Relabel))
	emit(relabelled, r, ev.Seq)
	return nil
}

// stamped is a time as the view has it, in the form that SQLite's own date functions, R
// and Python read. All are of the same length: their order as texts is that of the times.
func stamped(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000000") }

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
