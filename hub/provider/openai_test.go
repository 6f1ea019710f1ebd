package provider

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

const chatYes = `{"model":"m-1","choices":[{"message":{"content":"yes"},"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":3}}`

func TestOpenAISendsWhatIsSetAndNothingElse(t *testing.T) {
	f := newFake(t, saying(200, chatYes))
	o := openAt(t, f.URL)
	mustAnswer(t, o, Request{NarrativeID: "n1", Model: "m", Narrative: "<b>\nHe \"hit\" her & 😀", Prompt: "Is it?"})
	got := fields(t, f.calls()[0])
	if len(got) != 4 || got["model"] != "m" || got["response_format"] == nil || got["stream"] != false {
		t.Errorf("got %v, want model, messages, response_format, stream", got)
	}
	messages := got["messages"].([]any)
	user := messages[1].(map[string]any)
	if len(messages) != 2 || messages[0].(map[string]any)["role"] != "system" || user["content"] != "<b>\nHe \"hit\" her & 😀" {
		t.Errorf("messages are %v", messages)
	}
	if r := f.heard[0]; r.URL.Path != "/v1/chat/completions" || r.Header.Get("Content-Type") != "application/json" || r.Method != "POST" {
		t.Errorf("asked %s %s %v", r.Method, r.URL, r.Header)
	}

	mustAnswer(t, o, Request{Model: "m", Narrative: "x", Temperature: ptr(0.0), MaxTokens: ptr(9), Seed: ptr(int64(-1))})
	got = fields(t, f.calls()[1])
	if got["temperature"] != 0.0 || got["max_tokens"] != 9.0 || got["seed"] != -1.0 {
		t.Errorf("got %v", got)
	}
	if messages := got["messages"].([]any); len(messages) != 1 {
		t.Errorf("without a prompt there is %v", messages)
	}
}

func TestOpenAISchemaIsStrict(t *testing.T) {
	schema := fields(t, verdictSchema)
	properties, required := schema["properties"].(map[string]any), schema["required"].([]any)
	if len(properties) != len(required) || schema["additionalProperties"] != false {
		t.Errorf("strict servers refuse %s", verdictSchema)
	}
	for _, name := range required {
		if properties[name.(string)] == nil {
			t.Errorf("%v is required and not described", name)
		}
	}
}

func TestOpenAIReadsAnswers(t *testing.T) {
	usage := `"usage":{"prompt_tokens":12,"completion_tokens":3}`
	for name, tc := range map[string]struct {
		body string
		want Answer
	}{
		"plain":                  {chatYes, Answer{Text: "yes", Model: "m-1", InputTokens: ptr(int64(12)), OutputTokens: ptr(int64(3))}},
		"no usage":               {`{"choices":[{"message":{"content":"yes"}}]}`, Answer{Text: "yes"}},
		"usage is null":          {`{"choices":[{"message":{"content":"yes"}}],"usage":null}`, Answer{Text: "yes"}},
		"usage is nonsense":      {`{"choices":[{"message":{"content":"yes"}}],"usage":{"prompt_tokens":"many","completion_tokens":-1}}`, Answer{Text: "yes"}},
		"usage as fractions":     {`{"choices":[{"message":{"content":"yes"}}],"usage":{"prompt_tokens":12.0}}`, Answer{Text: "yes", InputTokens: ptr(int64(12))}},
		"fields of other types":  {`{"model":7,"choices":[{"message":{"content":"yes","refusal":false,"reasoning":{"a":1}},"finish_reason":3}]}`, Answer{Text: "yes"}},
		"null content":           {`{"choices":[{"message":{"content":null},"finish_reason":"stop"}]}`, Answer{}},
		"no content":             {`{"choices":[{"message":{}}]}`, Answer{}},
		"empty content":          {`{"choices":[{"message":{"content":""}}]}`, Answer{}},
		"parts":                  {`{"choices":[{"message":{"content":[{"type":"text","text":"y"},{"type":"image"},{"type":"text","text":"es"}]}}]}`, Answer{Text: "yes"}},
		"parts that think":       {`{"choices":[{"message":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"yes"}]}}]}`, Answer{Text: "yes", Reasoning: "hm"}},
		"odd parts":              {`{"choices":[{"message":{"content":["yes",null,{"type":"text","text":"no"}]}}]}`, Answer{Text: "no"}},
		"reasoning":              {`{"choices":[{"message":{"content":"yes","reasoning":"hm"}}]}`, Answer{Text: "yes", Reasoning: "hm"}},
		"reasoning_content":      {`{"choices":[{"message":{"content":"yes","reasoning_content":"hm"}}]}`, Answer{Text: "yes", Reasoning: "hm"}},
		"both spellings":         {`{"choices":[{"message":{"content":"yes","reasoning":"hm","reasoning_content":"hm"}}]}`, Answer{Text: "yes", Reasoning: "hm"}},
		"refusal":                {`{"choices":[{"message":{"content":null,"refusal":"I can't."},"finish_reason":"stop"}],` + usage + `}`, Answer{Text: "I can't.", Finish: Refused, InputTokens: ptr(int64(12)), OutputTokens: ptr(int64(3))}},
		"length":                 {`{"choices":[{"message":{"content":"{\"det"},"finish_reason":"length"}]}`, Answer{Text: `{"det`, Finish: Truncated}},
		"length while reasoning": {`{"choices":[{"message":{"content":"","reasoning":"hm"},"finish_reason":"length"}]}`, Answer{Reasoning: "hm", Finish: Truncated}},
		"content filter":         {`{"choices":[{"message":{"content":null},"finish_reason":"content_filter"}]}`, Answer{Finish: Filtered}},
		"unknown finish":         {`{"choices":[{"message":{"content":"yes"},"finish_reason":"eos"}]}`, Answer{Text: "yes"}},
		"error is null":          {`{"error":null,"choices":[{"message":{"content":"yes"},"error":null}]}`, Answer{Text: "yes"}},
		"not UTF-8":              {"{\"choices\":[{\"message\":{\"content\":\"\xff\"}}]}", Answer{Text: "\uFFFD"}},
	} {
		t.Run(name, func(t *testing.T) {
			tc.want.Raw, tc.want.Status = []byte(tc.body), 200
			if tc.want.Finish == "" {
				tc.want.Finish = Complete
			}
			got := mustAnswer(t, openAt(t, newFake(t, saying(200, tc.body)).URL), question)
			if shown(got) != shown(tc.want) {
				t.Errorf("got\n%s, want\n%s", shown(got), shown(tc.want))
			}
		})
	}
}

func TestOpenAIBrokenOffAnswersAreErrors(t *testing.T) {
	for body, kind := range map[string]Kind{
		`{"choices":[]}`: Temporary,
		`{"choices":[{"message":{"content":"{\"det"},"finish_reason":"error"}]}`:                                          Temporary,
		`{"choices":[{"message":{"content":""},"finish_reason":"error","error":{"code":429,"message":"busy upstream"}}]}`: Throttled,
		`{"choices":[{"message":{"content":"x"},"finish_reason":"insufficient_system_resource"}]}`:                        Temporary,
	} {
		failed := mustFail(t, openAt(t, newFake(t, saying(200, body)).URL), question, kind, "")
		if string(failed.Raw) != body {
			t.Errorf("the error keeps %s, want all of %s", failed.Raw, body)
		}
	}
}

func TestOpenAIPaceComesWithAnswersAndErrors(t *testing.T) {
	header := []string{"x-ratelimit-remaining-requests", "4", "x-ratelimit-reset-requests", "1s"}
	if a := mustAnswer(t, openAt(t, newFake(t, saying(200, chatYes, header...)).URL), question); a.Pace.Requests.Remaining != 4 {
		t.Errorf("got %+v", a.Pace)
	}
	failed := mustFail(t, openAt(t, newFake(t, saying(429, "{}", header...)).URL), question, Throttled, "")
	if failed.Pace.Requests.Remaining != 4 {
		t.Errorf("got %+v", failed.Pace)
	}
}

// picky answers 400 to what a server does not take.
func picky(refuses map[string]string) func(http.ResponseWriter, string) {
	return func(w http.ResponseWriter, body string) {
		for part, complaint := range refuses {
			if strings.Contains(body, part) {
				w.WriteHeader(400)
				_, _ = io.WriteString(w, complaint)
				return
			}
		}
		_, _ = io.WriteString(w, chatYes)
	}
}

func TestOpenAIStepsDownWhatAServerNames(t *testing.T) {
	schema, object := `"json_schema"`, `"json_object"`
	for name, tc := range map[string]struct {
		refuses map[string]string
		calls   int
		last    string // what the last body has
		without string // and has not
	}{
		"all is taken": {nil, 1, schema, "nothing"},
		"no schema, openai": {
			map[string]string{schema: `{"error":{"message":"Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.","type":"invalid_request_error","param":"response_format","code":null}}`},
			2, "messages", "response_format",
		},
		"no schema, deepseek": {
			map[string]string{schema: `{"error":{"message":"This response_format type is unavailable now","type":"invalid_request_error","param":null,"code":"invalid_request_error"}}`},
			2, "messages", "response_format",
		},
		"parameter alone": {
			map[string]string{schema: `{"error":{"message":"no","param":"response_format.json_schema"}}`},
			2, "messages", "response_format",
		},
		"neither, lm studio": {
			map[string]string{schema: `{"error":"json_schema needs a newer engine"}`, object: `{"error":"'response_format.type' must be 'json_schema' or 'text'"}`},
			2, "messages", "response_format",
		},
		"another limit": {
			map[string]string{`"max_tokens"`: `{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}}`},
			2, `"max_completion_tokens":9`, `"max_tokens"`,
		},
		"all of it": {
			map[string]string{
				schema:         `{"error":"no response_format json_schema"}`,
				object:         `{"error":"no response_format json_object"}`,
				`"max_tokens"`: `{"error":"say max_completion_tokens"}`,
			},
			3, `"max_completion_tokens":9`, "response_format",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var f *fake
			answer := picky(tc.refuses)
			f = newFake(t, func(w http.ResponseWriter, n int) { answer(w, f.calls()[n]) })
			o := openAt(t, f.URL)
			r := question
			r.MaxTokens = ptr(9)
			before := string(o.Identity(r))
			if a := mustAnswer(t, o, r); a.Text != "yes" {
				t.Errorf("got %+v", a)
			}
			calls := f.calls()
			if last := calls[len(calls)-1]; len(calls) != tc.calls || !strings.Contains(last, tc.last) || strings.Contains(last, tc.without) {
				t.Errorf("asked %d times, last %s", len(calls), last)
			}
			mustAnswer(t, o, r)
			if n := len(f.calls()); n != tc.calls+1 {
				t.Errorf("the second answer took %d calls: nothing was learnt", n-tc.calls)
			}
			if after := string(o.Identity(r)); after != before {
				t.Errorf("the identity changed from %s to %s", before, after)
			}
		})
	}
}

func TestOpenAIStepsDownOnlyForWhatIsNamed(t *testing.T) {
	for _, tc := range []struct {
		status int
		body   string
	}{
		{400, `{"error":{"message":"max_tokens is too large: 90000. This model supports at most 16384 completion tokens","param":"max_tokens"}}`},
		{500, `{"error":{"message":"the server broke"}}`},
		{429, `{"error":{"message":"json_schema calls are limited"}}`},
	} {
		f := newFake(t, saying(tc.status, tc.body))
		r := question
		r.MaxTokens = ptr(90000)
		if _, err := openAt(t, f.URL).Answer(t.Context(), r); err == nil || len(f.calls()) != 1 {
			t.Errorf("%s: asked %d times, %v", tc.body, len(f.calls()), err)
		}
	}
	stubborn := newFake(t, saying(400, `{"error":"response_format, json_schema, max_completion_tokens"}`))
	mustFail(t, openAt(t, stubborn.URL), question, Unanswerable, "response_format")
	if n := len(stubborn.calls()); n != 2 {
		t.Errorf("asked %d times, want 2", n)
	}
}

func TestOpenAILearnsOnceForManyCalls(t *testing.T) {
	var f *fake
	answer := picky(map[string]string{`"json_schema"`: `{"error":"no json_schema"}`})
	f = newFake(t, func(w http.ResponseWriter, _ int) {
		calls := f.calls()
		answer(w, calls[len(calls)-1])
	})
	o := openAt(t, f.URL)
	mustAnswer(t, o, question)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if a, err := o.Answer(t.Context(), question); err != nil || a.Text != "yes" {
				t.Errorf("got %+v, %v", a, err)
			}
		})
	}
	all.Wait()
	if n := len(f.calls()); n != 2+8 {
		t.Errorf("asked %d times, want 10", n)
	}
}

func TestIdentitiesTellWhatDecidesTheAnswer(t *testing.T) {
	o, err := NewOpenAI(HTTPOptions{BaseURL: "http://a/v1", Key: testKey})
	if err != nil {
		t.Fatal(err)
	}
	base := string(o.Identity(question))
	if !json.Valid([]byte(base)) {
		t.Errorf("no JSON: %s", base)
	}
	same := question
	same.NarrativeID, same.Repeat = "other", 3
	again, _ := NewOpenAI(HTTPOptions{BaseURL: "http://A/v1/", Key: "another-key", Timeout: 1})
	if got := string(again.Identity(same)); got != base {
		t.Errorf("%s differs from %s", got, base)
	}
	seen := map[string]bool{base: true}
	for _, change := range []func(*Request){
		func(r *Request) { r.Prompt = "Else?" },
		func(r *Request) { r.Narrative = "Else." },
		func(r *Request) { r.Model = "m2" },
		func(r *Request) { r.Temperature = ptr(0.0) },
		func(r *Request) { r.Temperature = ptr(0.5) },
		func(r *Request) { r.MaxTokens = ptr(1) },
		func(r *Request) { r.Seed = ptr(int64(0)) },
	} {
		r := question
		change(&r)
		seen[string(o.Identity(r))] = true
	}
	if len(seen) != 8 {
		t.Errorf("8 different questions have %d identities", len(seen))
	}
	elsewhere, _ := NewOpenAI(HTTPOptions{BaseURL: "http://b/v1"})
	if string(elsewhere.Identity(question)) == base {
		t.Error("another server has the same identity")
	}
}
