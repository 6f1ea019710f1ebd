package hub

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/explog/explog/event"
	"github.com/explog/explog/hub/config"
	"github.com/explog/explog/hub/narrative"
	"github.com/explog/explog/hub/provider"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a log in memory. It fails from the n-th append on, if that is set.
type memory struct {
	mu      sync.Mutex
	facts   []event.Fact
	keys    map[uuid.UUID]bool
	appends int
	failAt  int
}

var errFull = errors.New("no space left")

func (m *memory) Append(_ context.Context, facts ...event.Fact) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.appends++; m.failAt > 0 && m.appends >= m.failAt {
		return errFull
	}
	if m.keys == nil {
		m.keys = make(map[uuid.UUID]bool)
	}
	for _, f := range facts {
		if !m.keys[f.ID] {
			m.keys[f.ID] = true
			m.facts = append(m.facts, f)
		}
	}
	return nil
}

// of returns the facts of one kind.
func of[T any](t *testing.T, m *memory, kind event.Type) []T {
	t.Helper()
	var list []T
	for _, f := range m.facts {
		if f.Type != kind {
			continue
		}
		v, err := event.DecodeBenchmark[T](f.Version, f.Data)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
	}
	return list
}

// oracle is a provider that answers as a function says, which gets the number of the
// call, from 0.
type oracle struct {
	mu    sync.Mutex
	calls []called
	most  int // calls at the same time
	now   int
	say   func(n int, r provider.Request) (provider.Answer, error)
}

type called struct {
	at time.Time
	provider.Request
}

func (o *oracle) Answer(_ context.Context, r provider.Request) (provider.Answer, error) {
	o.mu.Lock()
	n := len(o.calls)
	o.calls = append(o.calls, called{time.Now(), r})
	o.now++
	o.most = max(o.most, o.now)
	o.mu.Unlock()
	defer func() {
		o.mu.Lock()
		o.now--
		o.mu.Unlock()
	}()
	return o.say(n, r)
}

func (*oracle) Identity(r provider.Request) []byte { return []byte(r.Narrative) }

func (*oracle) Close() error { return nil }

func yes(int, provider.Request) (provider.Answer, error) { return answered("yes"), nil }

func answered(text string) provider.Answer {
	return provider.Answer{Text: text, Raw: []byte(text), Finish: provider.Complete}
}

func failing(kind provider.Kind, after time.Duration) error {
	return &provider.Error{Kind: kind, Status: 500, Message: "it is " + string(kind), RetryAfter: after}
}

// planOf returns a plan over so many narratives, every second labelled TRUE.
func planOf(t *testing.T, narratives int, o *oracle, change func(*config.Experiment)) Plan {
	t.Helper()
	set := narrative.Set{Label: "flag"}
	for i := range narratives {
		set.Narratives = append(set.Narratives, narrative.Narrative{
			ID: fmt.Sprintf("n%d", i), Text: fmt.Sprintf("text %d", i), Flag: new(i%2 == 0), Line: i + 2,
		})
	}
	e := config.Experiment{
		Name: "E", Author: "Andrea", Prompt: "Is it so?", Model: "m", Provider: config.ProviderOpenAI,
		Repeats: 1, Concurrency: 1, Timeout: time.Minute, MaxRetries: 2,
	}
	if change != nil {
		change(&e)
	}
	p, err := planOver(e, set, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// run runs a plan on a log in memory.
func run(t *testing.T, p Plan, o Options) (*memory, Report) {
	t.Helper()
	log := &memory{}
	o.Log = log
	report, err := p.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return log, report
}

// waits returns the times between calls.
func (o *oracle) waits() []time.Duration {
	var list []time.Duration
	for i := 1; i < len(o.calls); i++ {
		list = append(list, o.calls[i].at.Sub(o.calls[i-1].at))
	}
	return list
}

func TestEachQuestionIsAskedOnceAndEachAnswerKept(t *testing.T) {
	o := &oracle{say: yes}
	p := planOf(t, 3, o, func(e *config.Experiment) { e.Repeats = 2 })
	p.set.narratives[1].Text = ""
	var last Progress
	log, report := run(t, p, Options{OnProgress: func(p Progress) { last = p }})
	if len(o.calls) != 4 || o.calls[0].NarrativeID != "n0" || o.calls[1].NarrativeID != "n2" || o.calls[3].Repeat != 1 || o.calls[0].Prompt != "Is it so?" {
		t.Errorf("asked %+v", o.calls)
	}
	results := of[event.ResultParsed](t, log, event.TypeResultParsed)
	if len(results) != 4 || results[0].Outcome != event.ResultOK || results[0].Flag == nil || !*results[0].Flag || results[0].Step != "words" {
		t.Errorf("results %+v", results)
	}
	if report.Outcome != event.StopFinished || report.Done != 4 || report.Total != 4 || last.Done != 4 || last.Asked != 4 {
		t.Errorf("report %+v, progress %+v", report, last)
	}
	stops := of[event.ExperimentStopped](t, log, event.TypeExperimentStopped)
	if len(stops) != 1 || stops[0].Outcome != event.StopFinished || stops[0].Experiment != report.Experiment {
		t.Errorf("stops %+v", stops)
	}
	kinds := ""
	for _, f := range log.facts {
		kinds += fmt.Sprintf("%d ", f.Type)
	}
	if kinds != "5 6 6 6 7 8 9 11 12 13 11 12 13 11 12 13 11 12 13 10 " {
		t.Errorf("facts of the kinds %s", kinds)
	}
}

func TestACallIsKeptBeforeItLeaves(t *testing.T) {
	log := &memory{}
	o := &oracle{}
	o.say = func(n int, r provider.Request) (provider.Answer, error) {
		log.mu.Lock()
		defer log.mu.Unlock()
		if last := log.facts[len(log.facts)-1]; last.Type != event.TypeCallStarted {
			t.Errorf("call %d leaves after %v", n, last.Type)
		}
		return answered("no"), nil
	}
	if _, err := planOf(t, 5, o, nil).Run(t.Context(), Options{Log: log}); err != nil {
		t.Fatal(err)
	}
}

func TestAFailedCallIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &oracle{say: func(n int, r provider.Request) (provider.Answer, error) {
			if r.NarrativeID == "n1" && n < 4 {
				return provider.Answer{}, failing(provider.Temporary, 0)
			}
			return answered("yes"), nil
		}}
		log, report := run(t, planOf(t, 3, o, nil), Options{MaxErrors: 1})
		if report.Outcome != event.StopAborted || report.Done != 2 || report.Errors != 1 || len(o.calls) != 4 {
			t.Errorf("%+v after %d calls; three tries were allowed", report, len(o.calls))
		}
		finished := of[event.CallFinished](t, log, event.TypeCallFinished)
		for i, f := range finished {
			if f.Attempt != max(1, i) || f.Last != (i == 3) || (f.Error != "") != (i > 0) {
				t.Errorf("attempt %d: %+v", i, f)
			}
		}
		if waits := o.waits(); waits[1] > firstDelay || waits[2] > 2*firstDelay {
			t.Errorf("waited %v", waits)
		}
	})
}

func TestRetryAfterIsHonouredInFullByAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const wish = 90 * time.Second
		o := &oracle{say: func(n int, r provider.Request) (provider.Answer, error) {
			time.Sleep(time.Second)
			if n == 1 {
				return provider.Answer{}, failing(provider.Throttled, wish)
			}
			time.Sleep(time.Duration(n+1) * time.Millisecond) // the others answer later
			return answered("yes"), nil
		}}
		begun := time.Now()
		_, report := run(t, planOf(t, 12, o, func(e *config.Experiment) { e.Concurrency = 4 }), Options{})
		if report.Outcome != event.StopFinished || len(o.calls) != 13 {
			t.Fatalf("%+v after %d calls", report, len(o.calls))
		}
		for i, c := range o.calls[4:] {
			if after := c.at.Sub(begun); after < wish+time.Second {
				t.Errorf("call %d began after %v", i+4, after)
			}
		}
	})
}

func TestCallsThatComeTooFastBecomeFewer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &oracle{}
		o.say = func(n int, r provider.Request) (provider.Answer, error) {
			time.Sleep(time.Second)
			if n < 8 {
				return provider.Answer{}, failing(provider.Throttled, 0)
			}
			return answered("yes"), nil
		}
		p := planOf(t, 100, o, func(e *config.Experiment) { e.Concurrency = 8; e.MaxRetries = 10 })
		_, report := run(t, p, Options{})
		if report.Outcome != event.StopFinished || o.most != 8 {
			t.Fatalf("%+v, at most %d at the same time", report, o.most)
		}
		from, atOnce := o.calls[8].at, 0
		for _, c := range o.calls[8:] {
			if c.at.Sub(from) < time.Second {
				atOnce++
			}
		}
		if atOnce > 4 {
			t.Errorf("%d calls in the second after eight were too many", atOnce)
		}
	})
}

func TestTheGateHalvesOncePerRoundAndCreepsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(8, 0)
		round := func(failed *provider.Error) int {
			var begun []time.Time
			for {
				wait, _ := g.try(time.Now())
				if wait > 0 {
					break
				}
				begun = append(begun, time.Now())
			}
			time.Sleep(time.Second)
			for _, b := range begun {
				g.leave(b, provider.Pace{}, failed)
			}
			return len(begun)
		}
		throttled := &provider.Error{Kind: provider.Throttled}
		var got []int
		for range 5 {
			got = append(got, round(throttled))
		}
		for range 12 {
			got = append(got, round(nil))
		}
		got = append(got, round(&provider.Error{Kind: provider.Temporary}), round(nil))
		if want := "[8 4 2 1 1 1 2 2 3 4 5 6 7 7 8 8 8 8 8]"; fmt.Sprint(got) != want {
			t.Errorf("calls at the same time %v, want %s", got, want)
		}
	})
}

func TestSoManyCallsAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &oracle{say: yes}
		run(t, planOf(t, 20, o, func(e *config.Experiment) { e.Concurrency, e.RequestsPerMinute = 8, 120 }), Options{})
		for i, w := range o.waits() {
			if w != 500*time.Millisecond {
				t.Errorf("%v between calls %d and %d", w, i, i+1)
			}
		}
	})
}

func TestAnEmptyAllowanceIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &oracle{say: func(n int, r provider.Request) (provider.Answer, error) {
			a := answered("yes")
			switch n {
			case 1:
				a.Pace.Tokens = provider.Window{Known: true, Remaining: 0, Reset: 7 * time.Second}
			case 2:
				a.Pace.Requests = provider.Window{Known: true, Remaining: 1, Reset: time.Hour}
			}
			return a, nil
		}}
		run(t, planOf(t, 4, o, nil), Options{})
		if got := fmt.Sprint(o.waits()); got != "[0s 7s 0s]" {
			t.Errorf("waited %s", got)
		}
	})
}

func TestAFatalErrorStopsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &oracle{say: func(n int, r provider.Request) (provider.Answer, error) {
			time.Sleep(time.Duration(n+1) * time.Second)
			if n == 0 {
				return provider.Answer{}, failing(provider.Fatal, 0)
			}
			return answered("yes"), nil
		}}
		log, report := run(t, planOf(t, 50, o, func(e *config.Experiment) { e.Concurrency = 3 }), Options{})
		if report.Outcome != event.StopAborted || report.Reason != "it is fatal" || report.Done != 2 || len(o.calls) != 3 {
			t.Errorf("%+v after %d calls", report, len(o.calls))
		}
		for _, f := range of[event.CallFinished](t, log, event.TypeCallFinished) {
			if f.Last {
				t.Errorf("%s is not to be asked again", f.Narrative)
			}
		}
		stops := of[event.ExperimentStopped](t, log, event.TypeExperimentStopped)
		if len(stops) != 1 || stops[0].Outcome != event.StopAborted || stops[0].Reason != "it is fatal" {
			t.Errorf("stops %+v", stops)
		}
	})
}

func TestErrorsInARowStopTheRun(t *testing.T) {
	some := func(n int, r provider.Request) (provider.Answer, error) {
		if n%3 == 2 {
			return answered("yes"), nil
		}
		return provider.Answer{}, failing(provider.Unanswerable, 0)
	}
	none := func(int, provider.Request) (provider.Answer, error) {
		return provider.Answer{}, failing(provider.Unanswerable, 0)
	}
	replay := func(e *config.Experiment) { e.Provider = config.ProviderReplay }
	for name, tc := range map[string]struct {
		say    func(int, provider.Request) (provider.Answer, error)
		max    int
		change func(*config.Experiment)
		calls  int
		stops  event.StopOutcome
	}{
		"two and an answer":   {some, 3, nil, 30, event.StopFinished},
		"two are too many":    {some, 2, nil, 2, event.StopAborted},
		"no end of them":      {none, 5, nil, 5, event.StopAborted},
		"the last are":        {none, 30, nil, 30, event.StopFinished},
		"whatever":            {none, 0, nil, 30, event.StopFinished},
		"a replay goes on":    {none, 5, replay, 30, event.StopFinished},
		"one is one too many": {none, 1, nil, 1, event.StopAborted},
	} {
		o := &oracle{say: tc.say}
		_, report := run(t, planOf(t, 30, o, tc.change), Options{MaxErrors: tc.max})
		if len(o.calls) != tc.calls || report.Outcome != tc.stops || (report.Reason != "") != (tc.stops == event.StopAborted) {
			t.Errorf("%s: %d calls, %+v", name, len(o.calls), report)
		}
	}
}

func TestAnEndedContextLetsCallsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		o := &oracle{say: func(n int, r provider.Request) (provider.Answer, error) {
			if n == 5 {
				cancel()
			}
			if n == 4 {
				return provider.Answer{}, failing(provider.Temporary, time.Hour)
			}
			time.Sleep(time.Minute)
			return answered("yes"), nil
		}}
		log := &memory{}
		report, err := planOf(t, 50, o, func(e *config.Experiment) { e.Concurrency = 3 }).Run(ctx, Options{Log: log})
		if err != nil || report.Outcome != event.StopPaused || len(o.calls) != report.Done+1 {
			t.Errorf("%+v, %v after %d calls", report, err, len(o.calls))
		}
		if n := len(of[event.ResultParsed](t, log, event.TypeResultParsed)); n != report.Done {
			t.Errorf("%d results, %d done", n, report.Done)
		}
	})
}

func TestALogThatFailsStopsTheRunAndLosesNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &oracle{say: func(n int, r provider.Request) (provider.Answer, error) {
			time.Sleep(time.Second)
			return answered(r.NarrativeID), nil
		}}
		p := planOf(t, 50, o, func(e *config.Experiment) { e.Concurrency = 3 })
		for failAt := 1; failAt < 12; failAt++ {
			o.calls = nil
			log := &memory{failAt: failAt}
			unsaved := 0
			_, err := p.Run(t.Context(), Options{Log: log, Unsaved: func(narrative string, _ int, a provider.Answer) {
				if unsaved++; a.Text != narrative {
					t.Errorf("%s is handed on for %s", a.Text, narrative)
				}
			}})
			if kept := len(of[event.CallFinished](t, log, event.TypeCallFinished)); !errors.Is(err, errFull) || kept+unsaved != len(o.calls) {
				t.Errorf("failing from append %d on: %d calls, %d kept, %d handed on; %v", failAt, len(o.calls), kept, unsaved, err)
			}
		}
	})
}
