package hub

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/explog/explog/event"
	"github.com/explog/explog/hub/config"
	"github.com/explog/explog/hub/narrative"
	"github.com/explog/explog/hub/provider"
	"github.com/explog/explog/query"
)

func TestTheSameQuestionsHaveTheSameDefinition(t *testing.T) {
	definition := func(change func(*config.Experiment)) uuid.UUID {
		return planOf(t, 4, &oracle{}, change).Definition()
	}
	base := definition(nil)
	for name, change := range map[string]func(*config.Experiment){
		"author":      func(e *config.Experiment) { e.Author = "B" },
		"file":        func(e *config.Experiment) { e.PromptFile = "other.txt" },
		"notes":       func(e *config.Experiment) { e.Notes, e.PromptVersion = "n", "v2" },
		"speed":       func(e *config.Experiment) { e.Concurrency, e.RequestsPerMinute, e.Timeout, e.MaxRetries = 7, 7, 7, 7 },
		"price":       func(e *config.Experiment) { e.InputPrice, e.OutputPrice = new(1.0), new(2.0) },
		"key":         func(e *config.Experiment) { e.APIKeyEnv, e.APIKey = "K", config.NewSecret("sk-other") },
		"a limit":     func(e *config.Experiment) { e.Limit = 4 },
		"what others": func(e *config.Experiment) { e.Rules, e.Command.Args = []byte("x"), []string{"x"} },
	} {
		if definition(change) != base {
			t.Errorf("%s makes other questions", name)
		}
	}
	for name, change := range map[string]func(*config.Experiment){
		"name":        func(e *config.Experiment) { e.Name = "F" },
		"prompt":      func(e *config.Experiment) { e.Prompt += "?" },
		"template":    func(e *config.Experiment) { e.UserTemplate = "A {{text}}" },
		"message":     func(e *config.Experiment) { e.Prompt, e.UserTemplate = "", e.Prompt+" {{text}}" },
		"model":       func(e *config.Experiment) { e.Model = "n" },
		"provider":    func(e *config.Experiment) { e.Provider = config.ProviderAnthropic },
		"repeats":     func(e *config.Experiment) { e.Repeats = 2 },
		"limit":       func(e *config.Experiment) { e.Limit = 3 },
		"temperature": func(e *config.Experiment) { e.Temperature = new(0.0) },
		"max_tokens":  func(e *config.Experiment) { e.MaxTokens = new(5) },
		"seed":        func(e *config.Experiment) { e.Seed = new(int64(0)) },
		"server":      func(e *config.Experiment) { e.BaseURL = "http://localhost:1" },
		"rules":       func(e *config.Experiment) { e.Provider, e.Rules = config.ProviderRules, []byte("x") },
		"command":     func(e *config.Experiment) { e.Provider, e.Command.Args = config.ProviderCommand, []string{"x"} },
	} {
		if definition(change) == base {
			t.Errorf("another %s makes the same questions", name)
		}
	}
	for name, change := range map[string]func(*narrative.Set){
		"label": func(s *narrative.Set) { s.Label = "other" },
		"flag":  func(s *narrative.Set) { s.Narratives[0].Flag = nil },
		"text":  func(s *narrative.Set) { s.Narratives[0].Text = "other" },
		"id":    func(s *narrative.Set) { s.Narratives[0].ID = "other" },
	} {
		definition := func(s narrative.Set) uuid.UUID {
			set, err := NewSet(s, 0)
			if err != nil {
				t.Fatal(err)
			}
			p, err := NewPlan(config.Experiment{}, set, &oracle{})
			if err != nil {
				t.Fatal(err)
			}
			return p.Definition()
		}
		set := narrative.Set{Narratives: []narrative.Narrative{{ID: "a", Text: "b", Flag: new(true)}}}
		one := definition(set)
		change(&set)
		if definition(set) == one {
			t.Errorf("another %s makes the same questions", name)
		}
	}
}

// A key must not get into the log by way of a definition.
func TestADefinitionHasNoKey(t *testing.T) {
	log, _ := run(t, planOf(t, 1, &oracle{say: yes}, func(e *config.Experiment) { e.APIKey = config.NewSecret("sk-secret") }), Options{})
	for _, f := range log.facts {
		if strings.Contains(string(f.Data), "sk-secret") {
			t.Errorf("%v: %s", f.Type, f.Data)
		}
	}
}

// Only what the log lacks is asked, and what was answered and not parsed is parsed.
func TestARunGoesOn(t *testing.T) {
	id := uuid.New()
	answer := &event.CallFinished{
		Call: uuid.New(), Attempt: 2, Experiment: id, Narrative: "n2", Text: "no", Finish: string(provider.Complete),
	}
	asked := []query.Progress{
		{NarrativeID: "n0", Attempts: 1, Outcome: event.ResultOK, Finished: true},
		{NarrativeID: "n1", Attempts: 3, Outcome: event.ResultError, Finished: true},
		{NarrativeID: "n2", Attempts: 2, Outcome: event.ResultNotRun, Finished: true, Unparsed: answer},
		{NarrativeID: "n3", Attempts: 4, Outcome: event.ResultNotRun}, // started, and killed
		{NarrativeID: "n4", Outcome: event.ResultNotRun},
	}
	for _, retry := range []bool{false, true} {
		o := &oracle{say: yes}
		p := planOf(t, 5, o, nil)
		options := Options{Resume: id, Asked: asked, RetryErrors: retry}
		estimate := p.Estimate(options)
		log, report := run(t, p, options)
		var got []string
		for _, c := range of[event.CallStarted](t, log, event.TypeCallStarted) {
			got = append(got, c.Narrative+" "+string(rune('0'+c.Attempt)))
		}
		want := "n3 5, n4 1"
		if retry {
			want = "n1 4, " + want
		}
		if strings.Join(got, ", ") != want || estimate.Calls != len(o.calls) {
			t.Errorf("asked %q, want %s; estimated %d", got, want, estimate.Calls)
		}
		if report.Experiment != id || report.Done != 5 || report.Asked != len(o.calls) {
			t.Errorf("%+v", report)
		}
		results := of[event.ResultParsed](t, log, event.TypeResultParsed)
		if r := results[0]; len(results) != len(o.calls)+1 || r.Call != answer.Call || r.Attempt != 2 || *r.Flag {
			t.Errorf("results %+v", results)
		}
		if n := len(of[event.ExperimentDefined](t, log, event.TypeExperimentDefined)); n != 0 {
			t.Errorf("%d experiments are defined anew", n)
		}
	}
}

func TestWhatAnAnswerComesTo(t *testing.T) {
	for name, tc := range map[string]struct {
		finish  provider.Finish
		text    string
		outcome event.ResultOutcome
		problem string
	}{
		"an object":        {provider.Complete, `{"detected":false,"confidence":0.7,"indicators":["x"],"rationale":"r","reasoning_steps":["s"]}`, event.ResultOK, ""},
		"prose":            {provider.Complete, "It depends.", event.ResultUnparsed, "no flag in the reply"},
		"nothing":          {provider.Complete, "", event.ResultUnparsed, "no text"},
		"cut off":          {provider.Truncated, "No, at first sight", event.ResultTruncated, "limit"},
		"a whole object":   {provider.Truncated, "{\"detected\":true}\n \n", event.ResultOK, ""},
		"cut in an object": {provider.Truncated, `{"detected":true,"rationale":"`, event.ResultTruncated, "limit"},
		"why it ended":     {provider.Unknown, "Yes, the", event.ResultUnparsed, "not one strict JSON object"},
		"why, and JSON":    {provider.Unknown, `{"detected":true}`, event.ResultOK, ""},
		"a tool's call":    {provider.ToolCalled, `{"detected":true}`, event.ResultOK, ""},
		"no reasoning":     {provider.Reasoned, "", event.ResultUnparsed, "no text"},
		"held back":        {provider.Filtered, "", event.ResultFiltered, "content filter"},
		"declined":         {provider.Refused, "I cannot say yes.", event.ResultRefused, "declined"},
		"far too long":     {provider.Complete, `{"detected":true,"rationale":"` + strings.Repeat("x", mostText) + `"}`, event.ResultTruncated, "limit"},
		"NUL and not text": {provider.Complete, "\x00\xff", event.ResultUnparsed, "no flag"},
	} {
		o := &oracle{say: func(int, provider.Request) (provider.Answer, error) {
			return provider.Answer{Text: tc.text, Raw: []byte(tc.text), Finish: tc.finish}, nil
		}}
		log, report := run(t, planOf(t, 1, o, nil), Options{})
		results := of[event.ResultParsed](t, log, event.TypeResultParsed)
		if len(results) != 1 || results[0].Outcome != tc.outcome || !strings.Contains(results[0].Problem, tc.problem) {
			t.Errorf("%s: %+v", name, results)
			continue
		}
		if (results[0].Flag != nil) != (tc.outcome == event.ResultOK) || report.Errors != 0 || report.Done != 1 {
			t.Errorf("%s: %+v, %+v", name, results[0], report)
		}
		if raw := of[event.CallFinished](t, log, event.TypeCallFinished)[0].Raw; string(raw) != tc.text {
			t.Errorf("%s: %d bytes are kept of %d", name, len(raw), len(tc.text))
		}
	}
}

// The largest answer that a provider hands on must fit an event.
func TestAnAnswerOfAnySizeIsKept(t *testing.T) {
	text := strings.Repeat("<", 32<<20)
	o := &oracle{say: func(int, provider.Request) (provider.Answer, error) {
		return provider.Answer{Text: text, Reasoning: text, Raw: []byte(text), Finish: provider.Complete}, nil
	}}
	log, _ := run(t, planOf(t, 1, o, nil), Options{})
	const limit = 64 << 20 // of an event
	for _, f := range log.facts {
		if len(f.Data) > limit {
			t.Errorf("%v has %d bytes", f.Type, len(f.Data))
		}
	}
	if f := of[event.CallFinished](t, log, event.TypeCallFinished)[0]; len(f.Raw) != mostRaw || len(f.Text) != mostText {
		t.Errorf("%d bytes of the answer, %d of the text", len(f.Raw), len(f.Text))
	}
}

func TestEstimates(t *testing.T) {
	p := planOf(t, 3, &oracle{}, func(e *config.Experiment) { // 9 bytes of prompt, 6 of each text
		e.Repeats, e.MaxTokens, e.InputPrice, e.OutputPrice = 4, new(100), new(2.0), new(8.0)
	})
	e := p.Estimate(Options{})
	if e.Calls != 12 || e.InputTokens != 45 || *e.MostOutputTokens != 1200 || *e.InputCost != 90e-6 || *e.MostOutputCost != 9600e-6 {
		t.Errorf("%+v", e)
	}
	e = planOf(t, 3, &oracle{}, nil).Estimate(Options{})
	if e.Calls != 3 || e.MostOutputTokens != nil || e.InputCost != nil || e.MostOutputCost != nil {
		t.Errorf("without prices and limits: %+v", e)
	}
}

func TestTheCostOfARun(t *testing.T) {
	o := &oracle{say: func(n int, _ provider.Request) (provider.Answer, error) {
		a := answered("yes")
		if n > 0 {
			a.InputTokens, a.OutputTokens = new(int64(1000)), new(int64(10))
		}
		return a, nil
	}}
	p := planOf(t, 3, o, func(e *config.Experiment) { e.InputPrice, e.OutputPrice = new(2.0), new(8.0) })
	if _, report := run(t, p, Options{}); *report.Cost < 0.00415999 || *report.Cost > 0.00416001 {
		t.Errorf("cost %v", *report.Cost)
	}
}

func TestOneLockADefinition(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there")
	definition := uuid.New()
	for range 3 { // a file that is left over hinders nobody
		lock, err := Acquire(dir, definition)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Acquire(dir, definition); !errors.Is(err, ErrBusy) {
			t.Errorf("a second lock: %v", err)
		}
		other, err := Acquire(dir, uuid.New())
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(other.Release(), lock.Release()); err != nil {
			t.Fatal(err)
		}
		left, err := os.ReadDir(dir)
		if err != nil || len(left) != 0 {
			t.Errorf("%v is left, %v", left, err)
		}
		if err := os.WriteFile(filepath.Join(dir, "hub-"+definition.String()+".lock"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Many take and give back one lock: never do two have it.
func TestTheLockIsHeldByOne(t *testing.T) {
	dir, definition := t.TempDir(), uuid.New()
	held := make(chan struct{}, 1)
	done := make(chan int)
	for range 8 {
		go func() {
			got := 0
			for range 300 {
				lock, err := Acquire(dir, definition)
				if errors.Is(err, ErrBusy) {
					continue
				}
				if err != nil {
					t.Error(err)
					break
				}
				select {
				case held <- struct{}{}:
				default:
					t.Error("two have the lock")
				}
				got++
				<-held
				if err := lock.Release(); err != nil {
					t.Error(err)
				}
			}
			done <- got
		}()
	}
	total := 0
	for range 8 {
		total += <-done
	}
	if total == 0 {
		t.Error("nobody ever got it")
	}
}

func TestProvidersAreOpenedAsConfigured(t *testing.T) {
	dir := t.TempDir()
	replies := filepath.Join(dir, "replies.jsonl")
	if err := os.WriteFile(replies, []byte(`{"narrative_id":"n1","reply":"yes"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	rules := []byte("keywords: [{term: fire}]")
	for name, tc := range map[string]struct {
		e        config.Experiment
		identity string
	}{
		"rules":     {config.Experiment{Provider: config.ProviderRules, Rules: rules}, `"rules":{"threshold":1`},
		"command":   {config.Experiment{Provider: config.ProviderCommand, Command: config.Command{Args: []string{"sh"}, Mode: "once", Input: "text"}}, `"mode":"once"`},
		"replay":    {config.Experiment{Provider: config.ProviderReplay, ReplayFile: replies}, `"source":"recording `},
		"openai":    {config.Experiment{Provider: config.ProviderOpenAI, BaseURL: "http://localhost:1/v1"}, `"base_url":"http://localhost:1/v1"`},
		"anthropic": {config.Experiment{Provider: config.ProviderAnthropic}, `"base_url":"https://api.anthropic.com"`},
	} {
		p, err := OpenProvider(tc.e, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		identity := p.Identity(provider.Request{})
		if !strings.Contains(string(identity), tc.identity) || !json.Valid(identity) {
			t.Errorf("%s: %s", name, identity)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	for name, tc := range map[string]struct {
		e    config.Experiment
		want string
	}{
		"rules":   {config.Experiment{Provider: config.ProviderRules, RulesFile: "r.yml", Rules: []byte("x")}, "r.yml: line 1"},
		"command": {config.Experiment{Provider: config.ProviderCommand, Command: config.Command{Args: []string{"no-such-program"}}}, "no-such-program"},
		"replay":  {config.Experiment{Provider: config.ProviderReplay, ReplayFile: filepath.Join(dir, "none")}, "no such file"},
		"openai":  {config.Experiment{Provider: config.ProviderOpenAI, BaseURL: "ftp://x"}, "base_url must begin with"},
		"none":    {config.Experiment{Provider: "x"}, `no provider "x"`},
	} {
		if _, err := OpenProvider(tc.e, nil); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
}

func TestARecordingRepeatsWhatWasAnswered(t *testing.T) {
	rec := Recording{Source: "experiment X"}
	for _, r := range []query.HubResult{
		{NarrativeID: "n0", Outcome: event.ResultOK, Reply: "yes", Reasoning: "because", Finish: "complete", Text: "t"},
		{NarrativeID: "n0", Repeat: 1, Outcome: event.ResultTruncated, Reply: "ye"},
		{NarrativeID: "n1", Outcome: event.ResultError},
		{NarrativeID: "n2", Outcome: event.ResultNotRun},
		{NarrativeID: "n3", Outcome: event.ResultRefused, Reply: "no way"},
		{NarrativeID: "n4", Outcome: event.ResultFiltered},
		{NarrativeID: "n5", Outcome: event.ResultUnparsed, Reply: "Yes, the", Finish: "unknown"},
		{NarrativeID: "n6", Outcome: event.ResultOK, Reasoning: `{"detected":true}`, Finish: "reasoned"},
	} {
		rec.Add(r)
	}
	p, err := OpenProvider(config.Experiment{Provider: config.ProviderReplay}, &rec)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		narrative string
		repeat    int
		finish    provider.Finish
	}{{"n0", 0, provider.Complete}, {"n0", 1, provider.Truncated}, {"n1", 0, ""}, {"n2", 0, ""}, {"n3", 0, provider.Refused}, {"n4", 0, provider.Filtered}, {"n5", 0, provider.Unknown}, {"n6", 0, provider.Reasoned}} {
		a, err := p.Answer(t.Context(), provider.Request{NarrativeID: tc.narrative, Repeat: tc.repeat})
		if a.Finish != tc.finish || (err == nil) != (tc.finish != "") {
			t.Errorf("%s, %d: %+v, %v", tc.narrative, tc.repeat, a, err)
		}
	}
}
