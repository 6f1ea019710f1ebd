package provider

import (
	"strings"
	"testing"
)

func TestAnthropicSendsWhatIsSetAndNothingElse(t *testing.T) {
	f := newFake(t, saying(200, `{"type":"message","content":[{"type":"text","text":"yes"}]}`))
	a := anthropicAt(t, f.URL)
	mustAnswer(t, a, question)
	got := fields(t, f.calls()[0])
	message := got["messages"].([]any)[0].(map[string]any)
	if len(got) != 5 || got["stream"] != false || got["model"] != "m" || got["max_tokens"] != 1024.0 || got["system"] != "Is it so?" || message["role"] != "user" || message["content"] != "He hit her." {
		t.Errorf("got %v", got)
	}
	r := f.heard[0]
	if r.URL.Path != "/v1/messages" || r.Header.Get("Anthropic-Version") != "2023-06-01" || r.Header.Get("X-Api-Key") != testKey || r.Header.Get("Authorization") != "" {
		t.Errorf("asked %s with %v", r.URL, r.Header)
	}

	mustAnswer(t, a, Request{Model: "m", Narrative: "x", Temperature: ptr(0.0), MaxTokens: ptr(9), Seed: ptr(int64(1))})
	got = fields(t, f.calls()[1])
	if len(got) != 5 || got["temperature"] != 0.0 || got["max_tokens"] != 9.0 {
		t.Errorf("got %v, want model, max_tokens, messages, temperature, stream", got)
	}
}

func TestAnthropicReadsAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		want Answer
	}{
		"plain": {
			`{"type":"message","model":"c-1","content":[{"type":"text","text":"yes"}],"stop_reason":"end_turn","usage":{"input_tokens":12,"output_tokens":3}}`,
			Answer{Text: "yes", Model: "c-1", InputTokens: ptr(int64(12)), OutputTokens: ptr(int64(3))},
		},
		"cache counts": {
			`{"type":"message","content":[{"type":"text","text":"yes"}],"usage":{"input_tokens":2,"cache_creation_input_tokens":100,"cache_read_input_tokens":1000,"output_tokens":3}}`,
			Answer{Text: "yes", InputTokens: ptr(int64(1102)), OutputTokens: ptr(int64(3))},
		},
		"thinking": {
			`{"type":"message","content":[{"type":"thinking","thinking":"hm","signature":"x"},{"type":"redacted_thinking","data":"y"},{"type":"text","text":"y"},{"type":"text","text":"es"}],"stop_reason":"end_turn"}`,
			Answer{Text: "yes", Reasoning: "hm"},
		},
		"no content":     {`{"type":"message","content":[],"stop_reason":"end_turn"}`, Answer{}},
		"max_tokens":     {`{"type":"message","content":[{"type":"text","text":"{\"d"}],"stop_reason":"max_tokens"}`, Answer{Text: `{"d`, Finish: Truncated}},
		"context window": {`{"type":"message","content":[],"stop_reason":"model_context_window_exceeded"}`, Answer{Finish: Truncated}},
		"refusal":        {`{"type":"message","content":[],"stop_reason":"refusal","stop_details":{"type":"refusal","category":"bio","explanation":"I won't."}}`, Answer{Text: "I won't.", Finish: Refused}},
		"bare refusal":   {`{"type":"message","content":[{"type":"text","text":"It"}],"stop_reason":"refusal","stop_details":null}`, Answer{Text: "It", Finish: Refused}},
		"stop sequence":  {`{"type":"message","content":[{"type":"text","text":"yes"}],"stop_reason":"stop_sequence"}`, Answer{Text: "yes"}},
		"no type":        {`{"content":[{"type":"text","text":"yes"}],"stop_reason":"end_turn"}`, Answer{Text: "yes"}},
	} {
		t.Run(name, func(t *testing.T) {
			tc.want.Raw, tc.want.Status = []byte(tc.body), 200
			if tc.want.Finish == "" {
				tc.want.Finish = Complete
			}
			got := mustAnswer(t, anthropicAt(t, newFake(t, saying(200, tc.body)).URL), question)
			if shown(got) != shown(tc.want) {
				t.Errorf("got\n%s, want\n%s", shown(got), shown(tc.want))
			}
		})
	}
}

func TestAnthropicIdentityHasWhatIsSent(t *testing.T) {
	a, err := NewAnthropic(HTTPOptions{Key: testKey})
	if err != nil {
		t.Fatal(err)
	}
	base, seeded := string(a.Identity(question)), question
	seeded.Seed = ptr(int64(1))
	if got := string(a.Identity(seeded)); got != base {
		t.Error("a seed that is not sent changes the identity")
	}
	if !strings.Contains(base, `"max_tokens":1024`) || !strings.Contains(base, "https://api.anthropic.com") {
		t.Errorf("got %s", base)
	}
}
