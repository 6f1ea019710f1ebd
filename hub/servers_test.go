package hub

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/explog/explog/event"
	"github.com/explog/explog/hub/config"
)

// server answers calls as servers do that speak the chat-completions protocol. Its own
// answer is true.
type server struct {
	mu     sync.Mutex
	bodies []string
}

const right = `{"choices":[{"message":{"content":"{\"detected\": true}"},"finish_reason":"stop"}]}`

// serve starts a server. It refuses, with a status and a body, what has a part; an empty
// part is in everything.
func serve(t *testing.T, part string, status int, body string) (*server, string) {
	t.Helper()
	s := &server{}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.bodies = append(s.bodies, string(asked))
		s.mu.Unlock()
		if strings.Contains(string(asked), part) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
			return
		}
		_, _ = io.WriteString(w, right)
	}))
	t.Cleanup(web.Close)
	return s, web.URL
}

// said is an answer of the protocol.
func said(content, finish string) string {
	return `{"choices":[{"message":{"content":` + content + `},"finish_reason":"` + finish + `"}]}`
}

func TestServersOfManyKinds(t *testing.T) {
	const format, schema, system = `"response_format"`, `json_schema`, `"role":"system"`
	const ok, truncated, filtered, unparsed = event.ResultOK, event.ResultTruncated, event.ResultFiltered, event.ResultUnparsed
	refusedFormat, refusedSystem := "does not take response_format", "does not take a system message"
	for _, tc := range []struct {
		name, part string
		status     int
		body       string
		calls      int // for three narratives
		outcome    event.ResultOutcome
		note       string // empty: none
		stopped    string // why the run is stopped; empty: it is not
	}{
		{"422 of a validator", format, 422, `{"detail":[{"loc":["body","response_format","type"],"msg":"no such member"}]}`, 4, ok, refusedFormat, ""},
		{"501", format, 501, `{"error":{"message":"not available here","type":"not_implemented"}}`, 4, ok, refusedFormat, ""},
		{"415", format, 415, `{"error":{"message":"no"}}`, 4, ok, refusedFormat, ""},
		{"404 of a router", format, 404, `{"error":{"message":"no endpoint can do this","code":404}}`, 4, ok, refusedFormat, ""},
		{"no JSON from the model", format, 400, `{"error":{"message":"could not produce JSON","code":"json_validate_failed","failed_generation":"{\"detected\": tru"}}`, 4, ok, refusedFormat, ""},
		{"an error inside a 200", schema, 200, `{"error":{"message":"provider error","code":400,"metadata":{"raw":"unknown response_format"}}}`, 4, ok, refusedFormat, ""},
		{"another error inside a 200", schema, 200, `{"error":{"message":"something is wrong"}}`, 4, ok, refusedFormat, ""},
		{"not named", schema, 400, `{"error":{"message":"structured output is not something this model can do"}}`, 4, ok, refusedFormat, ""},
		{"a 500 that names the schema", schema, 500, `{"error":{"message":"cannot compile the JSON schema"}}`, 4, ok, refusedFormat, ""},
		{"no system role", system, 400, `{"error":{"message":"the system role is not supported"}}`, 4, ok, refusedSystem, ""},
		{"a 500 for a system role", system, 500, `{"error":{"message":"Jinja: System role not supported"}}`, 4, ok, refusedSystem, ""},
		{"a seed", `"seed"`, 400, `{"error":{"message":"unknown name \"seed\"","status":"INVALID_ARGUMENT"}}`, 1, "", "", "does not take a seed"},
		{"a stream", "", 200, "data: {\"choices\":[{\"delta\":{\"content\":\"yes\"}}]}\n\ndata: [DONE]\n\n", 2, "", "", `twice: a stream of events`},
		{"no answer of the protocol", "", 200, `{"status":"ready","output":"yes"}`, 2, "", "", `{"status":"ready"`},
		{"an answer in the reasoning", "", 200, `{"choices":[{"message":{"content":null,"reasoning_content":"So: {\"detected\": true}"},"finish_reason":"stop"}]}`, 3, ok, "", ""},
		{"a draft in the reasoning", "", 200, `{"choices":[{"message":{"content":"","reasoning":"{\"detected\": false} or {\"detected\": true}"},"finish_reason":"stop"}]}`, 3, unparsed, "", ""},
		{"reasoning that was cut", "", 200, `{"choices":[{"message":{"content":"","reasoning_content":"{\"detected\": true}"},"finish_reason":"length"}]}`, 3, truncated, "", ""},
		{"reasoning without a reason", "", 200, `{"choices":[{"message":{"content":"","reasoning_content":"{\"detected\": true}"}}]}`, 3, unparsed, "", ""},
		{"an answer in a tool call", "", 200, `{"choices":[{"message":{"content":null,"tool_calls":[{"function":{"name":"verdict","arguments":"{\"detected\": true}"}}]},"finish_reason":"tool_calls"}]}`, 3, ok, "", ""},
		{"a tool call and stop", "", 200, `{"choices":[{"message":{"content":null,"tool_calls":[{"function":{"arguments":"{\"detected\": true}"}}]},"finish_reason":"stop"}]}`, 3, unparsed, "", ""},
		{"MAX_TOKENS", "", 200, said(`"No, at first sight"`, "MAX_TOKENS"), 3, truncated, "", ""},
		{"Length", "", 200, said(`"No."`, "Length"), 3, truncated, "", ""},
		{"max_output_tokens", "", 200, said(`"yes"`, "max_output_tokens"), 3, truncated, "", ""},
		{"SAFETY", "", 200, said(`""`, "SAFETY"), 3, filtered, "", ""},
		{"PROHIBITED_CONTENT", "", 200, said(`"No"`, "PROHIBITED_CONTENT"), 3, filtered, "", ""},
		{"a filter with details", "", 200, said(`"No"`, "content_filter: self_harm"), 3, filtered, "", ""},
		{"an unknown reason", "", 200, said(`"Yes, the"`, "tired"), 3, unparsed, "", ""},
		{"an unknown reason and JSON", "", 200, said(`"{\"detected\": true}"`, "tired"), 3, ok, "", ""},
		{"STOP", "", 200, said(`"yes"`, "STOP"), 3, ok, "", ""},
		{"white space up to the limit", "", 200, said(`"{\"detected\": true}`+strings.Repeat(`\n `, 200)+`"`, "length"), 3, ok, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s, url := serve(t, tc.part, tc.status, tc.body)
			e := config.Experiment{
				Name: "E", Prompt: "Is it so?", Model: "m", Provider: config.ProviderOpenAI, BaseURL: url, Repeats: 1, Concurrency: 1, MaxRetries: 5,
			}
			if tc.part == `"seed"` {
				e.Seed = new(int64(7))
			}
			log, report, notes := runAt(t, e)
			if len(s.bodies) != tc.calls {
				t.Errorf("asked %d times, want %d: %q", len(s.bodies), tc.calls, report.Reason)
			}
			if slices.ContainsFunc(s.bodies, func(b string) bool { return !strings.Contains(b, `"stream":false`) }) {
				t.Errorf("a call has no stream: false: %s", s.bodies)
			}
			for _, r := range of[event.ResultParsed](t, log, event.TypeResultParsed) {
				if r.Outcome != tc.outcome || r.Outcome == ok && !*r.Flag {
					t.Errorf("%s is %s, want %s: %s", r.Narrative, r.Outcome, tc.outcome, r.Problem)
				}
			}
			if all := strings.Join(notes, "\n"); !strings.Contains(all, tc.note) || (len(notes) == 0) != (tc.note == "") || len(notes) > 1 {
				t.Errorf("notes %q, want %q once", notes, tc.note)
			}
			if !strings.Contains(report.Reason, tc.stopped) || (report.Outcome == event.StopAborted) != (tc.stopped != "") {
				t.Errorf("%+v, want the reason %q", report, tc.stopped)
			}
		})
	}
}

// runAt runs an experiment against a server.
func runAt(t *testing.T, e config.Experiment) (*memory, Report, []string) {
	t.Helper()
	p, err := OpenProvider(e, nil)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := planOver(e, fires(3), p)
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	var notes []string
	log, report := run(t, plan, Options{Note: func(text string) { notes = append(notes, text) }})
	return log, report, notes
}

// A merged message has both texts, and what was refused is not sent again.
func TestASystemTextThatIsRefusedGoesBeforeTheNarrative(t *testing.T) {
	s, url := serve(t, `"role":"system"`, 400, `{"error":{"message":"Only user and assistant roles are supported!"}}`)
	e := config.Experiment{Name: "E", Prompt: "Is it so?", Provider: config.ProviderOpenAI, BaseURL: url, Repeats: 1, Concurrency: 1}
	if _, report, _ := runAt(t, e); report.Outcome != event.StopFinished {
		t.Errorf("%+v", report)
	}
	for i, body := range s.bodies[1:] {
		if !strings.Contains(body, `[{"role":"user","content":"Is it so?\n\n`) {
			t.Errorf("call %d: %s", i+1, body)
		}
	}
}

// The key of a call does not depend on what a server takes.
func TestTheKeyOfACallHasTheConfiguredFormat(t *testing.T) {
	_, picky := serve(t, `json_schema`, 400, `{"error":{"message":"no response_format"}}`)
	for format, other := range map[string]string{"": "none", "object": ""} {
		keys := make(map[string]bool)
		for _, f := range []string{format, other} {
			e := config.Experiment{Name: "E", Prompt: "?", Provider: config.ProviderOpenAI, BaseURL: picky, Repeats: 1, Concurrency: 1, ResponseFormat: f}
			p, err := OpenProvider(e, nil)
			if err != nil {
				t.Fatal(err)
			}
			plan, err := planOver(e, fires(1), p)
			if err != nil {
				t.Fatal(err)
			}
			defer plan.Close()
			q := (&runner{plan: plan}).request(question{"n0", 0, "text"})
			before := string(p.Identity(q))
			run(t, plan, Options{})
			if after := string(p.Identity(q)); after != before {
				t.Errorf("%q: the identity was %s, is %s", f, before, after)
			}
			keys[before] = true
			keys[plan.Definition().String()] = true
		}
		if len(keys) != 4 {
			t.Errorf("formats %q and %q have the same identity or definition", format, other)
		}
	}
}
