// Package config reads the configuration of a benchmark, config/experiments.yml.
//
// The file is YAML: a list of experiments, or a mapping with two keys. What stands
// under defaults holds for each experiment under experiments that does not say it
// itself; null (or nothing) takes a default away.
//
//	defaults:
//	  narratives: ../data/samples/narratives.csv
//	experiments:
//	  - experiment_name: "Baseline"
//	    author: "Andrea"
//	    prompt_file: prompts/baseline.txt
//	    model_name: gpt-4
//	    provider: OpenAI
//
// The keys, what is a default in parentheses:
//
//	experiment_name      text, another one for each experiment of the file
//	author               text (none)
//	prompt_file, or prompt   the system message: a text file in UTF-8, or the text itself
//	user_template, or user_template_file   the user message ({{text}})
//	model_name           text
//	provider             rules, command, replay, openai or anthropic, in any case
//	narratives           a file that package narrative reads
//	id_column            name of its column with the ids, or a list of names, whose ids are joined with : (a usual one)
//	text_column, flag_column   names of its columns (the usual ones)
//	sheet                name of the sheet of an .xlsx file (the first)
//	notes, prompt_version   texts that are kept with the experiment; they do not matter for resuming (none)
//	limit                how many narratives, from the first (all)
//	repeats              how often each is asked, 1 to 1000 (1)
//	concurrency          calls at the same time, 1 to 256 (4)
//	requests_per_minute  1 to 1000000 (no limit)
//	timeout              of one call, as 90s or 2m, or in seconds, up to 24h (60s)
//	max_retries          after the first try of a call, 0 to 100 (5)
//	temperature          0 to 2 (not sent)
//	max_tokens           of a reply, 1 to 10000000 (not sent)
//	positive, negative   lists of words for yes and no, compared without case and the
//	                     punctuation around them (none but yes, no, true and false)
//	think_tags           further names of sections in which a model thinks (none)
//	input_price, output_price   US dollars for a million tokens, both or none (cost unknown)
//
// and, each for its providers alone:
//
//	rules_file           rules: the file of rules
//	command              command: a list, the program and its arguments
//	command_mode         command: lines (started once) or once (for each narrative) (lines)
//	command_input        command: json or text (json)
//	seed                 openai, command: a whole number (not sent); Anthropic's protocol has none
//	response_format      openai: schema, object or none: the form that the server is asked to
//	                     hold a reply to (schema)
//	replay_file          replay: a file of answers
//	replay_experiment    replay: the name of an experiment in the log
//	base_url             openai, anthropic: where the server is (the provider's own)
//	api_key_env          openai, anthropic: the environment variable with the key
//
// A user message has the narrative at {{text}}, which must be there exactly once. <<TEXT>>,
// {narrative} and {text} mean the same; any other {{…}} or <<…>> is a fault. A system
// message with such a placeholder, without a user template, is the user message, and no
// system message is sent.
//
// A program in command_mode lines should print the id of each question with its answer, as
// in {"id": "n1", "detected": true}. Once it has used ids, lines without one are ignored:
// what it or a library prints beside its answers can do no harm. Without ids, a line too
// many puts all answers in doubt: they are withdrawn, and the questions are asked again.
//
// The former keys command_positive and command_negative are positive and negative, and
// still read.
//
// Paths are relative to the folder of the file; where that has no such file, to its
// parent folder. A command runs in the folder of the file. What a
// command's arguments come to is logged with the experiment, a key among them too: hand
// a program its keys in the environment.
// ${NAME} in a value stands for an environment variable, $${ for a plain ${. Keys
// come from the environment alone: OPENAI_API_KEY and ANTHROPIC_API_KEY are for the
// providers' own servers, any other server gets the key that api_key_env names, or
// none.
//
// [Load] checks all there is to check before anything runs, and reports all faults
// at once, each with line and column. It does not call anybody, and does not know
// what rules or replies look like.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/explog/explog/hub/narrative"
)

// The defaults of keys that have one.
const (
	DefaultConcurrency = 4
	DefaultTimeout     = 60 * time.Second
	DefaultMaxRetries  = 5
	DefaultRepeats     = 1
)

// Config is a configuration that holds.
type Config struct {
	Path        string
	Experiments []Experiment // at least one, in the order of the file
	Notes       []string     // what is out of date in the file, but still understood
}

// Experiment is one benchmark: a prompt and a model over a set of narratives.
type Experiment struct {
	Name   string // no other experiment of the file has it
	Author string
	Line   int // where the experiment begins in the file

	PromptFile string // its path, as seen from where the program runs; empty: the prompt is in the configuration
	Prompt     string // the system message, without a byte order mark; empty: there is none
	// UserTemplate is the user message, with one placeholder that package event knows;
	// empty: the narrative alone. UserTemplateFile is where it is from.
	UserTemplate     string
	UserTemplateFile string
	PromptIsTemplate bool // the prompt has a placeholder, and so is the UserTemplate
	// PromptLiteral is a part of the prompt or template that looks like a placeholder of
	// another program, and is sent as it is; empty: there is none.
	PromptLiteral string
	Notes         string
	PromptVersion string
	Model         string
	Provider      string // one of the Provider constants

	Narratives string // the file's path, as seen from where the program runs
	Columns    narrative.Columns
	Limit      int // of narratives; 0: all
	Repeats    int

	Concurrency       int
	RequestsPerMinute int // 0: as many as there can be
	Timeout           time.Duration
	MaxRetries        int

	Temperature *float64 // nil: not sent
	MaxTokens   *int     // nil: not sent
	Seed        *int64   // nil: not sent

	Positive, Negative []string // words for yes and no, beside the usual ones
	ThinkTags          []string // names of thinking sections, beside the usual ones
	ResponseFormat     string   // "schema", "object" or "none", for openai; empty: "schema"

	InputPrice, OutputPrice *float64 // US dollars for a million tokens; nil, both: unknown

	RulesFile        string // for rules
	Rules            []byte // the file's content
	Command          Command
	ReplayFile       string // for replay, this or
	ReplayExperiment string // that
	BaseURL          string // for openai and anthropic, without a slash at the end; empty: the provider's own
	APIKeyEnv        string // the variable that APIKey is from; empty: there is no key
	APIKey           Secret
}

// Command is an external program that answers.
type Command struct {
	Args  []string // the program and its arguments; no shell takes part
	Dir   string   // the folder in which it runs, and to which a program with a slash is relative
	Mode  string   // "lines": started once, a line for each narrative; "once": started for each narrative
	Input string   // "json" or "text"
}

// The providers.
const (
	ProviderRules     = "rules"
	ProviderCommand   = "command"
	ProviderReplay    = "replay"
	ProviderOpenAI    = "openai"
	ProviderAnthropic = "anthropic"
)

// Options say how a configuration is loaded.
type Options struct {
	Narratives string                      // stands for the narratives of every experiment; relative to where the program runs
	Only       string                      // the name of the one experiment that is wanted; of the others only the keys are checked
	LookupEnv  func(string) (string, bool) // nil: [os.LookupEnv]
}

// maxFile is the limit for a file, in bytes: for those that a person writes.
const maxFile = 1 << 20

// Load reads a configuration and what it refers to.
//
// The error is an [InvalidError] with every fault, or says why the file cannot be
// read.
func Load(path string, o Options) (Config, error) {
	data, err := readFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, fmt.Errorf("there is no configuration %s; name another one, as in explog hub run FILE (docs/experiments-yml.md says how to write one): %w", path, fs.ErrNotExist)
	}
	if err != nil {
		return Config{}, fmt.Errorf("read the configuration: %w", err)
	}
	r := newReader(filepath.Dir(path), o.LookupEnv)
	drafts := r.parse(data, o.Only)
	c := Config{Path: path}
	c.Notes = r.notes
	for _, d := range drafts {
		d.complete(o.Narratives)
		c.Experiments = append(c.Experiments, d.Experiment)
	}
	if err := r.faults.err(path); err != nil {
		return Config{}, err
	}
	return c, nil
}
