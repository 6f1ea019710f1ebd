package finetune

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"
)

func TestWhatALineLooksLike(t *testing.T) {
	e := Example{Problem: "p <&> \"q\"", Solution: "a\n\u2028", Rejected: "b", Wanted: true}
	const user, answer = `{"role":"user","content":"p <&> \"q\""}`, `{"role":"assistant","content":"a\n` + "\u2028" + `"}`
	for f, want := range map[Format]string{
		OpenAI:    `{"messages":[` + user + `,` + answer + `]}`,
		OpenAIDPO: `{"input":{"messages":[` + user + `]},"preferred_output":[` + answer + `],"non_preferred_output":[{"role":"assistant","content":"b"}]}`,
		TRL:       `{"prompt":[` + user + `],"completion":[` + answer + `]}`,
		TRLDPO:    `{"prompt":[` + user + `],"chosen":[` + answer + `],"rejected":[{"role":"assistant","content":"b"}]}`,
		KTO:       `{"prompt":[` + user + `],"completion":[` + answer + `],"label":true}`,
		ShareGPT:  `{"conversations":[{"from":"human","value":"p <&> \"q\""},{"from":"gpt","value":"a\n` + "\u2028" + `"}]}`,
		Alpaca:    `{"instruction":"p <&> \"q\"","input":"","output":"a\n` + "\u2028" + `"}`,
	} {
		if got := string(f.AppendJSON(nil, e)); got != want {
			t.Errorf("%s:\n got %s\nwant %s", f, got, want)
		}
	}
}

func TestTheSystemPromptStandsFirst(t *testing.T) {
	e := Example{System: "s", Problem: "p", Solution: "a", Rejected: "b"}
	for f, want := range map[Format]string{
		OpenAI:    `{"messages":[{"role":"system","content":"s"},{"role":"user",`,
		OpenAIDPO: `{"input":{"messages":[{"role":"system","content":"s"},{"role":"user",`,
		TRL:       `{"prompt":[{"role":"system","content":"s"},{"role":"user",`,
		TRLDPO:    `{"prompt":[{"role":"system","content":"s"},{"role":"user",`,
		KTO:       `{"prompt":[{"role":"system","content":"s"},{"role":"user",`,
		ShareGPT:  `{"conversations":[{"from":"system","value":"s"},{"from":"human",`,
		Alpaca:    `{"instruction":"p","input":"","output":"a","system":"s"}`,
	} {
		if got := string(f.AppendJSON(nil, e)); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s does not begin with %s", f, got, want)
		}
	}
}

func TestParseFormat(t *testing.T) {
	for _, f := range Formats() {
		if got, err := ParseFormat(string(f)); got != f || err != nil {
			t.Errorf("%s is read as %q, %v", f, got, err)
		}
	}
	_, err := ParseFormat("OpenAI")
	if want := `unknown format "OpenAI": want openai, openai-dpo, trl, trl-dpo, kto, sharegpt or alpaca`; fmt.Sprint(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestWhatAnExampleOfAFormatIs(t *testing.T) {
	for _, f := range Formats() {
		if pair := f == OpenAIDPO || f == TRLDPO; f.Paired() != pair || f.Labelled() != (f == KTO) {
			t.Errorf("%s: a pair: %t, labelled: %t", f, f.Paired(), f.Labelled())
		}
	}
}

// Whatever is written is valid, and the texts come back as they were.
func TestWhatIsWrittenIsValid(t *testing.T) {
	texts := rapid.StringN(1, 40, -1)
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.SampledFrom(Formats()).Draw(t, "format")
		system := rapid.SampledFrom([]string{"", "Answer briefly."}).Draw(t, "system")
		var file []byte
		var wrote []string
		for range f.MinExamples() + rapid.IntRange(0, 3).Draw(t, "more") {
			e := Example{
				System: system, Problem: texts.Draw(t, "problem"), Solution: texts.Draw(t, "solution"),
				Wanted: rapid.Bool().Draw(t, "wanted"),
			}
			e.Rejected = e.Solution + "?"
			file = append(f.AppendJSON(file, e), '\n')
			wrote = append(wrote, e.Problem, e.Solution)
		}
		report, err := Check(bytes.NewReader(file), f)
		if err != nil || !report.Valid() {
			t.Fatalf("%v %v\n%s", report.Faults, err, file)
		}
		if lines := bytes.Count(file, []byte("\n")); report.Examples != lines {
			t.Fatalf("%d examples in %d lines", report.Examples, lines)
		}
		for i, line := range bytes.Split(bytes.TrimSuffix(file, []byte("\n")), []byte("\n")) {
			var all any
			if err := json.Unmarshal(line, &all); err != nil {
				t.Fatal(err)
			}
			found := fmt.Sprintf("%q", stringsIn(all))
			for _, text := range wrote[2*i : 2*i+2] {
				if !strings.Contains(found, fmt.Sprintf("%q", text)) {
					t.Fatalf("%q is not in %s", text, line)
				}
			}
		}
	})
}

// stringsIn returns all strings of a decoded JSON value.
func stringsIn(v any) []string {
	var all []string
	switch v := v.(type) {
	case string:
		all = append(all, v)
	case []any:
		for _, e := range v {
			all = append(all, stringsIn(e)...)
		}
	case map[string]any:
		for _, e := range v {
			all = append(all, stringsIn(e)...)
		}
	}
	return all
}
