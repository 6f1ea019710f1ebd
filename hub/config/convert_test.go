package config

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const aStudy = `experiment:
  name: "Baseline: v1"
  author: "A"
  notes: "first
    try"
model:
  name: some-model:8b
  provider: mlx
  api_url: http://localhost:1234/v1/chat/completions
  temperature: 0.0  # as published
  top_k: 5
prompt:
  version: 0.3
  system_prompt: |
    You judge.

    Answer {"text": 1}.
  user_template: |
    Narrative: <<TEXT>>

    Answer.
data:
  file: n.csv
  text_column: text
run:
  seed: 1024
  max_narratives: 100
  save_incremental: true
  save_csv_json: true
  options: [a, b]
`

func TestAStudyBecomesAnExperiment(t *testing.T) {
	var c Converter
	notes, err := c.Add("study.yaml", []byte(aStudy))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"provider mlx is now openai, whose protocol it speaks, at base_url", "not converted: model.top_k: 5",
		"not converted: run.seed: 1024. It seeds the program, not the model; write seed: 1024 to send it to the server",
		"not converted: run.options: a list",
	}
	if strings.Join(notes, "\n") != strings.Join(want, "\n") {
		t.Errorf("the notes are\n%s\nwant\n%s", strings.Join(notes, "\n"), strings.Join(want, "\n"))
	}
	if _, err := c.Add("again.yaml", []byte(aStudy)); err != nil {
		t.Fatal(err)
	}
	text, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range want {
		if !strings.Contains(string(text), "# "+n+"\n") {
			t.Errorf("the configuration does not say %s:\n%s", n, text)
		}
	}
	dir := folder(t)
	path := filepath.Join(dir, "experiments.yml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	conf, err := Load(path, Options{LookupEnv: nothing})
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	e := conf.Experiments[0]
	if e.Name != "Baseline: v1" || e.Author != "A" || e.Notes != "first try" || e.Model != "some-model:8b" || e.Provider != ProviderOpenAI ||
		e.BaseURL != "http://localhost:1234/v1" || *e.Temperature != 0 || e.Seed != nil || e.PromptVersion != "0.3" || e.Limit != 100 ||
		e.Prompt != "You judge.\n\nAnswer {\"text\": 1}.\n" || e.UserTemplate != "Narrative: <<TEXT>>\n\nAnswer.\n" ||
		e.Narratives != filepath.Join(dir, "n.csv") || e.Columns.Text != "text" {
		t.Errorf("%+v", e)
	}
	if name := conf.Experiments[1].Name; name != "Baseline: v1 (2)" {
		t.Errorf("the second is called %q", name)
	}
}

func TestStudiesOfAllKinds(t *testing.T) {
	for in, want := range map[string]string{
		"experiment: {name: 7}\nmodel: {provider: Anthropic, api_url: 'https://h/v1/messages/'}":          "provider: anthropic|base_url: https://h/v1|experiment_name: \"7\"",
		"model: {name: m}\nprompt: {system_prompt_file: a.txt, user_template_file: b.txt}":                "no name is given: the file's name is used|prompt_file: a.txt|user_template_file: b.txt|experiment_name: s.yaml|no provider is named: openai is used",
		"experiment: {name: a, name2: b}\nmodel: {}\nother: {x: 1}\nlast: y":                              "not converted: experiment.name2: b|not converted: other.x: 1|not converted: last: y",
		"model: m:8b\nprompt: Judge.\ndata: {file: a.csv}\nexperiment: E\nrun: {seed: 1}":                 "model_name: m:8b|prompt: Judge.|narratives: a.csv|experiment_name: E",
		"experiment: {name: a}\nmodel: {name: $MODEL, temperature: ~}":                                    "model_name has $MODEL: write ${MODEL} if that is an environment variable",
		"experiment: {name: a}\ndata: {file: a.csv, max_narratives: 5}\nrun: {max_narratives: 6}":         "limit: 5|limit is there twice; the first was taken",
		"experiment: {name: a}\nprompt: {system_prompt: \"two\\nlines  \\n\", user_template: \"{text}\"}": "    two\n    lines  \n|user_template: \"{text}\"",
	} {
		var c Converter
		if _, err := c.Add("s.yaml", []byte(in)); err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		text, err := c.YAML()
		if err != nil {
			t.Error(err)
		}
		for part := range strings.SplitSeq(want, "|") {
			if !strings.Contains(string(text), part) {
				t.Errorf("%s\nis\n%s\nwithout %s", in, text, part)
			}
		}
	}
}

func TestWhatIsNoStudy(t *testing.T) {
	for in, want := range map[string]string{
		"":                           "s.yaml: the file is empty",
		"[a]":                        "s.yaml:1:1: want a mapping with the sections experiment, model, prompt, data, run",
		sound:                        "want a mapping with the sections",
		"experiments: []\nmodel: {}": "want a mapping with the sections",
		"model: {a: b}\nprompt: x":   "want a mapping with the sections",
		"model: {a: b":               "s.yaml:2:1: not YAML",
		"experiment: {name: a}\nprompt: {system_prompt: \"b\\x85c\"}": "s.yaml:2:25: prompt: the character U+0085 is a line break",
		"model: {a: b, a: c}\nrun: {}":                                `s.yaml:1:15: the key "a" stands on line 1 already`,
	} {
		var c Converter
		_, err := c.Add("s.yaml", []byte(in))
		var invalid *InvalidError
		if !errors.As(err, &invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}

// A key that someone wrote into a study is not copied.
func TestSecretsAreNotConverted(t *testing.T) {
	var c Converter
	notes, err := c.Add("s.yaml", []byte("experiment: {name: a}\nmodel: {name: m, api_key: sk-1, OpenAI-Token: sk-2, headers: {x: sk-3}, max_tokens: 7}\nrun: {password: sk-4}\nclient_secret: sk-5"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	if said := string(text) + strings.Join(notes, "\n"); strings.Contains(said, "sk-") || !strings.Contains(said, "max_tokens: 7") ||
		strings.Count(string(text), "put it into an environment variable that api_key_env names") != 4 {
		t.Errorf("%s\nin\n%s", notes, text)
	}
}

// The prompts of a configuration are those of the study, byte for byte.
func TestPromptsStayAsTheyAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		prompt := rapid.StringMatching(`[a-z:#'"\\{}\-|> \t\r\n\x{2028}é€😀]{1,20}`).Filter(func(s string) bool { return strings.TrimSpace(s) != "" }).Draw(t, "prompt")
		study, err := json.Marshal(map[string]any{"experiment": map[string]string{"name": "a"}, "prompt": map[string]string{"system_prompt": prompt}})
		if err != nil {
			t.Fatal(err)
		}
		var c Converter
		if _, err := c.Add("s.yaml", study); err != nil {
			t.Fatal(err)
		}
		text, err := c.YAML()
		if err != nil {
			t.Fatal(err)
		}
		r := newReader("", nothing)
		list := r.parse(text, "")
		if len(list) != 1 || list[0].Prompt != prompt {
			t.Fatalf("%q became other, %v, in\n%s", prompt, r.faults, text)
		}
	})
}

// A study that is run as it is is recognized.
func TestAStudyIsNoConfiguration(t *testing.T) {
	_, err := load(t, aStudy, Options{})
	var invalid *InvalidError
	if !errors.As(err, &invalid) || len(invalid.Faults) != 1 || !strings.Contains(err.Error(), "explog hub convert FILE makes a configuration of it") {
		t.Error(err)
	}
}

// FuzzConvert: what is converted is YAML that can be read.
func FuzzConvert(f *testing.F) {
	f.Add([]byte(aStudy))
	f.Add([]byte("experiment: {name: &a [x], notes: \"\\e\"}\nmodel: {name: *a, temperature: !!float x}"))
	f.Add([]byte("prompt: {system_prompt: \" a\\n\\tb\\n \"}\ndata: {file: '#'}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var c Converter
		if _, err := c.Add("s.yaml", data); err != nil {
			return
		}
		text, err := c.YAML()
		if err != nil {
			t.Fatal(err)
		}
		r := newReader("", environment)
		if list := r.parse(text, ""); len(list) != 1 {
			t.Fatalf("%d experiments and %v in\n%s", len(list), r.faults, text)
		}
	})
}
