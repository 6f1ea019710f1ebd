package hub

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"github.com/explog/explog/event"
	"github.com/explog/explog/hub/config"
	"github.com/explog/explog/hub/provider"
	"github.com/explog/explog/query"
)

// OpenProvider returns the provider of an experiment. A replay of another experiment
// answers from the recording, which has nothing to do with the others. The provider
// must be closed.
func OpenProvider(e config.Experiment, r *Recording) (Provider, error) {
	server := provider.HTTPOptions{BaseURL: e.BaseURL, Key: e.APIKey.Reveal(), Timeout: e.Timeout, Format: provider.Format(e.ResponseFormat)}
	switch e.Provider {
	case config.ProviderRules:
		rules, err := provider.ParseRules(e.Rules)
		return opened(rules, e.RulesFile, err)
	case config.ProviderCommand:
		command, err := provider.NewCommand(provider.CommandOptions{
			Args: e.Command.Args, Dir: e.Command.Dir, Mode: provider.Mode(e.Command.Mode), Input: provider.Input(e.Command.Input),
			Timeout: e.Timeout,
		})
		return opened(command, "command", err)
	case config.ProviderReplay:
		if r != nil {
			return provider.NewReplay(r.Source, r.answer, r.held...), nil
		}
		file, err := os.Open(e.ReplayFile)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		replay, err := provider.ReadReplay(file)
		return opened(replay, e.ReplayFile, err)
	case config.ProviderOpenAI:
		openAI, err := provider.NewOpenAI(server)
		return opened(openAI, e.Provider, err)
	case config.ProviderAnthropic:
		anthropic, err := provider.NewAnthropic(server)
		return opened(anthropic, e.Provider, err)
	}
	return nil, fmt.Errorf("hub: there is no provider %q", e.Provider)
}

// opened returns a provider, or says of what file or key its error is.
func opened(p Provider, of string, err error) (Provider, error) {
	if err != nil {
		return nil, fmt.Errorf("%s: %w", of, err)
	}
	return p, nil
}

// Recording holds the answers of an earlier experiment.
type Recording struct {
	Source  string // names it: equal sources have equal answers
	answers map[asking]provider.Answer
	held    []provider.Recorded
}

// asking is one narrative of an experiment, asked about for the repeat-th time.
type asking struct {
	narrative string
	repeat    int
}

// Add records what came of asking about a narrative. Outcomes without an answer are
// left out.
func (r *Recording) Add(res query.HubResult) {
	finish := provider.Finish(res.Finish)
	switch res.Outcome {
	case event.ResultError, event.ResultNotRun:
		return
	case event.ResultRefused:
		finish = provider.Refused
	case event.ResultFiltered:
		finish = provider.Filtered
	case event.ResultTruncated:
		finish = provider.Truncated
	}
	if r.answers == nil {
		r.answers = make(map[asking]provider.Answer)
	}
	r.answers[asking{res.NarrativeID, res.Repeat}] = provider.Answer{
		Text: res.Reply, Reasoning: res.Reasoning, Raw: []byte(res.Reply), Finish: cmp.Or(finish, provider.Complete),
	}
	r.held = append(r.held, provider.Recorded{Asked: provider.Asked{NarrativeID: res.NarrativeID, Repeat: res.Repeat}, Narrative: res.Text})
}

func (r *Recording) answer(_ context.Context, q provider.Request) (provider.Answer, bool, error) {
	a, found := r.answers[asking{q.NarrativeID, q.Repeat}]
	return a, found, nil
}
