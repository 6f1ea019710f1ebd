package projector

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/explog/explog/event"
	"github.com/explog/explog/eventlog"
)

// load is a log of finished experiments over the same narratives, as hub run writes
// them: four calls are under way at a time.
type load struct {
	experiments, narratives int
}

// fill appends the events of a load to a log.
func (l load) fill(t testing.TB, log *eventlog.Log) {
	t.Helper()
	b := &loadBatch{tb: t, log: log}
	prompt := event.Prompt{Text: "Does the text mention violence by a partner? Answer with JSON."}
	set := event.NarrativeSet{Label: "manual_flag"}
	b.add(prompt)
	for i := range l.narratives {
		n := event.Narrative{Text: fmt.Sprintf("Narrative %d. %s", i, strings.Repeat("The victim was found at home by a relative. ", 4+i%9))}
		b.add(n)
		set.Narratives = append(set.Narratives, event.Labelled{ID: fmt.Sprintf("INC-%06d", i), Text: n.Key(), Flag: new(i%3 == 0)})
	}
	b.add(set)
	key, err := set.Key()
	if err != nil {
		t.Fatal(err)
	}
	for n := range l.experiments {
		e := event.ExperimentDefined{
			ID: uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, "load ", n)), Name: fmt.Sprint("load ", n), Prompt: prompt.Key(), Set: key,
			Provider: "openai", Model: "m", Repeats: 1, Parameters: json.RawMessage(`{}`), InputPrice: new(2.5), OutputPrice: new(10.0), Defined: hubTime,
		}
		e.Definition = e.DefinitionKey()
		b.add(e)
		l.calls(b, e.ID, n)
	}
	b.flush()
}

// calls adds the calls of an experiment.
func (l load) calls(b *loadBatch, experiment uuid.UUID, n int) {
	start := event.ExperimentStarted{ID: uuid.NewSHA1(experiment, []byte("start")), Experiment: experiment, Started: hubTime}
	b.add(start)
	const underWay = 4
	for i := 0; i < l.narratives; i += underWay {
		for j := i; j < min(i+underWay, l.narratives); j++ {
			id := fmt.Sprintf("INC-%06d", j)
			b.add(event.CallStarted{Call: event.CallKey(experiment, id, 0, nil), Attempt: 1, Experiment: experiment, Narrative: id, Started: hubTime})
		}
		for j := i; j < min(i+underWay, l.narratives); j++ {
			l.reply(b, experiment, fmt.Sprintf("INC-%06d", j), j, (j+n)%4 == 0)
		}
	}
	b.add(event.ExperimentStopped{Start: start.ID, Experiment: experiment, Outcome: event.StopFinished, Stopped: hubTime.Add(time.Hour)})
}

// reply adds the reply of a call and what was parsed from it.
func (l load) reply(b *loadBatch, experiment uuid.UUID, id string, i int, flag bool) {
	call := event.CallKey(experiment, id, 0, nil)
	text := fmt.Sprintf(`{"detected": %v, "confidence": 0.%d, "rationale": "%s"}`, flag, 1+i%9, strings.Repeat("the text says so, ", 4+i%5))
	raw, _ := json.Marshal(map[string]any{"id": call, "object": "chat.completion", "choices": []any{map[string]any{"index": 0, "message": map[string]any{"role": "assistant", "content": text}}}})
	finished := event.CallFinished{
		Call: call, Attempt: 1, Experiment: experiment, Narrative: id, Text: text, Raw: raw, Finish: "complete", Model: "m-2026", Status: 200,
		InputTokens: new(int64(300 + i%50)), OutputTokens: new(int64(40 + i%9)), Latency: time.Duration(100+i%400) * time.Millisecond, Finished: hubTime.Add(time.Second),
	}
	parsed := event.ResultParsed{Call: call, Attempt: 1, Experiment: experiment, Narrative: id, Parser: 1, Outcome: event.ResultUnparsed, Problem: "the reply says neither yes nor no"}
	if i%50 != 0 {
		parsed.Outcome, parsed.Problem, parsed.Step, parsed.Flag = event.ResultOK, "", "json", &flag
		parsed.Confidence, parsed.Rationale = new(0.5), strings.Repeat("the text says so, ", 4+i%5)
	}
	b.add(finished)
	b.add(parsed)
}

// loadBatch appends events many at a time.
type loadBatch struct {
	tb     testing.TB
	log    *eventlog.Log
	events []eventlog.Event
}

func (b *loadBatch) add(v fact) {
	b.events = append(b.events, hubEvent(b.tb, v))
	if len(b.events) == 10_000 {
		b.flush()
	}
}

func (b *loadBatch) flush() {
	b.tb.Helper()
	if _, err := b.log.Append(ctx, eventlog.Batch{Events: b.events}); err != nil {
		b.tb.Fatal(err)
	}
	b.events = b.events[:0]
}

// fact is an event's payload.
type fact interface{ Fact() (event.Fact, error) }
