package explog

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/explog/explog/event"
	"github.com/explog/explog/query/dataset"
	"github.com/explog/explog/query/finetune"
)

// answeredBenchmark is a benchmark over narratives that are not alike. Of the even ones
// the manual flag is TRUE, of the odd ones FALSE, the last one has none.
type answeredBenchmark struct {
	t     *testing.T
	l     *Logger
	id    uuid.UUID
	texts []event.Narrative
	at    time.Time
}

func newAnsweredBenchmark(t *testing.T, l *Logger, name string, narratives int) *answeredBenchmark {
	t.Helper()
	b := &answeredBenchmark{t: t, l: l, id: uuid.New(), at: time.Date(2026, 4, 7, 9, 30, 0, 0, time.UTC)}
	set := event.NarrativeSet{Label: "ipv"}
	prompt := event.Prompt{Text: "Is it partner violence? One word."}
	facts := []interface{ Fact() (event.Fact, error) }{prompt}
	for n := range narratives {
		text := event.Narrative{Text: fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, n)))}
		b.texts = append(b.texts, text)
		facts = append(facts, text)
		manual := n%2 == 0
		labelled := event.Labelled{ID: fmt.Sprint("N-", n), Text: text.Key(), Flag: &manual}
		if n == narratives-1 {
			labelled.Flag = nil
		}
		set.Narratives = append(set.Narratives, labelled)
	}
	key, err := set.Key()
	if err != nil {
		t.Fatal(err)
	}
	e := event.ExperimentDefined{ID: b.id, Name: name, Prompt: prompt.Key(), Set: key, Provider: "openai", Model: "gpt", Repeats: 1, Parameters: []byte("{}"), Defined: b.at}
	e.Definition = e.DefinitionKey()
	b.append(append(facts, set, e)...)
	return b
}

func (b *answeredBenchmark) append(values ...interface{ Fact() (event.Fact, error) }) {
	b.t.Helper()
	for _, v := range values {
		f, err := v.Fact()
		if err != nil {
			b.t.Fatal(err)
		}
		mustAppend(b.t, b.l, f)
	}
}

// reply logs what the model said of a narrative; flag nil: it cannot be understood.
func (b *answeredBenchmark) reply(n int, text string, flag *bool) {
	b.t.Helper()
	narrative := fmt.Sprint("N-", n)
	call := event.CallKey(b.id, narrative, 0, nil)
	result := event.ResultParsed{Call: call, Attempt: 1, Experiment: b.id, Narrative: narrative, Parser: 1, Outcome: event.ResultOK, Flag: flag}
	if flag == nil {
		result.Outcome = event.ResultUnparsed
	}
	b.append(event.CallStarted{Call: call, Attempt: 1, Experiment: b.id, Narrative: narrative, Started: b.at},
		event.CallFinished{Call: call, Attempt: 1, Experiment: b.id, Narrative: narrative, Text: text, Finish: "complete", Finished: b.at}, result)
}

func (b *answeredBenchmark) relabel(n int, flag bool) {
	b.t.Helper()
	b.append(event.Relabelled{ID: uuid.New(), Label: "ipv", Narrative: fmt.Sprint("N-", n), Text: b.texts[n].Key(), Flag: &flag, Relabel: b.at})
}

func hubDataset(t *testing.T, ref string, f finetune.Format) DatasetOptions {
	o := datasetOptions(t.TempDir(), f)
	o.Source = dataset.Source{Experiment: ref}
	o.Parameters.MinExamples, o.Parameters.Holdout = 1, 0
	return o
}

func narrativesOf(t *testing.T, o DatasetOptions, m dataset.Manifest) string {
	t.Helper()
	list, err := dataset.NewShelf(o.Dir, m.Source).Provenance(m.Version)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, p := range list {
		ids = append(ids, fmt.Sprintf("%s %s", p.Fate, p.NarrativeID))
	}
	return strings.Join(ids, ", ")
}

// What a benchmark was answered becomes examples where it agrees with the manual flag;
// a flag that is corrected later changes the next version, and not this one.
func TestADatasetOfABenchmark(t *testing.T) {
	l := open(t, t.TempDir())
	b := newAnsweredBenchmark(t, l, "gpt, short", 6)
	yes, no := true, false
	b.reply(2, "yes", &yes)
	b.reply(1, "yes", &yes) // does not agree
	b.reply(0, "Yes.", &yes)
	b.reply(3, "what?", nil) // says neither
	b.reply(5, "no", &no)    // has no manual flag
	o := hubDataset(t, "gpt, short", finetune.Alpaca)
	first := built(t, l, o)
	if first.Steps.Found != 3 || first.Steps.Passed != 2 || first.Source != (dataset.Source{Experiment: "gpt, short", UUID: b.id.String()}) {
		t.Errorf("%+v of %+v", first.Steps, first.Source)
	}
	want := `{"instruction":"` + b.texts[2].Text + `","input":"","output":"yes","system":"Is it partner violence? One word."}` + "\n" +
		`{"instruction":"` + b.texts[0].Text + `","input":"","output":"Yes.","system":"Is it partner violence? One word."}` + "\n"
	if got := read(t, filepath.Join(o.Dir, "hub+gpt%2C%20short", "v1.jsonl")); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := narrativesOf(t, o, first); got != "train N-2, train N-0" {
		t.Error(got)
	}

	b.reply(4, "yes", &yes)
	b.relabel(1, true)
	b.relabel(2, false)
	o.Source.Experiment = "latest"
	second := built(t, l, o)
	if got := narrativesOf(t, o, second); second.Version != 2 || got != "train N-0, train N-4, train N-1" {
		t.Errorf("v%d: %s", second.Version, got)
	}
	for _, m := range []dataset.Manifest{first, second} {
		if faults, err := l.VerifyDataset(ctx, o.Dir, m); err != nil || len(faults) > 0 {
			t.Errorf("v%d: %q, %v", m.Version, faults, err)
		}
	}

	newAnsweredBenchmark(t, l, "gpt, short", 3) // another one of that name changes no version
	if faults, err := l.VerifyDataset(ctx, o.Dir, first); err != nil || len(faults) > 0 {
		t.Errorf("%q, %v", faults, err)
	}
}

func TestADeltaOfABenchmarkHasTheRepliesSince(t *testing.T) {
	l := open(t, t.TempDir())
	b := newAnsweredBenchmark(t, l, "gpt", 5)
	yes, no := true, false
	b.reply(0, "yes", &yes)
	o := hubDataset(t, "gpt", finetune.TRL)
	o.Delta = true
	built(t, l, o)
	b.reply(3, "no", &no)
	m := built(t, l, o)
	if got := narrativesOf(t, o, m); got != "train N-3" || m.Steps.Found != 1 {
		t.Errorf("%s, %+v", got, m.Steps)
	}
	b.reply(1, "yes", &yes)
	b.relabel(1, true)
	b.relabel(0, true) // as it is
	m = built(t, l, o)
	if got := narrativesOf(t, o, m); got != "train N-1" {
		t.Errorf("after a corrected flag: %s", got)
	}
	b.relabel(1, false)
	b.relabel(1, true)
	m = built(t, l, o)
	if got := narrativesOf(t, o, m); got != "train N-1" {
		t.Errorf("after a flag that was corrected twice: %s", got)
	}
	if faults, err := l.VerifyDataset(ctx, o.Dir, m); err != nil || len(faults) > 0 {
		t.Errorf("%q, %v", faults, err)
	}
	again := newAnsweredBenchmark(t, l, "gpt", 5)
	again.reply(0, "yes", &yes)
	if _, err := l.BuildDataset(ctx, o); err == nil || !strings.Contains(err.Error(), "an earlier benchmark of that name") {
		t.Errorf("a delta after another benchmark: %v", err)
	}
}

func TestNoDatasetWithoutTheBenchmark(t *testing.T) {
	l := open(t, t.TempDir())
	saveAttempts(t, l, 0, 3)
	if _, err := l.BuildDataset(ctx, hubDataset(t, "gpt", finetune.KTO)); !errors.Is(err, ErrNoExperiment) {
		t.Error(err)
	}
	newAnsweredBenchmark(t, l, "gpt", 2)
	if _, err := l.BuildDataset(ctx, hubDataset(t, "gtp", finetune.KTO)); !errors.Is(err, ErrNoExperiment) || !strings.Contains(err.Error(), `1 "gpt"`) {
		t.Error(err)
	}
}

// A prompt that is too long for an example is refused, as one of a file is.
func TestTheBenchmarksPromptMayBeTooLong(t *testing.T) {
	l := open(t, t.TempDir())
	b := newAnsweredBenchmark(t, l, "gpt", 2)
	yes := true
	b.reply(0, "yes", &yes)
	o := hubDataset(t, "gpt", finetune.ShareGPT)
	o.Parameters.MaxSystemTokens = 3
	if _, err := l.BuildDataset(ctx, o); err == nil || !strings.Contains(err.Error(), "tokens, of at most 3") {
		t.Error(err)
	}
	o.Parameters.MaxSystemTokens = 100
	if m := built(t, l, o); m.Steps.Written != 1 {
		t.Errorf("%+v", m.Steps)
	}
}
