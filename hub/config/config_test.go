package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// folder makes the files that the configurations of the tests refer to, and returns
// where.
func folder(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"p.txt": "\xEF\xBB\xBFSay yes or no.\n", "n.csv": "id,text\nA,one\n", "r.yml": "threshold: 1\n", "a.jsonl": "{}\n",
		"blank.txt": " \r\n\t", "latin.txt": "x\ncaf\xe9", "nul.txt": "a\x00b", "judge.sh": "#!/bin/sh\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "judge.sh"), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// environment is what the tests' lookups find.
func environment(name string) (string, bool) {
	text, set := map[string]string{
		"OPENAI_API_KEY": "sk-openai", "ANTHROPIC_API_KEY": "sk-anthropic", "OTHER_KEY": " sk-other\n", "EMPTY": "", "BROKEN_KEY": "sk a",
		"N": "7", "NAME": "seven", "HOST": "localhost", "PASSWORD": "hunter2",
	}[name]
	return text, set
}

// load loads a configuration from a text.
func load(t testing.TB, text string, o Options) (Config, error) {
	t.Helper()
	path := filepath.Join(folder(t), "experiments.yml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if o.LookupEnv == nil {
		o.LookupEnv = environment
	}
	return Load(path, o)
}

// sound is an experiment without a fault, to which lines are added.
const sound = `- experiment_name: "Baseline"
  prompt_file: p.txt
  model_name: keywords
  provider: replay
  replay_experiment: Before
  narratives: n.csv
`

// one loads the sound experiment with further lines.
func one(t *testing.T, lines string) Experiment {
	t.Helper()
	c, err := load(t, sound+lines, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c.Experiments[0]
}

func TestThePlainListOfFiveKeys(t *testing.T) {
	narratives := filepath.Join(folder(t), "n.csv")
	c, err := load(t, `- experiment_name: "Baseline GPT-4"
  author: "Andrea"
  prompt_file: "p.txt"
  model_name: "gpt-4"
  provider: "OpenAI"
`, Options{Narratives: narratives})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(c.Path)
	got := c.Experiments[0]
	if key := got.APIKey.Reveal(); key != "sk-openai" {
		t.Errorf("the key is %q", key)
	}
	got.APIKey = Secret{}
	want := Experiment{
		Name: "Baseline GPT-4", Author: "Andrea", Line: 1, PromptFile: filepath.Join(dir, "p.txt"), Prompt: "Say yes or no.\n",
		Model: "gpt-4", Provider: ProviderOpenAI, Narratives: narratives, Repeats: 1, Concurrency: 4, Timeout: time.Minute, MaxRetries: 5,
		Command: Command{Dir: dir, Mode: "lines", Input: "json"}, APIKeyEnv: "OPENAI_API_KEY",
	}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestEveryKeyIsRead(t *testing.T) {
	c, err := load(t, `experiments:
- experiment_name: Everything
  prompt_file: p.txt
  model_name: llama3.1:8b
  provider: OPENAI
  narratives: n.csv
  id_column: IncidentID
  text_column: NarrativeLE
  flag_column: ipv
  base_url: http://${HOST}:11434/v1/
  api_key_env: OTHER_KEY
  temperature: 0.2
  max_tokens: 800
  seed: -17
  concurrency: 2
  requests_per_minute: 120
  timeout: 2m
  max_retries: 0
  repeats: 3
  limit: 10
  input_price: 2.5
  output_price: 10
`, Options{})
	if err != nil {
		t.Fatal(err)
	}
	e := c.Experiments[0]
	got := fmt.Sprintln(e.Line, e.Provider, e.Model, e.Columns, e.BaseURL, e.APIKeyEnv, e.APIKey.Reveal(), *e.Temperature, *e.MaxTokens, *e.Seed,
		e.Concurrency, e.RequestsPerMinute, e.Timeout, e.MaxRetries, e.Repeats, e.Limit, *e.InputPrice, *e.OutputPrice)
	want := "2 openai llama3.1:8b {[IncidentID] NarrativeLE ipv } http://localhost:11434/v1 OTHER_KEY sk-other 0.2 800 -17 2 120 2m0s 0 3 10 2.5 10\n"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestFilesOfWindows(t *testing.T) {
	c, err := load(t, byteOrderMark+strings.ReplaceAll(sound+"  author: >-\n    two\n    lines\n", "\n", "\r\n"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if e := c.Experiments[0]; e.Name != "Baseline" || e.Author != "two lines" || e.Line != 1 {
		t.Errorf("got %+v", e)
	}
}

func TestEveryProvider(t *testing.T) {
	const head = "- experiment_name: X\n  prompt_file: p.txt\n  model_name: m\n  narratives: n.csv\n  provider: "
	for _, tc := range []struct {
		lines string
		want  func(Experiment) bool
	}{
		{"Rules\n  rules_file: r.yml", func(e Experiment) bool {
			return string(e.Rules) == "threshold: 1\n" && filepath.Base(e.RulesFile) == "r.yml"
		}},
		{"command\n  command: [sh, -c, \"cat; echo '$${x}'\"]\n  command_mode: Once\n  command_input: text\n  command_positive: [__label__1]\n  command_negative: [__label__0, 'NO']", func(e Experiment) bool {
			return slices.Equal(e.Command.Args, []string{"sh", "-c", "cat; echo '${x}'"}) && e.Command.Mode == "once" && e.Command.Input == "text" &&
				slices.Equal(e.Positive, []string{"__label__1"}) && slices.Equal(e.Negative, []string{"__label__0", "NO"}) && e.ResponseFormat == ""
		}},
		{"command\n  command: [./judge.sh]", func(e Experiment) bool { return slices.Equal(e.Command.Args, []string{"./judge.sh"}) }},
		{"replay\n  replay_file: a.jsonl", func(e Experiment) bool { return filepath.Base(e.ReplayFile) == "a.jsonl" }},
		{"openai", func(e Experiment) bool { return e.APIKey.Reveal() == "sk-openai" && e.BaseURL == "" }},
		{"openai\n  positive: [A]\n  negative: [B, C]\n  think_tags: [musing]\n  response_format: None", func(e Experiment) bool {
			return slices.Equal(e.Positive, []string{"A"}) && slices.Equal(e.Negative, []string{"B", "C"}) && slices.Equal(e.ThinkTags, []string{"musing"}) &&
				e.ResponseFormat == "none"
		}},
		{"anthropic", func(e Experiment) bool { return e.APIKey.Reveal() == "sk-anthropic" }},
		{"openai\n  base_url: https://api.openai.com/v1", func(e Experiment) bool { return e.APIKey.Reveal() == "sk-openai" }},
	} {
		c, err := load(t, head+tc.lines+"\n", Options{})
		if err != nil {
			t.Errorf("%s: %v", tc.lines, err)
		} else if !tc.want(c.Experiments[0]) {
			t.Errorf("%s: got %+v", tc.lines, c.Experiments[0])
		}
	}
}

// The key for the provider's own server must not reach another one.
func TestOtherServersGetNoKeyThatIsNotTheirs(t *testing.T) {
	const head = "- experiment_name: X\n  prompt_file: p.txt\n  model_name: m\n  narratives: n.csv\n  provider: openai\n  base_url: "
	for _, url := range []string{"http://localhost:8000/v1", "https://api.openai.com.example.org/v1", "https://example.org//api.openai.com/v1", "http://api.openai.com/v1"} {
		c, err := load(t, head+url+"\n", Options{})
		if err != nil {
			t.Fatal(err)
		}
		if e := c.Experiments[0]; e.APIKey.Reveal() != "" || e.APIKeyEnv != "" {
			t.Errorf("%s gets the key from %s", url, e.APIKeyEnv)
		}
	}
}

func TestDefaults(t *testing.T) {
	c, err := load(t, `# the anchors are YAML's, the defaults ours
defaults: &all
  prompt_file: p.txt
  narratives: n.csv
  temperature: 0
  max_tokens: 100
  base_url: http://localhost/v1
experiments:
- &first
  experiment_name: First
  model_name: a
  provider: openai
  temperature: 0.5
- <<: *first
  experiment_name: Second
  max_tokens: ~
  temperature:
- <<: [{model_name: b}, *first]
  experiment_name: Third
- experiment_name: Fourth
  model_name: c
  provider: replay
  replay_experiment: First
`, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range c.Experiments {
		s := fmt.Sprint(e.Line, " ", e.Name, " ", e.Model)
		if e.Temperature != nil {
			s += fmt.Sprint(" t=", *e.Temperature)
		}
		if e.MaxTokens != nil {
			s += fmt.Sprint(" m=", *e.MaxTokens)
		}
		got = append(got, s)
	}
	want := []string{"9 First a t=0.5 m=100", "14 Second a", "18 Third b t=0.5 m=100", "20 Fourth c t=0 m=100"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestValues(t *testing.T) {
	for line, want := range map[string]string{
		"author: no": "no", "author: on": "on", "author: 2026-01-02": "2026-01-02", `author: "4"`: "4", "author: !!str 4": "4", "author: '${NAME}'": "seven",
		"author: ${N}": "7", "author: a${NAME}b$${c}": "asevenb${c}", "author: $NAME $$ {": "$NAME $$ {", "author: >-\n    two\n    lines": "two lines",
		"author: ' x '": "x", "author: ${EMPTY}x": "x", "author: é # note": "é",
	} {
		if got := one(t, "  "+line+"\n").Author; got != want {
			t.Errorf("%s: author is %q, want %q", line, got, want)
		}
	}
	for line, want := range map[string]time.Duration{
		"60": time.Minute, "1.5": 1500 * time.Millisecond, "90s": 90 * time.Second, "1h30m": 90 * time.Minute, `"250ms"`: 250 * time.Millisecond,
		"${N}": 7 * time.Second, "${N}m": 7 * time.Minute, "24h": 24 * time.Hour,
	} {
		if got := one(t, "  timeout: "+line+"\n").Timeout; got != want {
			t.Errorf("timeout %s is %v, want %v", line, got, want)
		}
	}
	if got := one(t, "  concurrency: ${N}\n  temperature: 1e-1\n"); got.Concurrency != 7 || *got.Temperature != 0.1 {
		t.Errorf("got %+v", got)
	}
}

// The faults of one line that is added to the sound experiment; it is line 7.
func TestFaultsOfAKey(t *testing.T) {
	for line, want := range map[string]string{
		// what is no key, or stands twice
		"modle_name: x":                         `7:3: unknown key "modle_name"; did you mean model_name?`,
		"promtfile: x":                          `7:3: unknown key "promtfile"; did you mean prompt_file?`,
		"api_key: sk-secret":                    `7:3: unknown key "api_key"; did you mean api_key_env?`,
		"max-tokens: 3":                         `7:3: unknown key "max-tokens"; did you mean max_tokens?`,
		"Model_Name: x":                         `7:3: unknown key "Model_Name"; did you mean model_name?`,
		"zzz: x":                                `7:3: unknown key "zzz"`,
		"7: x":                                  `7:3: unknown key "7"`,
		"narratives: n.csv":                     `7:3: the key "narratives" stands on line 6 already`,
		"? [a]\n  : b":                          `7:5: want a key, got a list`,
		"<<: x":                                 `7: <<: want a mapping to merge, got the text "x"`,
		"<<: [{author: a}, [b]]":                `7:21: <<: want a mapping to merge, got a list`,
		"<<: {author: a, modle_name: x}":        `7:19: unknown key "modle_name"`,
		"<<: {author: 4}":                       `7:16: author: want a text, got the number 4; put it in quotes: "4"`,
		"<<: *nowhere":                          `7: not YAML: unknown anchor 'nowhere' referenced`,
		"author: 4":                             `7:11: author: want a text, got the number 4; put it in quotes: "4"`,
		"author: true":                          `7:11: author: want a text, got true; put it in quotes: "true"`,
		"author: 1.5":                           `7:11: author: want a text, got the number 1.5`,
		"author: [a]":                           `7:11: author: want a text, got a list`,
		"author: {a: b}":                        `7:11: author: want a text, got a mapping`,
		"author: !env X":                        `7:11: author: want a text, got the tag "!env"; leave it away`,
		`author: ""`:                            `7:11: author: want a text, got a blank one`,
		"author: ${EMPTY}":                      `7:11: author: want a text, got a blank one`,
		`author: "a\nb"`:                        `7:11: author: want one line of text`,
		`author: "\e[31m"`:                      `7:11: author: want one line of text`,
		"author: ${MISSING}":                    `7:11: author: the environment variable MISSING is not set`,
		"author: ${N}${MISSING}":                `7:11: author: the environment variable MISSING is not set`,
		"author: ${NAME":                        `7:11: author: want ${NAME} with the name of an environment variable, got "${NAME"`,
		"author: '${}'":                         `7:11: author: want ${NAME} with the name of an environment variable, got "${}"`,
		"author: ${NAME:-x}":                    `7:11: author: want ${NAME} with the name of an environment variable, got "${NAME:-x}"`,
		"concurrency: 0":                        `7:16: concurrency: want a whole number from 1 to 256, got the number 0`,
		"concurrency: 1000":                     `7:16: concurrency: want a whole number from 1 to 256, got the number 1000`,
		"concurrency: 4.0":                      `7:16: concurrency: want a whole number from 1 to 256, got the number 4.0`,
		"concurrency: 0x10":                     `7:16: concurrency: want a whole number from 1 to 256, got the number 0x10`,
		"concurrency: 010":                      `7:16: concurrency: want a whole number from 1 to 256, got the number 010`,
		`concurrency: "4"`:                      `7:16: concurrency: want a whole number from 1 to 256, got the text "4"`,
		"concurrency: many":                     `7:16: concurrency: want a whole number from 1 to 256, got the text "many"`,
		"concurrency: [4]":                      `7:16: concurrency: want a whole number from 1 to 256, got a list`,
		"concurrency: ${NAME}":                  `7:16: concurrency: want a whole number from 1 to 256, got the text "${NAME}"`,
		"concurrency: ${PASSWORD}":              `7:16: concurrency: want a whole number from 1 to 256, got the text "${PASSWORD}"`,
		"concurrency: ${MISSING}":               `7:16: concurrency: the environment variable MISSING is not set`,
		"concurrency: true":                     `7:16: concurrency: want a whole number from 1 to 256, got true`,
		"max_retries: -1":                       `7:16: max_retries: want a whole number from 0 to 100, got the number -1`,
		"seed: 99999999999999999999":            `7:9: seed: provider replay has no use for this key|7:9: seed: want a whole number from -9223372036854775808 to 9223372036854775807, got the number 99999999999999999999`,
		"temperature: 2.1":                      `7:16: temperature: want a number from 0 to 2, got the number 2.1`,
		"temperature: .nan":                     `7:16: temperature: want a number from 0 to 2, got the number .nan`,
		"temperature: -0.5":                     `7:16: temperature: want a number from 0 to 2, got the number -0.5`,
		"temperature: low":                      `7:16: temperature: want a number from 0 to 2, got the text "low"`,
		"timeout: soon":                         `7:12: timeout: want a time such as 90s or 2m, up to 24h, got the text "soon"`,
		"timeout: 0":                            `7:12: timeout: want a time such as 90s`,
		"timeout: -5s":                          `7:12: timeout: want a time such as 90s`,
		"timeout: 25h":                          `7:12: timeout: want a time such as 90s`,
		"timeout: [1]":                          `7:12: timeout: want a text, got a list`,
		"timeout: .inf":                         `7:12: timeout: want a time such as 90s`,
		"input_price: 2":                        `7:16: input_price: the cost needs both input_price and output_price`,
		"input_price: -1\n  output_price: free": `7:16: input_price: want a number from 0 to 1e+06, got the number -1|8:17: output_price: want a number from 0 to 1e+06, got the text "free"`,
		"rules_file: r.yml":                     `7:15: rules_file: provider replay has no use for this key, which is for rules`,
		"base_url: http://localhost":            `7:13: base_url: provider replay has no use for this key, which is for openai and anthropic`,
		"seed: 1":                               `7:9: seed: provider replay has no use for this key, which is for command and openai`,
		"replay_file: a.jsonl":                  `7:16: replay_file: provider replay wants either replay_file or replay_experiment`,
		"author: \xff":                          `7:11: bytes that are not UTF-8`,
		"author: a\x00":                         `7:12: not YAML: control characters are not allowed`,
		"\tauthor: a":                           `7:3: not YAML: found a tab character that violates indentation; indent with spaces`,
		"author: @x":                            `7:11: not YAML: found character that cannot start any token; put a text that begins with @ in quotes`,
		"author: a: b":                          `7:12: not YAML: mapping values are not allowed in this context; is the line indented like those around it?`,
		"   author: a":                          `7:12: not YAML: mapping values are not allowed in this context; is the line indented`,
		"author: 'a":                            `found unexpected end of stream`,
		"author: [a":                            `not YAML: `,
		"é: é":                                  `7:3: unknown key "é"`,
		"<<: {é: é, modle_name: x}":             `7:8: unknown key "é"|7:14: unknown key "modle_name"`,
	} {
		t.Run(line, func(t *testing.T) {
			_, err := load(t, sound+"  "+line+"\n", Options{})
			var invalid *InvalidError
			if !errors.As(err, &invalid) {
				t.Fatalf("error is %v, want an InvalidError", err)
			}
			lines := strings.Split(strings.ReplaceAll(err.Error(), invalid.Path+":", ""), "\n")
			wanted := strings.Split(want, "|")
			if len(lines) != len(wanted) {
				t.Fatalf("want %d faults, got\n%v", len(wanted), err)
			}
			for i, want := range wanted {
				if !strings.Contains(lines[i], want) {
					t.Errorf("got  %s\nwant %s", lines[i], want)
				}
			}
			if said := strings.Join(lines, "\n"); strings.Contains(said, "hunter2") || strings.Contains(said, "sk-") {
				t.Errorf("the error gives a secret away: %s", said)
			}
		})
	}
}

func TestFaultsOfAProvider(t *testing.T) {
	const head = "- experiment_name: X\n  model_name: m\n  narratives: n.csv\n  prompt_file: p.txt\n  provider: "
	for lines, want := range map[string]string{
		"Ollama":                               `5:13: provider: unknown provider "Ollama"; use openai with base_url: http://localhost:11434/v1 (where its server listens)`,
		"MLX-LM":                               `5:13: provider: unknown provider "MLX-LM"; use openai with base_url: http://localhost:8080/v1 (where its server listens)`,
		"vllm":                                 `5:13: provider: unknown provider "vllm"; use openai with base_url: http://localhost:8000/v1`,
		"Claude":                               `5:13: provider: unknown provider "Claude"; use anthropic`,
		"my own":                               `5:13: provider: want rules or command or replay or openai or anthropic, got the text "my own"; for a server with OpenAI's chat completions, use openai with base_url`,
		"rules":                                `1:3: rules_file: the key is missing: provider rules wants the file of rules`,
		"rules\n  rules_file: none.yml":        `6:15: rules_file: there is no file DIR/none.yml`,
		"rules\n  rules_file: .":               `6:15: rules_file: DIR is a folder`,
		"rules\n  rules_file: blank.txt":       `6:15: rules_file: DIR/blank.txt is empty`,
		"command":                              `1:3: command: the key is missing: provider command wants`,
		"command\n  command: python3 judge.py": `6:12: command: want a list such as [a, b], got the text "python3 judge.py"`,
		"command\n  command: []":               `6:12: command: want a list such as [a, b], got a list`,
		"command\n  command: [no-such-program-x]":        `6:12: command: no program "no-such-program-x" can be run`,
		"command\n  command: [./p.txt]":                  `6:12: command: no program "./p.txt" can be run`,
		"command\n  command: ['']":                       `6:12: command: no program "" can be run`,
		"command\n  command: [sh, 5]":                    `6:17: command: want a text, got the number 5`,
		"command\n  command: [sh]\n  command_mode: fast": `7:17: command_mode: want lines or once, got the text "fast"`,
		"replay":                                                `1:3: replay_file: provider replay wants either replay_file or replay_experiment`,
		"replay\n  replay_file: none.jsonl":                     `6:16: replay_file: there is no file DIR/none.jsonl`,
		"openai\n  api_key_env: MISSING_KEY":                    `6:16: api_key_env: the environment variable MISSING_KEY with the key for provider openai is not set`,
		"openai\n  api_key_env: EMPTY":                          `6:16: api_key_env: the environment variable EMPTY with the key for provider openai is not set`,
		"openai\n  api_key_env: BROKEN_KEY":                     `6:16: api_key_env: what the environment variable BROKEN_KEY holds is no key`,
		"openai\n  api_key_env: sk-proj-1":                      `6:16: api_key_env: want the name of an environment variable, in capitals`,
		"openai\n  api_key_env: ${OTHER_KEY}":                   `6:16: api_key_env: want the name of an environment variable, in capitals`,
		"openai\n  base_url: localhost:11434/v1":                `6:13: base_url: want an address such as http://localhost:11434/v1`,
		"openai\n  base_url: ftp://localhost":                   `6:13: base_url: want an address such as`,
		"openai\n  base_url: http://u:hunter2@localhost":        `6:13: base_url: an address with a user or a password in it would be logged`,
		"openai\n  base_url: http://u:${PASSWORD}@localhost":    `6:13: base_url: an address with a user or a password`,
		"openai\n  base_url: http://localhost?key=hunter2":      `6:13: base_url: want an address without ? and #`,
		"openai\n  base_url: 'http://hunter2\x7f'":              `6:13: base_url: want an address such as`,
		"openai\n  base_url: http://h/v1/chat/completions/":     `6:13: base_url: leave away what follows the version`,
		"anthropic\n  base_url: http://h\n  api_key_env: sk-ab": `7:16: api_key_env: want the name of an environment variable`,
	} {
		t.Run(lines, func(t *testing.T) {
			_, err := load(t, head+lines+"\n", Options{})
			var invalid *InvalidError
			if !errors.As(err, &invalid) || len(invalid.Faults) != 1 {
				t.Fatalf("error is %v, want one fault", err)
			}
			got := strings.TrimPrefix(err.Error(), invalid.Path+":")
			got = strings.ReplaceAll(got, filepath.Dir(invalid.Path), "DIR")
			if !strings.HasPrefix(got, want) {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if strings.Contains(got, "hunter2") || strings.Contains(got, "sk-") {
				t.Errorf("the error gives a secret away: %s", got)
			}
		})
	}
}

func TestFaultsOfAFile(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"empty", "", ` the file is empty; want a list of experiments`},
		{"comments alone", "# nothing\n---\n", ` the file is empty; want a list of experiments`},
		{"a text", "hello\n", `1:1: want a list of experiments, or a mapping with defaults and experiments; got the text "hello"`},
		{"a number", "4", `1:1: want a list of experiments, or a mapping with defaults and experiments; got the number 4`},
		{"an empty list", "[]", `1:1: there are no experiments in the list`},
		{"an empty list under a key", "experiments: []", `1:14: there are no experiments in the list`},
		{"nothing under a key", "experiments:\n", `1:13: experiments: want a list of experiments, each behind a dash; got nothing`},
		{"one that is no list", "experiments: {experiment_name: x}", `1:14: experiments: want a list of experiments, each behind a dash; got a mapping`},
		{"defaults alone", "defaults: {author: x}", `1:1: experiments: the list of experiments is missing`},
		{"defaults that are a list", "defaults: [a]\nexperiments: [{}]", `1:11: defaults: want a mapping of keys to values, got a list|2:15: experiment_name: the key is missing|2:15: model_name: the key is missing|2:15: narratives: the key is missing: name a file of narratives here, or with --narratives|2:15: prompt_file: the key is missing|2:15: provider: the key is missing`},
		{"an experiment without a dash", "experiment_name: x\nother: y\n", `1:1: experiment_name: this is a key of an experiment: write it under defaults, or begin each experiment with a dash|1:1: experiments: the list of experiments is missing|2:1: unknown key "other"; here stand defaults and experiments`},
		{"items that are no experiments", "- x\n- [y]\n", `1:3: want an experiment, a mapping with keys such as experiment_name; got the text "x"|2:3: want an experiment, a mapping with keys such as experiment_name; got a list`},
		{"two documents", sound + "---\n" + sound, `8:1: a second YAML document begins here (behind ---); want one`},
		{"the same name twice", sound + strings.Replace(sound, `"Baseline"`, "Baseline", 1), `7:20: experiment_name: the experiment on line 1 has the same name; names must differ`},
		{"a default that is wrong, once", "defaults: {temperature: 9, colour: x}\nexperiments:\n" + sound + strings.Replace(sound, "Baseline", "Other", 1), `1:25: temperature: want a number from 0 to 2, got the number 9|1:28: unknown key "colour"`},
		{"UTF-16", "\xFF\xFE-\x00", `1:1: bytes that are not UTF-8; was the file saved as Windows-1252 or UTF-16?`},
		{"not UTF-8 behind other letters", "# é\n- é: \xe9\n", `2:6: bytes that are not UTF-8`},
		{"a NUL behind other letters", "# é\n- é: \x00\n", `2:6: not YAML: control characters are not allowed`},
		{"a tab first", "\t- a: b\n", `1:1: not YAML: found character that cannot start any token; indent with spaces`},
		{"deep", strings.Repeat("[", 200_000), `not YAML: exceeded max depth`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := load(t, tc.in, Options{})
			var invalid *InvalidError
			if !errors.As(err, &invalid) {
				t.Fatalf("error is %v, want an InvalidError", err)
			}
			lines := strings.Split(strings.ReplaceAll(err.Error(), invalid.Path+":", ""), "\n")
			wanted := strings.Split(tc.want, "|")
			if len(lines) != len(wanted) {
				t.Fatalf("want %d faults, got\n%v", len(wanted), err)
			}
			for i, want := range wanted {
				if !strings.Contains(lines[i], want) {
					t.Errorf("got  %s\nwant %s", lines[i], want)
				}
			}
		})
	}
}

func TestFilesThatAreMissingOrNoText(t *testing.T) {
	for file, want := range map[string]string{
		"none.txt": "there is no file DIR/none.txt", ".": "DIR is a folder", "blank.txt": "DIR/blank.txt is empty",
		"latin.txt": "DIR/latin.txt is not UTF-8 (line 2)", "nul.txt": "DIR/nul.txt has NUL bytes in it",
		"p.txt/x": "not a directory", "/dev/null": "/dev/null is a folder, or no plain file",
	} {
		_, err := load(t, strings.Replace(sound, "p.txt", file, 1), Options{})
		var invalid *InvalidError
		if !errors.As(err, &invalid) {
			t.Fatalf("%s: error is %v", file, err)
		}
		got := strings.ReplaceAll(err.Error(), filepath.Dir(invalid.Path), "DIR")
		if !strings.HasPrefix(got, "DIR/experiments.yml:2:16: prompt_file: ") || !strings.Contains(got, want) {
			t.Errorf("%s:\ngot  %s\nwant %s", file, got, want)
		}
	}
}

func TestPromptsHaveALimit(t *testing.T) {
	long := filepath.Join(t.TempDir(), "long.txt")
	if err := os.WriteFile(long, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := load(t, strings.Replace(sound, "p.txt", long, 1), Options{}); err == nil || !strings.Contains(err.Error(), "long.txt has more than 1048576 bytes") {
		t.Error(err)
	}
}

func TestNarrativesOfTheFlag(t *testing.T) {
	without := strings.Replace(sound, "  narratives: n.csv\n", "", 1)
	if _, err := load(t, without, Options{}); err == nil || !strings.Contains(err.Error(), ":1:3: narratives: the key is missing: name a file of narratives here, or with --narratives") {
		t.Errorf("no narratives: %v", err)
	}
	if _, err := load(t, strings.Replace(sound, "n.csv", "none.csv", 1), Options{}); err == nil || !strings.Contains(err.Error(), ":6:15: narratives: there is no file") {
		t.Errorf("none that exist: %v", err)
	}
	given := filepath.Join(folder(t), "n.csv")
	for _, text := range []string{without, sound, strings.Replace(sound, "n.csv", "none.csv", 1)} {
		c, err := load(t, text, Options{Narratives: given})
		if err != nil || c.Experiments[0].Narratives != given {
			t.Errorf("narratives of the flag: %+v %v", c, err)
		}
	}
	if _, err := load(t, sound, Options{Narratives: "none.csv"}); err == nil || !strings.HasSuffix(err.Error(), "experiments.yml: --narratives: there is no file none.csv") {
		t.Errorf("none that exist, of the flag: %v", err)
	}
}

func TestOnlyOne(t *testing.T) {
	second := "- experiment_name: Second\n  provider: openai\n  api_key_env: NOT_SET\n  author: ${NOT_SET}\n  temperature: hot\n"
	c, err := load(t, sound+second, Options{Only: "Baseline"})
	if err != nil || len(c.Experiments) != 1 || c.Experiments[0].Name != "Baseline" {
		t.Errorf("%+v %v", c, err)
	}
	for only, want := range map[string]string{
		"Second":   "7:3: prompt_file: the key is missing",
		"baseline": ` no experiment is called "baseline"; there are "Baseline", "Second"`,
	} {
		if _, err := load(t, sound+second, Options{Only: only}); err == nil || !strings.Contains(err.Error(), "experiments.yml:"+want) {
			t.Errorf("only %s: %v", only, err)
		}
	}
	if _, err := load(t, sound+"- experiment_name: Second\n  colour: red\n", Options{Only: "Baseline"}); err == nil || !strings.Contains(err.Error(), `8:3: unknown key "colour"`) {
		t.Errorf("an unknown key in another: %v", err)
	}
}

func TestManyFaultsAreCounted(t *testing.T) {
	_, err := load(t, strings.Repeat("- "+strings.Repeat("é", 1000)+"\n", 50), Options{})
	lines := strings.Split(fmt.Sprint(err), "\n")
	if len(lines) != maxShown+1 || lines[maxShown] != "and 30 more" {
		t.Errorf("%d lines, the last is %q", len(lines), lines[len(lines)-1])
	}
	if n := len(fmt.Sprint(err)); n > 10_000 {
		t.Errorf("the error has %d bytes", n)
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(filepath.Join(dir, "none.yml"), Options{}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "there is no configuration") {
		t.Errorf("no file: %v", err)
	}
	if _, err := Load(dir, Options{}); err == nil || !strings.Contains(err.Error(), "it is no file") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := load(t, sound+strings.Repeat("#", maxFile), Options{}); err == nil || !strings.Contains(err.Error(), "the limit") {
		t.Errorf("a large file: %v", err)
	}
}

// Aliases share what they stand for, so nothing grows with their number.
func TestAliasesDoNotMultiply(t *testing.T) {
	var b strings.Builder
	b.WriteString("- &a0 {author: x}\n")
	for i := 1; i < 60; i++ {
		fmt.Fprintf(&b, "- &a%d {<<: [*a%d, *a%d], k%d: x}\n", i, i-1, i-1, i)
	}
	b.WriteString("- &loop {<<: *loop, author: x}\n- &list [*list]\n")
	start := time.Now()
	if _, err := load(t, b.String(), Options{}); err == nil {
		t.Error("unknown keys are no fault")
	}
	if spent := time.Since(start); spent > 5*time.Second {
		t.Errorf("took %v", spent)
	}
}

// FuzzParse: whatever the bytes are, there is a configuration or a fault, and a
// fault of the file stands at a line that it has.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		sound, "defaults: &d {a: b}\nexperiments:\n- <<: *d\n  timeout: 5\n", "- a: ${N}$${x}\n  command: [sh, -c]\n",
		"\t", "---\n---\n", "- &a [*a]", "? [a]\n: b", "- {<<: [x, {y: z}]}", "- base_url: http://h/\n  api_key_env: X\n", "é: \x00",
		"- !!str 4: !!int 'x'\n  <<: !!merge y\n", "%YAML 1.2\n--- !t\n- |\n  x\n", "- timeout: !!float 'x'\n  seed: !!int ''",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := newReader(".", environment)
		drafts := r.parse(data, "")
		if len(drafts) == 0 && len(r.faults) == 0 {
			t.Fatal("neither experiments nor faults")
		}
		lines := 1 + strings.Count(string(data), "\n") + strings.Count(string(data), "\r") + strings.Count(string(data), "\u2028") +
			strings.Count(string(data), "\u2029") + strings.Count(string(data), "\u0085")
		for _, f := range r.faults {
			if f.Line < 0 || f.Line > lines+1 || f.Line > 0 && f.Column < 1 || f.Problem == "" {
				t.Fatalf("%d lines, fault %+v", lines, f)
			}
		}
	})
}

func TestTheFormerNamesOfKeysAreReadWithANote(t *testing.T) {
	const head = "- experiment_name: X\n  prompt_file: p.txt\n  model_name: m\n  narratives: n.csv\n  provider: command\n  command: [sh]\n"
	c, err := load(t, head+"  command_positive: [a]\n  command_negative: [b]\n", Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"line 7: command_positive is called positive now, and is for all providers; the former name still works",
		"line 8: command_negative is called negative now, and is for all providers; the former name still works",
	}
	if !slices.Equal(c.Notes, want) {
		t.Errorf("notes %q, want %q", c.Notes, want)
	}
	for lines, want := range map[string]string{
		"  command_positive: [a]\n  positive: [b]\n": "7:21: command_positive: this key is called positive now, which is set too: remove one of them",
		"  positive: [A.]\n  negative: [x, '(a)']\n": `8:13: negative: "(a)" is among the positive words too`,
		"  positive: [' ']\n":                        "positive: an answer word is blank",
		"  response_format: schema\n":                "provider command has no use for this key, which is for openai",
		"  think_tags: think\n":                      "want a list such as [a, b]",
	} {
		if _, err := load(t, head+lines, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", lines, err, want)
		}
	}
}
