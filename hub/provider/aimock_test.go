package provider

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The tests in this file ask a server that others wrote, and that speaks both
// protocols: @copilotkit/aimock of npm, tested with 1.43.0. They run where
// EXPLOG_AIMOCK names the folder in which it is installed:
//
//	npm install --prefix ~/aimock @copilotkit/aimock@1.43.0
//	EXPLOG_AIMOCK=~/aimock go test -run AIMock ./hub/provider

const aimockFixtures = `{"fixtures":[
{"match":{"userMessage":"calm"},"response":{"content":"{\"detected\":false}","reasoning":"hm","usage":{"prompt_tokens":11,"completion_tokens":5,"input_tokens":11,"output_tokens":5}}},
{"match":{"userMessage":"long"},"response":{"content":"{\"detec","finishReason":"length"}},
{"match":{"userMessage":"busy"},"response":{"error":{"message":"slow down","type":"rate_limit_error","code":"rate_limit_exceeded"},"status":429,"retryAfter":17}},
{"match":{"userMessage":"overloaded"},"response":{"error":{"message":"Overloaded","type":"overloaded_error"},"status":529}},
{"match":{"userMessage":"broken"},"response":{"error":{"message":"oops","type":"server_error"},"status":500}},
{"match":{"userMessage":"spent"},"response":{"error":{"message":"spent","type":"insufficient_quota","code":"insufficient_quota"},"status":429}},
{"match":{"userMessage":"too much"},"response":{"error":{"message":"maximum context length","type":"invalid_request_error","code":"context_length_exceeded"},"status":400}}
]}`

// aimock is a running server.
type aimock struct {
	t   *testing.T
	url string
}

// startAIMock starts the server for one test; it wants the key of the tests.
func startAIMock(t *testing.T) *aimock {
	t.Helper()
	dir := os.Getenv("EXPLOG_AIMOCK")
	if dir == "" {
		t.Skip("EXPLOG_AIMOCK is not set: the tests against an independent server are skipped")
	}
	fixtures := filepath.Join(t.TempDir(), "fixtures.json")
	if err := os.WriteFile(fixtures, []byte(aimockFixtures), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", filepath.Join(dir, "node_modules/@copilotkit/aimock/dist/cli.js"), "-p", "0", "-f", fixtures)
	cmd.Env = append(os.Environ(), "AIMOCK_API_KEYS="+testKey)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, url, found := strings.Cut(lines.Text(), "listening on "); found {
			return &aimock{t, strings.TrimSpace(url)}
		}
	}
	t.Fatal("the server does not say where it listens")
	return nil
}

// control asks the server about itself.
func (m *aimock) control(method, path, body string) []byte {
	m.t.Helper()
	req, err := http.NewRequestWithContext(m.t.Context(), method, m.url+"/__aimock/"+path, strings.NewReader(body))
	if err != nil {
		m.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+testKey)
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		m.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		m.t.Fatalf("%s %s: %d %s %v", method, path, resp.StatusCode, answer, err)
	}
	return answer
}

// TestAIMock asks each question once and counts in the server's own journal.
func TestAIMock(t *testing.T) {
	for name, at := range map[string]func(*testing.T, string) asker{
		"openai":    func(t *testing.T, url string) asker { return openAt(t, url) },
		"anthropic": func(t *testing.T, url string) asker { return anthropicAt(t, url) },
	} {
		t.Run(name, func(t *testing.T) {
			m := startAIMock(t)
			p := at(t, m.url)
			ask := func(narrative string) Request {
				return Request{Prompt: "Is it so?", Narrative: narrative, Model: "o4-mini"}
			}

			a := mustAnswer(t, p, ask("calm"))
			if a.Text != `{"detected":false}` || a.Reasoning != "hm" || a.Finish != Complete || *a.InputTokens != 11 || *a.OutputTokens != 5 || a.Model != "o4-mini" {
				t.Errorf("got %s", shown(a))
			}
			if a := mustAnswer(t, p, ask("long")); a.Finish != Truncated || a.Text != `{"detec` {
				t.Errorf("got %s", shown(a))
			}
			failed := mustFail(t, p, ask("busy"), Throttled, "slow down")
			if failed.RetryAfter != 17*time.Second || !failed.Pace.Requests.Known || failed.Pace.Requests.Limit != 60 {
				t.Errorf("got %+v", failed)
			}
			mustFail(t, p, ask("overloaded"), Throttled, "Overloaded")
			mustFail(t, p, ask("broken"), Temporary, "oops")
			mustFail(t, p, ask("spent"), Fatal, "add credits")
			mustFail(t, p, ask("too much"), Unanswerable, "maximum context length")
			mustFail(t, p, ask("unheard of"), Fatal, "base_url")

			var journal []struct{ Path string }
			if err := json.Unmarshal(m.control("GET", "journal", ""), &journal); err != nil || len(journal) != 8 {
				t.Errorf("the server was asked %d times, want 8 (%v)", len(journal), err)
			}
		})
	}
}

// TestAIMockFaults asks while the server does not do what it should.
func TestAIMockFaults(t *testing.T) {
	m := startAIMock(t)
	for _, p := range []asker{openAt(t, m.url), anthropicAt(t, m.url)} {
		calm := Request{Narrative: "calm", Model: "o4-mini"}
		for fault, says := range map[string]string{
			`{"dropRate":1}`:       "500",
			`{"malformedRate":1}`:  "not what the protocol says",
			`{"disconnectRate":1}`: "",
		} {
			m.control("POST", "chaos", fault)
			mustFail(t, p, calm, Temporary, says)
			m.control("DELETE", "chaos", "")
		}
		mustAnswer(t, p, calm)
	}
	o, err := NewOpenAI(HTTPOptions{BaseURL: m.url + "/v1", Key: "sk-of-somebody-else"})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	mustFail(t, o, Request{Narrative: "calm", Model: "o4-mini"}, Fatal, "api_key_env")
}
