package projector

import (
	"crypto/sha256"
	"database/sql"
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
func hubEvent(t interface{ Fatal(...any) }, v fact) eventlog.Event {
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
			one.Flag = new(f == 'T')
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
		b.InputPrice, b.OutputPrice = new(2.5), new(10.0)
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
		Text: text, Finish: "complete", Model: "m-2026", InputTokens: new(int64(1000)), OutputTokens: new(int64(100)),
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
		Parser: 1, Outcome: event.ResultOK, Step: "json", Flag: &flag, Confidence: new(0.9), Indicators: []string{"a", "<b>"},
		Rationale: "because", Reasoning: []string{"one", "two"},
	}
}

func (b bench) unusable(narrative, repeat, attempt int, outcome event.ResultOutcome) event.ResultParsed {
	r := b.parsed(narrative, repeat, attempt, false)
	r.Outcome, r.Problem, r.Flag, r.Confidence, r.Indicators, r.Rationale, r.Reasoning = outcome, "it says nothing", nil, nil, nil, "", nil
	return r
}

func (b bench) withdrawn(narrative, repeat, attempt int) event.CallWithdrawn {
	return event.CallWithdrawn{
		Call: b.call(narrative, repeat), Attempt: attempt, Experiment: b.ID, Narrative: fmt.Sprint("N-", narrative), Repeat: repeat, Withdrawn: hubTime,
	}
}

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
	db, err := OpenReader(ctx, p.Path(), time.Second)
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
	if got, want := queryText(t, p, `SELECT id, planned, total_narratives, labelled, manual_true, positives, negatives, true_positives, false_negatives, false_positives,
true_negatives, ok, unparsed, refused, filtered, truncated, error, not_run, unusable_true, unusable_false, calls, possibly_billed,
input_tokens, output_tokens, cost, mean_latency_ms FROM experiments`),
		"1 6 5 4 2 2 1 0 1 1 0 3 1 0 0 0 1 1 1 1 8 2 4000 400 <nil> 250"; got != want {
		t.Errorf("the experiment has\n%s\nwant\n%s", got, want)
	}
	if got, want := queryText(t, p, "SELECT id, indicators, rational, reasoning_steps, confidence, step, raw_reply, finish, latency_ms FROM results WHERE id = 3"),
		`3 ["a","<b>"] because ["one","two"] 0.9 json yes complete 250`; got != want {
		t.Errorf("result %s, want %s", got, want)
	}
}

// What is withdrawn is asked again, and its attempts still count.
func TestAWithdrawnAnswerIsGone(t *testing.T) {
	log, p := hubStore(t)
	b := newBench(t, 0, "TF") // one repeat
	mustAppend(t, log, b.events(t)...)
	appendHub(t, log, p,
		b.started(0, 0, 1), b.answered(0, 0, 1, "no"), b.parsed(0, 0, 1, false), b.withdrawn(0, 0, 1),
		b.started(1, 0, 1), b.answered(1, 0, 1, "no"), b.parsed(1, 0, 1, false), b.withdrawn(1, 0, 1),
		b.started(1, 0, 2), b.answered(1, 0, 2, "yes"), b.parsed(1, 0, 2, true), b.withdrawn(1, 0, 1))
	const rows = "SELECT narrative_id, outcome, flag, raw_reply, finish, call IS NULL, parser, is_false_positive, is_false_negative, attempts, possibly_billed FROM results ORDER BY id"
	if got, want := queryText(t, p, rows), `N-0 not_run <nil> <nil> <nil> 1 <nil> <nil> <nil> 1 0
N-1 ok 1 yes complete 0 1 1 0 2 0`; got != want {
		t.Errorf("results\n%s\nwant\n%s", got, want)
	}
	if got, want := queryText(t, p, "SELECT ok, not_run, true_positives, false_negatives, false_positives, calls, input_tokens FROM experiments"), "1 1 0 0 1 3 3000"; got != want {
		t.Errorf("the experiment has %s, want %s", got, want)
	}
}

func TestIncrementalHubEqualsRebuiltHub(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds hundreds of views; run without -short")
	}
	rapid.Check(t, func(rt *rapid.T) {
		incrementalEqualsRebuilt(rt, Hub(), func() []eventlog.Event {
			events := drawHubEvents(rt)
			if rapid.IntRange(0, 19).Draw(rt, "twice") == 0 { // what should be one fact is two
				for _, ev := range events {
					ev.ID = uuid.NewSHA1(ev.ID, []byte("again"))
					events = append(events, ev)
				}
			}
			return events
		})
	})
}

// drawHubEvents makes up facts, of what is there and of what is not.
func drawHubEvents(rt *rapid.T) []eventlog.Event {
	n := rapid.IntRange(0, 5).Draw(rt, "bench")
	b := newBench(rt, n, "TF-TTFF"[:n+2])
	of, repeat, attempt := rapid.IntRange(0, 7).Draw(rt, "narrative"), rapid.IntRange(0, 2).Draw(rt, "repeat"), rapid.IntRange(1, 3).Draw(rt, "attempt")
	yes := rapid.Bool().Draw(rt, "yes")
	start := event.ExperimentStarted{ID: uuid.NewSHA1(b.ID, []byte{byte(attempt)}), Experiment: b.ID, Started: hubTime.Add(time.Duration(attempt) * time.Hour)}
	switch rapid.IntRange(0, 13).Draw(rt, "kind") {
	case 0:
		return b.events(rt)
	case 1: // without what it refers to
		return []eventlog.Event{hubEvent(rt, b.ExperimentDefined)}
	case 2:
		return []eventlog.Event{hubEvent(rt, start)}
	case 3:
		outcome := []event.StopOutcome{event.StopFinished, event.StopPaused, event.StopAborted, "?"}[repeat]
		return []eventlog.Event{hubEvent(rt, event.ExperimentStopped{Start: start.ID, Experiment: b.ID, Outcome: outcome, Reason: "no key", Stopped: start.Started})}
	case 4:
		r := event.Relabelled{ID: uuid.New(), Label: b.set.Label, Narrative: fmt.Sprint("N-", of), Text: event.Narrative{Text: "?"}.Key(), Relabel: hubTime}
		if of < len(b.texts) {
			r.Text = b.texts[of].Key()
		}
		if attempt > 1 {
			r.Flag = &yes
		}
		return []eventlog.Event{hubEvent(rt, r)}
	case 5:
		return []eventlog.Event{savedEvent(rt, of), {ID: uuid.New(), Type: uint16(event.TypeCallStarted), Version: uint16(attempt), Data: []byte("?")}}
	case 6:
		r := b.unusable(of, repeat, attempt, event.ResultOutcome([]string{"unparsed", "refused", "filtered", "truncated", "error", "not_run", "ok", "?"}[of]))
		r.Parser = attempt
		return []eventlog.Event{hubEvent(rt, r)}
	case 7:
		return []eventlog.Event{hubEvent(rt, b.failed(of, repeat, attempt, yes))}
	case 8:
		return []eventlog.Event{hubEvent(rt, b.started(of, repeat, attempt))}
	case 10:
		return []eventlog.Event{hubEvent(rt, b.withdrawn(of, repeat, attempt))}
	case 9:
		return []eventlog.Event{hubEvent(rt, b.answered(of, repeat, attempt, "yes"))}
	}
	return []eventlog.Event{
		hubEvent(rt, b.started(of, repeat, attempt)), hubEvent(rt, b.answered(of, repeat, attempt, "yes")), hubEvent(rt, b.parsed(of, repeat, attempt, yes)),
	}
}

// matrix logs a benchmark that comes to these counts, with some results that do not
// enter the matrix.
func matrix(t *testing.T, n int, c metrics.Counts) []eventlog.Event {
	flags := strings.Repeat("T", c.TP+c.FN) + strings.Repeat("F", c.FP+c.TN) + "TTFTF--"
	b := newBench(t, 2*n, flags) // one repeat
	events := b.events(t)
	answer := func(from, to int, flag bool) {
		for i := from; i < to; i++ {
			events = append(events, hubEvent(t, b.started(i, 0, 1)), hubEvent(t, b.answered(i, 0, 1, "?")), hubEvent(t, b.parsed(i, 0, 1, flag)))
		}
	}
	answer(0, c.TP, true)
	answer(c.TP, c.TP+c.FN, false)
	answer(c.TP+c.FN, c.TP+c.FN+c.FP, true)
	answer(c.TP+c.FN+c.FP, c.N(), false)
	answer(c.N()+5, c.N()+6, true) // without a manual flag
	return append(events,
		hubEvent(t, b.unusable(c.N(), 0, 1, event.ResultUnparsed)), hubEvent(t, b.unusable(c.N()+1, 0, 1, event.ResultRefused)),
		hubEvent(t, b.failed(c.N()+2, 0, 1, true)))
}

// Each metric of an experiment equals what package metrics computes from what plain
// SQL counts in results.
func TestMetricsEqualThoseOfTheResults(t *testing.T) {
	log, p := hubStore(t)
	want := []metrics.Counts{{TP: 231, FN: 27, FP: 32, TN: 54}, {TP: 1, FN: 3000, FP: 2, TN: 1}}
	for i := range 81 { // every way of being 0, 1 or 2
		want = append(want, metrics.Counts{TP: i % 3, FN: i / 3 % 3, FP: i / 9 % 3, TN: i / 27})
	}
	var events []eventlog.Event
	for i, c := range want {
		events = append(events, matrix(t, i, c)...)
	}
	mustAppend(t, log, events...)
	mustCatchUp(t, p)
	db, err := OpenReader(ctx, p.Path(), time.Second)
	must(t, err)
	defer db.Close()
	for i, c := range want {
		var counted metrics.Counts
		var labelled, columns int
		must(t, db.QueryRow(`SELECT sum(flag = 1 AND manual_flag = 1), sum(flag = 0 AND manual_flag = 1), sum(flag = 1 AND manual_flag = 0),
sum(flag = 0 AND manual_flag = 0), sum(manual_flag IS NOT NULL) FROM results WHERE outcome = 'ok' AND experiment_id = ?`, i+1).
			Scan(&nullInt{&counted.TP}, &nullInt{&counted.FN}, &nullInt{&counted.FP}, &nullInt{&counted.TN}, &nullInt{&labelled}))
		if counted != c || labelled != c.N() {
			t.Fatalf("experiment %d has %+v, want %+v", i+1, counted, c)
		}
		must(t, db.QueryRow("SELECT count(*) FROM experiments WHERE id = ? AND true_positives = ? AND false_negatives = ? AND false_positives = ? AND true_negatives = ?",
			i+1, c.TP, c.FN, c.FP, c.TN).Scan(&columns))
		if columns != 1 {
			t.Errorf("experiment %d does not have %+v", i+1, c)
		}
		for column, v := range map[string]metrics.Value{
			"percent_overlap": c.PercentOverlap(), "accuracy": c.Accuracy().Point, "precision": c.Precision().Point, "recall": c.Recall().Point,
			"specificity": c.Specificity().Point, "npv": c.NPV().Point, "f1": c.F1().Point, "balanced_accuracy": c.BalancedAccuracy(), "mcc": c.MCC(),
			"kappa": c.Kappa(), "coverage": c.Coverage(c.N() + 5),
		} {
			var got sql.NullFloat64
			must(t, db.QueryRow("SELECT "+column+" FROM experiments WHERE id = ?", i+1).Scan(&got))
			if x, defined := v.Float64(); got.Valid != defined || math.Abs(got.Float64-x) > 1e-12*max(1, math.Abs(x)) {
				t.Errorf("%+v: %s is %v, want %v", c, column, got, v)
			}
		}
	}
}

// nullInt scans NULL as 0.
type nullInt struct{ n *int }

func (v *nullInt) Scan(src any) error {
	n, _ := src.(int64)
	*v.n = int(n)
	return nil
}

func TestACorrectedFlagHoldsInAllExperimentsUntilTheNext(t *testing.T) {
	log, p := hubStore(t)
	b, other := newBench(t, 0, "TF-"), newBench(t, 1, "TF-") // of two labels
	relabel := func(n int, narrative string, text uuid.UUID, flag *bool) event.Relabelled {
		return event.Relabelled{ID: uuid.New(), Label: b.set.Label, Narrative: narrative, Text: text, Flag: flag, Relabel: hubTime.AddDate(0, 0, n)}
	}
	mustAppend(t, log, append(b.events(t), other.events(t)...)...)
	appendHub(t, log, p, b.started(0, 0, 1), b.answered(0, 0, 1, "yes"), b.parsed(0, 0, 1, true),
		other.started(0, 0, 1), other.answered(0, 0, 1, "yes"), other.parsed(0, 0, 1, true))
	const rows = `SELECT r.id, e.name, narrative_id, manual_flag, is_false_positive, is_false_negative, true_positives, false_positives, e.labelled, f1
FROM results AS r JOIN experiments AS e ON e.id = experiment_id WHERE repeat = 0 AND narrative_id <> 'N-1' ORDER BY r.id`
	for _, c := range []struct {
		relabel event.Relabelled
		want    string
	}{
		{
			relabel(1, "N-0", b.texts[0].Key(), new(false)),
			`1 bench 0 N-0 0 1 0 0 1 2 0
3 bench 0 N-2 <nil> <nil> <nil> 0 1 2 0
4 bench 1 N-0 1 0 0 1 0 4 1
8 bench 1 N-2 <nil> <nil> <nil> 1 0 4 1`,
		},
		{
			relabel(2, "N-0", b.texts[0].Key(), nil),
			`1 bench 0 N-0 <nil> <nil> <nil> 0 0 1 <nil>
3 bench 0 N-2 <nil> <nil> <nil> 0 0 1 <nil>
4 bench 1 N-0 1 0 0 1 0 4 1
8 bench 1 N-2 <nil> <nil> <nil> 1 0 4 1`,
		},
		{
			relabel(3, "N-0", b.texts[1].Key(), new(true)), // the id stands for another text here
			`1 bench 0 N-0 <nil> <nil> <nil> 0 0 1 <nil>
3 bench 0 N-2 <nil> <nil> <nil> 0 0 1 <nil>
4 bench 1 N-0 1 0 0 1 0 4 1
8 bench 1 N-2 <nil> <nil> <nil> 1 0 4 1`,
		},
		{
			relabel(4, "N-0", b.texts[0].Key(), new(true)),
			`1 bench 0 N-0 1 0 0 1 0 2 1
3 bench 0 N-2 <nil> <nil> <nil> 1 0 2 1
4 bench 1 N-0 1 0 0 1 0 4 1
8 bench 1 N-2 <nil> <nil> <nil> 1 0 4 1`,
		},
		{
			relabel(5, "N-0", b.texts[0].Key(), nil),
			`1 bench 0 N-0 <nil> <nil> <nil> 0 0 1 <nil>
3 bench 0 N-2 <nil> <nil> <nil> 0 0 1 <nil>
4 bench 1 N-0 1 0 0 1 0 4 1
8 bench 1 N-2 <nil> <nil> <nil> 1 0 4 1`,
		},
		{
			relabel(6, "N-2", b.texts[2].Key(), new(true)),
			`1 bench 0 N-0 <nil> <nil> <nil> 0 0 2 <nil>
3 bench 0 N-2 1 <nil> <nil> 0 0 2 <nil>
4 bench 1 N-0 1 0 0 1 0 4 1
8 bench 1 N-2 <nil> <nil> <nil> 1 0 4 1`,
		},
	} {
		appendHub(t, log, p, c.relabel)
		if got := queryText(t, p, rows); got != c.want {
			t.Errorf("after %s = %v:\n%s\nwant\n%s", c.relabel.Narrative, c.relabel.Flag, got, c.want)
		}
	}
	again := b
	again.ID = uuid.New()
	appendHub(t, log, p, again.ExperimentDefined)
	if got, want := queryText(t, p, "SELECT id, narrative_id, manual_flag FROM results WHERE experiment_id = 3"), "10 N-0 <nil>\n11 N-1 0\n12 N-2 1"; got != want {
		t.Errorf("a later experiment has\n%s\nwant\n%s", got, want)
	}
}

func TestAnAnswerTakesTheErrorsPlaceAndNotTheOtherWayRound(t *testing.T) {
	log, p := hubStore(t)
	b := newBench(t, 0, "T")
	mustAppend(t, log, b.events(t)...)
	again := b.answered(0, 0, 2, "perhaps")
	for _, step := range []struct {
		fact interface{ Fact() (event.Fact, error) }
		want string
	}{
		{b.failed(0, 0, 1, true), "1 error the server is busy <nil> 1 <nil>"},
		{again, "1 not_run <nil> <nil> 2 1000"},
		{b.failed(0, 0, 3, true), "1 not_run <nil> <nil> 3 <nil>"},
		{b.parsed(0, 0, 2, true), "1 ok <nil> 1 3 <nil>"},
		{b.failed(0, 0, 4, true), "1 ok <nil> 1 4 <nil>"},
		{b.answered(0, 0, 5, "yes"), "1 not_run <nil> <nil> 5 1000"},
	} {
		appendHub(t, log, p, step.fact)
		if got := queryText(t, p, "SELECT id, outcome, problem, flag, attempts, input_tokens FROM results"); got != step.want {
			t.Errorf("after %T: %s, want %s", step.fact, got, step.want)
		}
	}
}

func TestTheCostIsUnknownWithoutPricesOrTokens(t *testing.T) {
	log, p := hubStore(t)
	priced, free := newBench(t, 0, "TF"), newBench(t, 1, "TF") // 2.50 and 10 US dollars; none
	mustAppend(t, log, append(priced.events(t), free.events(t)...)...)
	silent := priced.answered(1, 0, 1, "no")
	silent.OutputTokens = nil
	const rows = "SELECT id, input_tokens, output_tokens, cost FROM experiments"
	appendHub(t, log, p, priced.answered(0, 0, 1, "yes"), priced.failed(0, 0, 2, true), free.answered(0, 0, 1, "yes"))
	if got, want := queryText(t, p, rows), "1 1000 100 0.0035\n2 1000 100 <nil>"; got != want {
		t.Errorf("experiments\n%s\nwant\n%s", got, want)
	}
	appendHub(t, log, p, silent)
	if got, want := queryText(t, p, rows), "1 2000 100 <nil>\n2 1000 100 <nil>"; got != want {
		t.Errorf("experiments\n%s\nwant\n%s", got, want)
	}
}

func TestAnIDThatASetHasTwiceIsOneResult(t *testing.T) {
	log, p := hubStore(t)
	b := newBench(t, 0, "TF")
	b.set.Narratives[1].ID = b.set.Narratives[0].ID
	key, err := b.set.Key()
	must(t, err)
	b.Set = key
	mustAppend(t, log, b.events(t)...)
	mustCatchUp(t, p)
	if got, want := queryText(t, p, "SELECT id, narrative_id, manual_flag FROM results"), "1 N-0 1"; got != want {
		t.Errorf("results\n%s\nwant\n%s", got, want)
	}
}

func TestTheSameTextIsOnePrompt(t *testing.T) {
	log, p := hubStore(t)
	for n := range 6 {
		mustAppend(t, log, newBench(t, n, "T").events(t)...)
	}
	mustCatchUp(t, p)
	if got, want := queryText(t, p, "SELECT id, prompt_text, prompt_hash FROM prompts ORDER BY id"),
		"1 is it? 0 "+sha("is it? 0")+"\n2 is it? 1 "+sha("is it? 1"); got != want {
		t.Errorf("prompts\n%s\nwant\n%s", got, want)
	}
	if got, want := queryText(t, p, "SELECT e.id, name, prompt_id, model_id, model_name, provider FROM experiments AS e JOIN models AS m ON m.id = model_id ORDER BY e.id"),
		"1 bench 0 1 1 m0 rules\n2 bench 1 2 2 m1 rules\n3 bench 2 1 1 m0 rules\n4 bench 0 2 2 m1 rules\n5 bench 1 1 1 m0 rules\n6 bench 2 2 2 m1 rules"; got != want {
		t.Errorf("experiments\n%s\nwant\n%s", got, want)
	}
}

func sha(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

func TestStatusFollowsStartsAndStops(t *testing.T) {
	log, p := hubStore(t)
	b := newBench(t, 0, "T")
	mustAppend(t, log, b.events(t)...)
	start := func(n int) event.ExperimentStarted {
		return event.ExperimentStarted{ID: uuid.NewSHA1(b.ID, []byte{byte(n)}), Experiment: b.ID, Started: hubTime.Add(time.Duration(n) * time.Hour)}
	}
	stop := func(n int, outcome event.StopOutcome, reason string) event.ExperimentStopped {
		return event.ExperimentStopped{Start: start(n).ID, Experiment: b.ID, Outcome: outcome, Reason: reason, Stopped: start(n).Started.Add(time.Minute)}
	}
	for _, step := range []struct {
		fact interface{ Fact() (event.Fact, error) }
		want string
	}{
		{start(1), "1 running <nil> 2026-04-07 10:30:00.123456 +0000 UTC <nil>"},
		{stop(1, event.StopAborted, "a bad key"), "1 aborted a bad key 2026-04-07 10:30:00.123456 +0000 UTC 2026-04-07 10:31:00.123456 +0000 UTC"},
		{start(2), "1 running <nil> 2026-04-07 10:30:00.123456 +0000 UTC <nil>"}, // and killed
		{start(3), "1 running <nil> 2026-04-07 10:30:00.123456 +0000 UTC <nil>"},
		{stop(2, event.StopPaused, ""), "1 running <nil> 2026-04-07 10:30:00.123456 +0000 UTC <nil>"}, // late
		{stop(3, event.StopFinished, ""), "1 finished <nil> 2026-04-07 10:30:00.123456 +0000 UTC 2026-04-07 12:31:00.123456 +0000 UTC"},
	} {
		appendHub(t, log, p, step.fact)
		if got := queryText(t, p, "SELECT id, status, reason, start_time, end_time FROM experiments"); got != step.want {
			t.Errorf("after %+v: %s, want %s", step.fact, got, step.want)
		}
	}
}

// What a fact refers to may not be there: it changes nothing, and those that follow
// are folded.
func TestFactsOfWhatIsNotThereChangeNothing(t *testing.T) {
	log, p := hubStore(t)
	b, stranger := newBench(t, 0, "TF"), newBench(t, 2, "TF")
	mustAppend(t, log, b.events(t)...)
	mustCatchUp(t, p)
	rows := func() string {
		return queryText(t, p, "SELECT * FROM results") + "\n" + queryText(t, p, "SELECT * FROM calls")
	}
	before := rows()
	appendHub(t, log, p,
		stranger.started(0, 0, 1), stranger.answered(0, 0, 1, "yes"), stranger.parsed(0, 0, 1, true), // no such experiment
		b.started(7, 0, 1), b.answered(7, 0, 1, "yes"), b.parsed(7, 0, 1, true), // narrative
		b.started(0, 3, 1), b.failed(0, 3, 1, true), // repeat
		event.ExperimentStarted{ID: uuid.New(), Experiment: stranger.ID}, event.ExperimentStopped{Start: uuid.New(), Experiment: b.ID, Outcome: event.StopPaused},
		event.Relabelled{ID: uuid.New(), Label: "?", Narrative: "N-0", Text: b.texts[0].Key()})
	if after := rows(); after != before {
		t.Errorf("rows\n%s\nwere\n%s", after, before)
	}
	lonely := newBench(t, 4, "TF").ExperimentDefined // without prompt and set
	lonely.Prompt, lonely.Set = uuid.New(), uuid.New()
	appendHub(t, log, p, lonely)
	if got, want := queryText(t, p, "SELECT id, status, prompt_id, label, planned, f1, cost FROM experiments ORDER BY id"),
		"1 defined 1 label0 2 <nil> 0\n2 defined <nil>  0 <nil> 0"; got != want {
		t.Errorf("experiments\n%s\nwant\n%s", got, want)
	}
	if got := queryText(t, p, "SELECT count(*) FROM dead_events"); got != "0" {
		t.Errorf("%s dead events", got)
	}
}

func TestFactsThatCannotBeAreDead(t *testing.T) {
	log, p := hubStore(t)
	b := newBench(t, 0, "TF")
	mustAppend(t, log, b.events(t)...)
	noFlag, flagged, strange, never := b.parsed(0, 0, 1, true), b.unusable(0, 0, 2, event.ResultRefused), b.unusable(0, 0, 3, "?"), newBench(t, 2, "").ExperimentDefined
	noFlag.Flag, flagged.Flag, never.Repeats = nil, new(true), 0
	appendHub(t, log, p, noFlag, flagged, strange, never, event.ExperimentStopped{Experiment: b.ID, Outcome: "?"})
	if got := queryText(t, p, "SELECT count(*), (SELECT count(*) FROM results WHERE outcome = 'not_run'), (SELECT count(*) FROM experiments) FROM dead_events"); got != "5 2 1" {
		t.Errorf("dead events, results and experiments: %s", got)
	}
}
