package query

import (
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/explog/explog/event"
	"github.com/explog/explog/eventlog"
	"github.com/explog/explog/projector"
)

type fact interface{ Fact() (event.Fact, error) }

// hubOf returns a reader of a view that holds these facts.
func hubOf(t *testing.T, facts ...fact) (h *Hub, path string) {
	t.Helper()
	dir := t.TempDir()
	log := eventlog.New(dir, eventlog.Options{})
	var batch eventlog.Batch
	for _, v := range facts {
		f, err := v.Fact()
		if err != nil {
			t.Fatal(err)
		}
		batch.Events = append(batch.Events, eventlog.Event{ID: f.ID, Type: uint16(f.Type), Version: f.Version, Data: f.Data})
	}
	if _, err := log.Append(ctx, batch); err != nil {
		t.Fatal(err)
	}
	p := projector.New(log, projector.Hub(), dir, time.Second)
	if _, err := p.CatchUpFully(ctx); err != nil {
		t.Fatal(err)
	}
	h, err := OpenHub(ctx, p.Path(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h, p.Path()
}

var (
	hubTime   = time.Date(2026, 4, 7, 9, 30, 0, 0, time.UTC)
	hubPrompt = event.Prompt{Text: "Is it?"}
	hubTexts  = []event.Narrative{{Text: "it is"}, {Text: "it is not"}}
	hubSet    = event.NarrativeSet{Label: "flag", Narratives: []event.Labelled{
		{ID: "N-1", Text: hubTexts[0].Key(), Flag: new(true)}, {ID: "N-2", Text: hubTexts[1].Key()},
	}}
)

func hubKey(n int) uuid.UUID { return uuid.NewSHA1(uuid.NameSpaceOID, []byte{byte(n)}) }

func defined(t *testing.T, n int, name string) event.ExperimentDefined {
	t.Helper()
	set, err := hubSet.Key()
	if err != nil {
		t.Fatal(err)
	}
	e := event.ExperimentDefined{
		ID: hubKey(n), Name: name, Author: "Andrea", Prompt: hubPrompt.Key(), Set: set, Provider: "openai", Model: "m", Repeats: 2,
		Parameters: []byte(`{"seed":1}`), InputPrice: new(2.0), OutputPrice: new(4.0), Defined: hubTime,
	}
	e.Definition = e.DefinitionKey()
	return e
}

// hubFacts are three experiments of two names: of the first one narrative was judged,
// one answer was not parsed, one question has no answer, and one was not asked.
func hubFacts(t *testing.T) []fact {
	facts := []fact{hubPrompt, hubTexts[0], hubTexts[1], hubSet, defined(t, 1, "one"), defined(t, 2, "two"), defined(t, 3, "one")}
	of := func(narrative string, repeat, attempt int) (event.CallStarted, event.CallFinished, event.ResultParsed) {
		call := event.CallKey(hubKey(1), narrative, repeat, nil)
		return event.CallStarted{Call: call, Attempt: attempt, Experiment: hubKey(1), Narrative: narrative, Repeat: repeat, Started: hubTime},
			event.CallFinished{Call: call, Attempt: attempt, Experiment: hubKey(1), Narrative: narrative, Repeat: repeat},
			event.ResultParsed{Call: call, Attempt: attempt, Experiment: hubKey(1), Narrative: narrative, Repeat: repeat}
	}
	started, answered, parsed := of("N-1", 0, 1)
	answered.Text, answered.Reasoning, answered.Finish, answered.Latency = `{"detected":true}`, "hm", "complete", 1500*time.Microsecond
	answered.InputTokens, answered.OutputTokens = new(int64(100)), new(int64(10))
	parsed.Outcome, parsed.Flag, parsed.Confidence, parsed.Indicators, parsed.Rationale = event.ResultOK, new(true), new(0.75), []string{"<it>"}, "it says so"
	parsed.Reasoning, parsed.Step, parsed.Parser = []string{"read", "judge"}, "json", 1
	facts = append(facts, event.ExperimentStarted{ID: hubKey(9), Experiment: hubKey(1), Started: hubTime}, started, answered, parsed)
	started, failed, _ := of("N-1", 1, 1)
	failed.Error, failed.ErrorKind = "busy", "throttled"
	again, unparsed, _ := of("N-1", 1, 2)
	unparsed.Text, unparsed.Finish, unparsed.Latency = "yes", "truncated", 3500*time.Microsecond
	unparsed.InputTokens, unparsed.OutputTokens = new(int64(200)), new(int64(20))
	facts = append(facts, started, failed, again, unparsed)
	started, _, _ = of("N-2", 0, 1)
	again, failed, _ = of("N-2", 0, 2)
	failed.Error, failed.ErrorKind, failed.Last = "no such model", "fatal", true
	return append(facts, started, again, failed)
}

func TestAnExperimentIsWhatItsFactsSay(t *testing.T) {
	h, _ := hubOf(t, hubFacts(t)...)
	got, err := h.Experiment(ctx, "1")
	if err != nil {
		t.Fatal(err)
	}
	want := HubExperiment{
		ID: 1, UUID: hubKey(1), Definition: defined(t, 1, "one").Definition, Name: "one", Author: "Andrea", PromptID: 1, Prompt: "Is it?",
		ModelID: 1, Model: "m", Provider: "openai", Label: "flag", Repeats: 2, Parameters: []byte(`{"seed":1}`), Status: "running", Started: hubTime,
		Total: 4, Labelled: 2, ManualTrue: 2, Positives: 1, TP: 1,
		Outcomes: map[event.ResultOutcome]int{
			event.ResultOK: 1, event.ResultError: 1, event.ResultNotRun: 2,
			event.ResultUnparsed: 0, event.ResultRefused: 0, event.ResultFiltered: 0, event.ResultTruncated: 0,
		},
		InputTokens: 300, OutputTokens: 30, Cost: new(0.00072), MeanLatency: 2500 * time.Microsecond, Calls: 5, PossiblyBilled: 1,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("experiment\n%+v\nwant\n%+v", got, want)
	}
}

func TestExperimentsAreFoundByWhatNamesThem(t *testing.T) {
	facts := hubFacts(t)
	for n, name := range []string{"2", "7", "latest"} {
		facts = append(facts, defined(t, 4+n, name))
	}
	h, _ := hubOf(t, facts...)
	for ref, want := range map[string]int64{
		"latest": 6, "1": 1, "2": 2, "7": 5, "one": 3, "two": 2, hubKey(1).String(): 1, strings.ToUpper(hubKey(2).String()): 2,
	} {
		if e, err := h.Experiment(ctx, ref); err != nil || e.ID != want {
			t.Errorf("%s is %d, %v, want %d", ref, e.ID, err, want)
		}
	}
	for _, ref := range []string{"three", "99", "", "One", hubKey(50).String()} {
		_, err := h.Experiment(ctx, ref)
		if !errors.Is(err, ErrNoExperiment) || !strings.HasSuffix(err.Error(), fmt.Sprintf(`%q; there are 6 "latest", 5 "7", 4 "2", 3 "one", 2 "two", 1 "one"`, ref)) {
			t.Errorf("%s: %v", ref, err)
		}
	}
	ids := []int64{}
	for e, err := range h.Experiments(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, e.ID)
	}
	if !reflect.DeepEqual(ids, []int64{1, 2, 3, 4, 5, 6}) {
		t.Errorf("experiments %v", ids)
	}
	none, _ := hubOf(t, hubPrompt)
	if _, err := none.Experiment(ctx, "latest"); !errors.Is(err, ErrNoExperiment) {
		t.Errorf("of none the latest: %v", err)
	}
}

func collect[T any](t *testing.T, rows iter.Seq2[T, error]) []T {
	t.Helper()
	var all []T
	for v, err := range rows {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

func TestResultsAreWhatTheirFactsSay(t *testing.T) {
	h, _ := hubOf(t, hubFacts(t)...)
	results := collect(t, h.Results(ctx, 1))
	want := []HubResult{
		{
			ID: 1, ExperimentID: 1, NarrativeID: "N-1", Text: "it is", Manual: new(true), Outcome: event.ResultOK, Flag: new(true), Confidence: new(0.75),
			Indicators: []string{"<it>"}, Rationale: "it says so", ReasoningSteps: []string{"read", "judge"}, Step: "json",
			Reply: `{"detected":true}`, Reasoning: "hm", Finish: "complete", Attempts: 1, InputTokens: new(int64(100)), OutputTokens: new(int64(10)), Latency: 1500 * time.Microsecond,
		},
		{
			ID: 2, ExperimentID: 1, NarrativeID: "N-1", Repeat: 1, Text: "it is", Manual: new(true), Outcome: event.ResultNotRun, Indicators: []string{},
			ReasoningSteps: []string{}, Reply: "yes", Finish: "truncated", Attempts: 2, InputTokens: new(int64(200)), OutputTokens: new(int64(20)), Latency: 3500 * time.Microsecond,
		},
		{
			ID: 3, ExperimentID: 1, NarrativeID: "N-2", Text: "it is not", Outcome: event.ResultError, Problem: "no such model", Indicators: []string{},
			ReasoningSteps: []string{}, Attempts: 2, PossiblyBilled: 1,
		},
		{ID: 4, ExperimentID: 1, NarrativeID: "N-2", Repeat: 1, Text: "it is not", Outcome: event.ResultNotRun, Indicators: []string{}, ReasoningSteps: []string{}},
	}
	if !reflect.DeepEqual(results, want) {
		t.Errorf("results\n%+v\nwant\n%+v", results, want)
	}
	verdicts := collect(t, h.Narrative(ctx, "N-2"))
	if len(verdicts) != 6 || verdicts[0].Experiment.ID != 1 || !reflect.DeepEqual(verdicts[0].Result, want[2]) || verdicts[5].Experiment.ID != 3 || verdicts[5].Result.ID != 12 {
		t.Errorf("verdicts %+v", verdicts)
	}
	if verdicts := collect(t, h.Narrative(ctx, "n-2")); len(verdicts) > 0 {
		t.Errorf("verdicts on what is not there: %+v", verdicts)
	}
}

func TestProgressSaysWhatIsLeft(t *testing.T) {
	h, _ := hubOf(t, hubFacts(t)...)
	want := []Progress{
		{NarrativeID: "N-1", Attempts: 1, Outcome: event.ResultOK, Finished: true},
		{NarrativeID: "N-1", Repeat: 1, Attempts: 2, Outcome: event.ResultNotRun, Finished: true, Unparsed: &event.CallFinished{
			Call: event.CallKey(hubKey(1), "N-1", 1, nil), Attempt: 2, Experiment: hubKey(1), Narrative: "N-1", Repeat: 1, Text: "yes", Finish: "truncated",
		}},
		{NarrativeID: "N-2", Attempts: 2, Outcome: event.ResultError, Finished: true},
		{NarrativeID: "N-2", Repeat: 1, Outcome: event.ResultNotRun},
	}
	if got := collect(t, h.Progress(ctx, hubKey(1))); !reflect.DeepEqual(got, want) {
		t.Errorf("progress\n%+v\nwant\n%+v", got, want)
	}
	if got := collect(t, h.Progress(ctx, hubKey(99))); len(got) > 0 {
		t.Errorf("progress of what is not there: %+v", got)
	}
}

func TestTheLatestUnfinishedExperimentIsResumable(t *testing.T) {
	facts := hubFacts(t)
	definition := defined(t, 1, "one").Definition
	stop := func(n int, outcome event.StopOutcome) []fact {
		start := event.ExperimentStarted{ID: uuid.New(), Experiment: hubKey(n), Started: hubTime}
		return []fact{start, event.ExperimentStopped{Start: start.ID, Experiment: hubKey(n), Outcome: outcome, Stopped: hubTime}}
	}
	for _, c := range []struct {
		more []fact
		want uuid.UUID
	}{
		{nil, hubKey(3)},
		{stop(3, event.StopFinished), hubKey(1)},
		{stop(1, event.StopAborted), hubKey(1)},
		{stop(1, event.StopFinished), uuid.UUID{}},
	} {
		facts = append(facts, c.more...)
		h, _ := hubOf(t, facts...)
		got, ok, err := h.Resumable(ctx, definition)
		if err != nil || got != c.want || ok != (c.want != uuid.UUID{}) {
			t.Errorf("resumable is %v, %v, %v, want %v", got, ok, err, c.want)
		}
		if _, ok, err := h.Resumable(ctx, uuid.New()); ok || err != nil {
			t.Errorf("of an unknown definition: %v, %v", ok, err)
		}
	}
}

func TestOpeningAHubChecksEachPage(t *testing.T) {
	h, path := hubOf(t, hubFacts(t)...)
	h.Close()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const page = 32 << 10
	for at := page / 2; at < len(file); at += page {
		copied := filepath.Join(t.TempDir(), "hub.sqlite")
		file[at] ^= 4
		if err := os.WriteFile(copied, file, 0o644); err != nil {
			t.Fatal(err)
		}
		file[at] ^= 4
		if h, err := OpenHub(ctx, copied, time.Second); !errors.Is(err, ErrDamaged) {
			t.Errorf("page %d: %v, %v", at/page+1, h, err)
		}
	}
}
