package projector

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/explog/explog/event"
	"github.com/explog/explog/eventlog"
	"github.com/explog/explog/hub/metrics"
)

func hubStore(t *testing.T) (*eventlog.Log, *Projector) {
	t.Helper()
	dir := t.TempDir()
	log := eventlog.New(dir, eventlog.Options{LockTimeout: 10 * time.Second})
	p := New(log, Hub(), dir, 10*time.Second)
	t.Cleanup(func() {
		if !t.Failed() {
			verifyClean(t, p)
		}
	})
	return log, p
}

// hubEvent turns a fact of a benchmark into an event.
func hubEvent(t interface{ Fatal(...any) }, v interface{ Fact() (event.Fact, error) }) eventlog.Event {
	f, err := v.Fact()
	if err != nil {
		t.Fatal(err)
	}
	return toEvent(f)
}

var hubTime = time.Date(2026, 4, 7, 9, 30, 0, 123_456_000, time.UTC)

// bench is a benchmark that a test makes up.
type bench struct {
	event.ExperimentDefined
	prompt event.Prompt
	texts  []event.Narrative
	set    event.NarrativeSet
}

// newBench is a benchmark over narratives N-0, N-1 and so on with these flags:
// T for true, F for false, anything else for none.
func newBench(t interface{ Fatal(...any) }, n int, flags string) bench {
	b := bench{prompt: event.Prompt{Text: fmt.Sprint("is it? ", n%2)}, set: event.NarrativeSet{Label: fmt.Sprint("label", n%2)}}
	for i, f := range flags {
		b.texts = append(b.texts, event.Narrative{Text: fmt.Sprintf("text %d \x00 😀 \"q\"", i%5)})
		one := event.Labelled{ID: fmt.Sprint("N-", i), Text: b.texts[i].Key()}
		if f == 'T' || f == 'F' {
			one.Flag = ptr(f == 'T')
		}
		b.set.Narratives = append(b.set.Narratives, one)
	}
	key, err := b.set.Key()
	if err != nil {
		t.Fatal(err)
	}
	b.ExperimentDefined = event.ExperimentDefined{
		ID: uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, "bench ", n)), Name: fmt.Sprint("bench ", n%3), Author: "Andrea",
		Prompt: b.prompt.Key(), Set: key, Provider: "rules", Model: fmt.Sprint("m", n%2), Repeats: 1 + n%2,
		Parameters: json.RawMessage(`{"seed":1}`), Defined: hubTime,
	}
	b.Definition = b.DefinitionKey()
	if n%2 == 0 {
		b.InputPrice, b.OutputPrice = ptr(2.5), ptr(10.0)
	}
	return b
}

// events are what is logged when the benchmark is defined.
func (b bench) events(t interface{ Fatal(...any) }) []eventlog.Event {
	events := []eventlog.Event{hubEvent(t, b.prompt)}
	for _, n := range b.texts {
		events = append(events, hubEvent(t, n))
	}
	return append(events, hubEvent(t, b.set), hubEvent(t, b.ExperimentDefined))
}

func (b bench) call(narrative, repeat int) uuid.UUID {
	return event.CallKey(b.ID, fmt.Sprint("N-", narrative), repeat, nil)
}

func (b bench) started(narrative, repeat, attempt int) event.CallStarted {
	return event.CallStarted{
		Call: b.call(narrative, repeat), Attempt: attempt, Experiment: b.ID,
		Narrative: fmt.Sprint("N-", narrative), Repeat: repeat, Started: hubTime,
	}
}

func (b bench) answered(narrative, repeat, attempt int, text string) event.CallFinished {
	return event.CallFinished{
		Call: b.call(narrative, repeat), Attempt: attempt, Experiment: b.ID, Narrative: fmt.Sprint("N-", narrative), Repeat: repeat,
		Text: text, Finish: "complete", Model: "m-2026", InputTokens: ptr(int64(1000)), OutputTokens: ptr(int64(100)),
		Latency: 250 * time.Millisecond, Finished: hubTime.Add(time.Second),
	}
}

func (b bench) failed(narrative, repeat, attempt int, last bool) event.CallFinished {
	return event.CallFinished{
		Call: b.call(narrative, repeat), Attempt: attempt, Experiment: b.ID, Narrative: fmt.Sprint("N-", narrative), Repeat: repeat,
		Error: "the server is busy", ErrorKind: "throttled", Status: 429, Last: last, Finished: hubTime.Add(time.Second),
	}
}

func (b bench) parsed(narrative, repeat, attempt int, flag bool) event.ResultParsed {
	return event.ResultParsed{
		Call: b.call(narrative, repeat), Attempt: attempt, Experiment: b.ID, Narrative: fmt.Sprint("N-", narrative), Repeat: repeat,
		Parser: 1, Outcome: event.ResultOK, Step: "json", Flag: &flag, Confidence: ptr(0.9), Indicators: []string{"a", "<b>"},
		Rationale: "because", Reasoning: []string{"one", "two"},
	}
}

func (b bench) unusable(narrative, repeat, attempt int, outcome event.ResultOutcome) event.ResultParsed {
	r := b.parsed(narrative, repeat, attempt, false)
	r.Outcome, r.Problem, r.Flag, r.Confidence, r.Indicators, r.Rationale, r.Reasoning = outcome, "it says nothing", nil, nil, nil, "", nil
	return r
}

func ptr[T any](v T) *T { return &v }

// appendHub logs facts and catches the view up.
func appendHub(t *testing.T, log *eventlog.Log, p *Projector, facts ...interface{ Fact() (event.Fact, error) }) {
	t.Helper()
	var events []eventlog.Event
	for _, f := range facts {
		events = append(events, hubEvent(t, f))
	}
	mustAppend(t, log, events...)
	mustCatchUp(t, p)
}

// queryText returns one row of a query, its values as text.
func queryText(t *testing.T, p *Projector, q string) string {
	t.Helper()
	db, err := OpenReader(ctx, p.Path())
	must(t, err)
	defer db.Close()
	rows, err := db.Query(q)
	must(t, err)
	defer rows.Close()
	var out []string
	for {
		row, err := nextRow(rows)
		must(t, err)
		if row == nil {
			return strings.Join(out, "\n")
		}
		for i, v := range row[1:] {
			_, row[i+1], _ = strings.Cut(v, " ")
		}
		out = append(out, strings.Join(row, " "))
	}
}

func TestResultsAreMadeWithTheExperimentAndFilledByItsCalls(t *testing.T) {
	log, p := hubStore(t)
	b := newBench(t, 1, "TF-") // two repeats
	mustAppend(t, log, b.events(t)...)
	mustCatchUp(t, p)
	const rows = "SELECT id, narrative_id, repeat, manual_flag, outcome, flag, is_false_positive, is_false_negative, attempts, possibly_billed FROM results ORDER BY id"
	if got, want := queryText(t, p, rows), `1 N-0 0 1 not_run <nil> <nil> <nil> 0 0
2 N-0 1 1 not_run <nil> <nil> <nil> 0 0
3 N-1 0 0 not_run <nil> <nil> <nil> 0 0
4 N-1 1 0 not_run <nil> <nil> <nil> 0 0
5 N-2 0 <nil> not_run <nil> <nil> <nil> 0 0
6 N-2 1 <nil> not_run <nil> <nil> <nil> 0 0`; got != want {
		t.Errorf("defined:\n%s\nwant\n%s", got, want)
	}
	appendHub(t, log, p,
		b.started(1, 0, 1), b.started(0, 0, 1), b.answered(0, 0, 1, "no"), b.parsed(0, 0, 1, false),
		b.failed(1, 0, 1, false), b.started(1, 0, 2), b.answered(1, 0, 2, "yes"), b.parsed(1, 0, 2, true),
		b.started(2, 0, 1), b.answered(2, 0, 1, "yes"), b.parsed(2, 0, 1, true),
		b.started(0, 1, 1), b.started(0, 1, 2), b.failed(0, 1, 2, true),
		b.started(1, 1, 1), b.answered(1, 1, 1, "perhaps"), b.unusable(1, 1, 1, event.ResultUnparsed), b.started(2, 1, 1))
	if got, want := queryText(t, p, rows), `1 N-0 0 1 ok 0 0 1 1 0
2 N-0 1 1 error <nil> <nil> <nil> 2 1
3 N-1 0 0 ok 1 1 0 2 0
4 N-1 1 0 unparsed <nil> <nil> <nil> 1 0
5 N-2 0 <nil> ok 1 <nil> <nil> 1 0
6 N-2 1 <nil> not_run <nil> <nil> <nil> 1 1`; got != want {
		t.Errorf("asked:\n%s\nwant\n%s", got, want)
	}
	if got, want := queryText(t, p, `SELECT id, total_narratives, labelled, manual_true, positives, negatives, true_positives, false_negatives, false_positives,
true_negatives, ok, unparsed, refused, filtered, truncated, error, not_run, unusable_true, unusable_false, calls, possibly_billed,
input_tokens, output_tokens, cost, mean_latency_ms FROM experiments`),
		"1 6 4 2 2 1 0 1 1 0 3 1 0 0 0 1 1 1 1 8 2 4000 400 <nil> 250"; got != want {
		t.Errorf("the experiment has\n%s\nwant\n%s", got, want)
	}
	if got, want := queryText(t, p, "SELECT id, indicators, rational, reasoning_steps, confidence, step, raw_reply, finish, latency_ms FROM results WHERE id = 3"),
		`3 ["a","<b>"] because ["one","two"] 0.9 json yes complete 250`; got != want {
		t.Errorf("result %s, want %s", got, want)
	}
}

var _ = math.Abs
var _ = rapid.Check
var _ metrics.Counts
