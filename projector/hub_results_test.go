package projector

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/explog/explog/event"
	"github.com/explog/explog/eventlog"
)

// recount counts in plain SQL what experiments keep by adding what changes.
const recount = `SELECT e.id, count(r.id), coalesce(sum(outcome <> 'not_run'), 0), count(manual_flag), coalesce(sum(manual_flag), 0),
coalesce(sum(flag), 0), coalesce(sum(flag = 0), 0), coalesce(sum(flag AND manual_flag), 0), coalesce(sum(flag = 0 AND manual_flag), 0),
coalesce(sum(flag AND manual_flag = 0), 0), coalesce(sum(flag = 0 AND manual_flag = 0), 0), coalesce(sum(outcome = 'ok'), 0),
coalesce(sum(outcome = 'unparsed'), 0), coalesce(sum(outcome = 'refused'), 0), coalesce(sum(outcome = 'filtered'), 0),
coalesce(sum(outcome = 'truncated'), 0), coalesce(sum(outcome = 'error'), 0), coalesce(sum(outcome = 'not_run'), 0),
coalesce(sum(outcome NOT IN ('ok', 'not_run') AND manual_flag), 0), coalesce(sum(outcome NOT IN ('ok', 'not_run') AND manual_flag = 0), 0),
(SELECT count(started) || ' ' || coalesce(sum(started IS NOT NULL AND finished IS NULL), 0) || ' ' || coalesce(sum(input_tokens), 0) || ' ' ||
coalesce(sum(output_tokens), 0) || ' ' || count(finish) || ' ' || coalesce(sum(finish IS NOT NULL AND (input_tokens IS NULL OR output_tokens IS NULL)), 0)
|| ' ' || coalesce(sum(CASE WHEN finish IS NOT NULL THEN latency_ns END), 0) FROM calls AS c WHERE c.experiment_id = e.id)
FROM experiments AS e LEFT JOIN results AS r ON r.experiment_id = e.id GROUP BY e.id ORDER BY e.id`

// counts are the columns that have these numbers.
var counts = "SELECT id, planned, " + strings.Join(tallyColumns[:tallyCalls], ", ") + ", " +
	strings.Join(tallyColumns[tallyCalls:], " || ' ' || ") + " FROM experiments ORDER BY id"

func TestCountsOfExperimentsAreThoseOfTheirRows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp("", "projector")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		log := eventlog.New(dir, eventlog.Options{})
		p := New(log, Hub(), dir, time.Second)
		for range rapid.IntRange(1, 4).Draw(rt, "steps") {
			var events []eventlog.Event
			for range rapid.SampledFrom([]int{1, 5, 60}).Draw(rt, "size") {
				events = append(events, drawHubEvents(rt)...)
			}
			if _, err := log.Append(ctx, eventlog.Batch{Events: events}); err != nil {
				rt.Fatal(err)
			}
			if _, err := p.CatchUp(ctx); err != nil {
				rt.Fatal(err)
			}
			if got, want := queryText(t, p, counts), queryText(t, p, recount); got != want {
				rt.Fatalf("experiments have\n%s\nand their rows\n%s", got, want)
			}
		}
	})
}

// More results than are kept in memory, and calls that end long after they started.
func TestManyResultsAreWrittenInParts(t *testing.T) {
	log, p := hubStore(t)
	load{experiments: 2, narratives: mostResults + 500}.fill(t, log)
	mustCatchUp(t, p)
	if got, want := queryText(t, p, "SELECT id, planned, total_narratives, ok, unparsed, calls, possibly_billed FROM experiments"),
		"1 4596 4596 4504 92 4596 0\n2 4596 4596 4504 92 4596 0"; got != want {
		t.Errorf("experiments\n%s\nwant\n%s", got, want)
	}
	if got, want := queryText(t, p, counts), queryText(t, p, recount); got != want {
		t.Errorf("experiments have\n%s\nand their rows\n%s", got, want)
	}
	if got := queryText(t, p, "SELECT count(*), sum(r.attempts = 1), sum(c.id = r.id) FROM results AS r JOIN calls AS c ON c.result_id = r.id"); got != "9192 9192 9192" {
		t.Errorf("results with one call: %s", got)
	}
}

func TestModelsAreUniqueWithoutCase(t *testing.T) {
	log, p := hubStore(t)
	first, second, third := newBench(t, 0, "T").ExperimentDefined, newBench(t, 2, "T").ExperimentDefined, newBench(t, 4, "T").ExperimentDefined
	first.Provider, first.Model = "OpenAI", "GPT-4"
	second.Provider, second.Model = "openai", "gpt-4"
	third.Provider, third.Model = "Ollama", "gpt-4"
	appendHub(t, log, p, first, second, third)
	if got, want := queryText(t, p, "SELECT e.id, model_id, model_name, provider FROM experiments AS e JOIN models AS m ON m.id = model_id ORDER BY e.id"),
		"1 1 GPT-4 OpenAI\n2 1 GPT-4 OpenAI\n3 2 gpt-4 Ollama"; got != want {
		t.Errorf("models\n%s\nwant\n%s", got, want)
	}
}

// R, Python and SQLite's date functions read a TIMESTAMP of this form, and no other.
func TestTimestampsHaveTheFormThatOtherToolsRead(t *testing.T) {
	log, p := hubStore(t)
	b := newBench(t, 0, "T")
	mustAppend(t, log, b.events(t)...)
	appendHub(t, log, p, b.started(0, 0, 1), b.answered(0, 0, 1, "yes"))
	if got, want := queryText(t, p, "SELECT 1, defined || '', (SELECT started || ' ' || finished FROM calls), julianday(defined) > 0 FROM experiments"),
		"1 2026-04-07 09:30:00.123456 2026-04-07 09:30:00.123456 2026-04-07 09:30:01.123456 1"; got != want {
		t.Errorf("timestamps\n%s\nwant\n%s", got, want)
	}
}

// Who would rather read a view that is behind than wait gets it so, in whole transactions.
func TestAReaderThatHasEnoughLeavesTheRest(t *testing.T) {
	log, p := hubStore(t)
	appendHub(t, log, p, newBench(t, 0, "TF").prompt)
	load{experiments: 2, narratives: 2000}.fill(t, log) // more than it takes for a rebuild
	enough := make(chan struct{})
	close(enough)
	s, err := p.catchUpWithin(ctx, limits{patience: briefly, enough: enough})
	must(t, err)
	if s.Held != stoppedEarly || s.Checkpoint != 1+eventsPerCommit || s.Behind() == 0 || s.Rebuilt != "" {
		t.Errorf("status %+v", s)
	}
	verifyClean(t, p)
	// Nobody adds to the log: it is brought up all the same.
	s, err = p.CatchUpUntil(ctx, enough)
	must(t, err)
	if s.Held != "" || s.Behind() != 0 {
		t.Errorf("status %+v", s)
	}
}

// A reader that stops early because the log grows is told how far behind the view is.
func TestAReaderThatHasEnoughOfAGrowingLogIsBehindIt(t *testing.T) {
	dir := t.TempDir()
	log := eventlog.New(dir, eventlog.Options{})
	view := Hub()
	fold, grown := view.Fold, false
	view.Fold = func(ev eventlog.Event, emit Emit) error {
		if !grown {
			grown = true
			mustAppend(t, log, hubEvent(t, event.Prompt{Text: "one more"}))
		}
		return fold(ev, emit)
	}
	mustAppend(t, log, hubEvent(t, event.Prompt{Text: "first"}))
	mustCatchUp(t, New(log, Hub(), dir, time.Second))
	events := make([]eventlog.Event, eventsPerCommit)
	for i := range events {
		events[i] = hubEvent(t, event.Prompt{Text: fmt.Sprint(i)})
	}
	mustAppend(t, log, events...)
	enough := make(chan struct{})
	close(enough)
	s, err := New(log, view, dir, time.Second).CatchUpUntil(ctx, enough)
	must(t, err)
	if s.Held != stoppedEarly || s.Behind() != 1 {
		t.Errorf("status %+v", s)
	}
}

// Each kind of difference from the log is named, case too where names are unique without it.
func TestVerifyNamesTheRowThatDiffers(t *testing.T) {
	for statement, want := range map[string]string{
		"UPDATE models SET provider = 'Rules'":                                   "models: row 1 differs from what the log gives",
		"UPDATE results SET raw_reply = raw_reply || ' ' WHERE id = 1":           "results: row 1 differs from what the log gives",
		"UPDATE results SET flag = NULL WHERE id = 1":                            "results: row 1 differs from what the log gives",
		"DELETE FROM calls WHERE id = 1":                                         "calls lacks the row of event 1",
		"INSERT INTO sets(seq, key, label) VALUES (99, 'k', 'l')":                "sets has a row 99 that the log does not give",
		"ALTER TABLE prompts ADD COLUMN more TEXT":                               "prompts has other columns than the log gives",
		"UPDATE experiments SET f1 = f1 + 1e-15 WHERE id = 1":                    "experiments: row 1 differs from what the log gives",
		"UPDATE narratives SET narrative_text = CAST(narrative_text AS BLOB)":    "narratives: row 2 differs from what the log gives",
		"UPDATE results SET id = 77 WHERE id = (SELECT max(id) FROM results)":    "results has a row 77 that the log does not give",
		"INSERT INTO dead_events(seq, type, version, reason) VALUES (1,1,1,'r')": "dead_events has a row 1 that the log does not give",
	} {
		dir := t.TempDir()
		log := eventlog.New(dir, eventlog.Options{})
		p := New(log, Hub(), dir, time.Second)
		b := newBench(t, 0, "TF")
		mustAppend(t, log, b.events(t)...)
		appendHub(t, log, p, b.started(0, 0, 1), b.answered(0, 0, 1, "yes"), b.parsed(0, 0, 1, true))
		verifyClean(t, p)
		write(t, p, statement)
		if found, err := p.Verify(ctx); err != nil || len(found) != 1 || found[0] != want {
			t.Errorf("%s: %q, %v, want %q", statement, found, err, want)
		}
	}
}
