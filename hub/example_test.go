package hub_test

import (
	"context"
	"fmt"

	"github.com/explog/explog/event"
	"github.com/explog/explog/hub"
	"github.com/explog/explog/hub/config"
	"github.com/explog/explog/hub/narrative"
)

// printer is an appender that prints what results it gets. A real one is explog's
// Logger.
type printer struct{}

func (printer) Append(_ context.Context, facts ...event.Fact) error {
	for _, f := range facts {
		if f.Type != event.TypeResultParsed {
			continue
		}
		r, err := event.DecodeBenchmark[event.ResultParsed](f.Version, f.Data)
		if err != nil {
			return err
		}
		fmt.Printf("%s: %s, %v\n", r.Narrative, r.Outcome, *r.Flag)
	}
	return nil
}

func ExamplePlan_Run() {
	experiment := config.Experiment{
		Name: "Keywords", Prompt: "Is there a fire?", Model: "keywords-v1", Provider: config.ProviderRules,
		Rules: []byte("keywords: [{term: smoke}]"), Repeats: 1, Concurrency: 1,
	}
	set, err := hub.NewSet(narrative.Set{Narratives: []narrative.Narrative{
		{ID: "A", Text: "Smoke came from the roof."},
		{ID: "B", Text: "A quiet evening."},
	}}, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	provider, err := hub.OpenProvider(experiment, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, err := hub.NewPlan(experiment, set, provider)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer plan.Close()
	report, err := plan.Run(context.Background(), hub.Options{Log: printer{}})
	fmt.Println(report.Outcome, report.Done, "of", report.Total, err)
	// Output:
	// A: ok, true
	// B: ok, false
	// finished 2 of 2 <nil>
}
