package config

import "math"

// key is a key of an experiment.
type key struct {
	name      string
	read      func(*Experiment, value)
	providers []string // the only ones that have a use for it; nil: all
}

// ofServers are the providers that ask a server.
var ofServers = []string{ProviderOpenAI, ProviderAnthropic}

// keys are all keys that an experiment can have; the package's comment explains
// them.
var keys = []key{
	{name: "experiment_name", read: func(e *Experiment, v value) { e.Name = v.line() }},
	{name: "author", read: func(e *Experiment, v value) { e.Author = v.line() }},
	{name: "prompt_file", read: func(e *Experiment, v value) { e.PromptFile = v.path() }},
	{name: "prompt", read: func(e *Experiment, v value) { e.Prompt = v.text() }},
	{name: "user_template", read: func(e *Experiment, v value) { e.UserTemplate = v.text() }},
	{name: "user_template_file", read: func(e *Experiment, v value) { e.UserTemplateFile = v.path() }},
	{name: "notes", read: func(e *Experiment, v value) { e.Notes = v.text() }},
	{name: "prompt_version", read: func(e *Experiment, v value) { e.PromptVersion = v.line() }},
	{name: "model_name", read: func(e *Experiment, v value) { e.Model = v.line() }},
	{name: "provider", read: func(e *Experiment, v value) { e.Provider = v.provider() }},

	{name: "narratives", read: func(e *Experiment, v value) { e.Narratives = v.path() }},
	{name: "id_column", read: func(e *Experiment, v value) { e.Columns.ID = v.lines() }},
	{name: "text_column", read: func(e *Experiment, v value) { e.Columns.Text = v.line() }},
	{name: "flag_column", read: func(e *Experiment, v value) { e.Columns.Flag = v.line() }},
	{name: "sheet", read: func(e *Experiment, v value) { e.Columns.Sheet = v.line() }},
	{name: "limit", read: func(e *Experiment, v value) { e.Limit = int(v.whole(1, math.MaxInt32)) }},
	{name: "repeats", read: func(e *Experiment, v value) { e.Repeats = int(v.whole(1, 1000)) }},

	{name: "concurrency", read: func(e *Experiment, v value) { e.Concurrency = int(v.whole(1, 256)) }},
	{name: "requests_per_minute", read: func(e *Experiment, v value) { e.RequestsPerMinute = int(v.whole(1, 1_000_000)) }},
	{name: "timeout", read: func(e *Experiment, v value) { e.Timeout = v.duration() }},
	{name: "max_retries", read: func(e *Experiment, v value) { e.MaxRetries = int(v.whole(0, 100)) }},

	{name: "temperature", read: func(e *Experiment, v value) { e.Temperature = new(v.number(0, 2)) }},
	{name: "max_tokens", read: func(e *Experiment, v value) { e.MaxTokens = new(int(v.whole(1, 10_000_000))) }},
	{
		name: "seed", read: func(e *Experiment, v value) { e.Seed = new(v.whole(math.MinInt64, math.MaxInt64)) },
		providers: []string{ProviderCommand, ProviderOpenAI},
	},
	{name: "positive", read: func(e *Experiment, v value) { e.Positive = v.texts() }},
	{name: "negative", read: func(e *Experiment, v value) { e.Negative = v.texts() }},
	{name: "think_tags", read: func(e *Experiment, v value) { e.ThinkTags = v.texts() }},
	{
		name: "response_format", read: func(e *Experiment, v value) { e.ResponseFormat = v.oneOf("schema", "object", "none") },
		providers: []string{ProviderOpenAI},
	},
	{name: "input_price", read: func(e *Experiment, v value) { e.InputPrice = new(v.number(0, 1_000_000)) }},
	{name: "output_price", read: func(e *Experiment, v value) { e.OutputPrice = new(v.number(0, 1_000_000)) }},

	{name: "rules_file", read: func(e *Experiment, v value) { e.RulesFile = v.path() }, providers: []string{ProviderRules}},
	{name: "command", read: func(e *Experiment, v value) { e.Command.Args = v.texts() }, providers: []string{ProviderCommand}},
	{name: "command_mode", read: func(e *Experiment, v value) { e.Command.Mode = v.oneOf("lines", "once") }, providers: []string{ProviderCommand}},
	{name: "command_input", read: func(e *Experiment, v value) { e.Command.Input = v.oneOf("json", "text") }, providers: []string{ProviderCommand}},
	{name: "command_positive", read: func(e *Experiment, v value) { e.Positive = v.formerly("positive").texts() }, providers: []string{ProviderCommand}},
	{name: "command_negative", read: func(e *Experiment, v value) { e.Negative = v.formerly("negative").texts() }, providers: []string{ProviderCommand}},
	{name: "replay_file", read: func(e *Experiment, v value) { e.ReplayFile = v.path() }, providers: []string{ProviderReplay}},
	{name: "replay_experiment", read: func(e *Experiment, v value) { e.ReplayExperiment = v.line() }, providers: []string{ProviderReplay}},
	{name: "base_url", read: func(e *Experiment, v value) { e.BaseURL = v.url() }, providers: ofServers},
	{name: "api_key_env", read: func(e *Experiment, v value) { e.APIKeyEnv = v.variable() }, providers: ofServers},
}

// isKey reports whether an experiment can have the key.
func isKey(name string) bool {
	for _, k := range keys {
		if k.name == name {
			return true
		}
	}
	return false
}

// nearest returns the key that a wrong one most resembles: the one with which it
// shares the most pairs of neighbouring letters (Dice's coefficient); empty: it
// resembles none.
func nearest(wrong string) string {
	best, most := "", 0.45
	for _, k := range keys {
		if d := dice(wrong, k.name); d > most {
			best, most = k.name, d
		}
	}
	return best
}

func dice(a, b string) float64 {
	pairs := make(map[string]int)
	for i := range len(a) - 1 {
		pairs[a[i:i+2]]++
	}
	shared := 0
	for i := range len(b) - 1 {
		if pairs[b[i:i+2]] > 0 {
			pairs[b[i:i+2]]--
			shared++
		}
	}
	return 2 * float64(shared) / float64(max(1, len(a)+len(b)-2))
}
