package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/explog/explog/event"
	"github.com/explog/explog/hub/narrative"
)

// chatServer speaks the protocol of chat completions, says no, and keeps what it is
// asked.
type chatServer struct {
	*httptest.Server
	mu    sync.Mutex
	asked []chatCall
}

type chatCall struct {
	Model       string
	Temperature *float64
	Messages    []struct{ Role, Content string }
}

// newChatServer starts a server whose handler is wrapped; nil: it is not.
func newChatServer(t *testing.T, wrap func(http.Handler) http.Handler) *chatServer {
	t.Helper()
	s := &chatServer{}
	var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var call chatCall
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(body, &call)
		}
		if err != nil || r.URL.Path != "/v1/chat/completions" {
			http.Error(w, fmt.Sprint(err), http.StatusTeapot)
			return
		}
		s.mu.Lock()
		s.asked = append(s.asked, call)
		s.mu.Unlock()
		fmt.Fprint(w, `{"model":"fake","choices":[{"message":{"role":"assistant","content":"{\"detected\": false, \"confidence\": 0.9, \"rationale\": \"fake\"}"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":3}}`)
	})
	if wrap != nil {
		h = wrap(h)
	}
	s.Server = httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// calls returns what the server was asked so far.
func (s *chatServer) calls() []chatCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// studyTemplate is a user template as teams write them: JSON follows the narrative.
const studyTemplate = `TASK: decide.

Narrative: <<TEXT>>

Return JSON (examples):
{"detected": true, "confidence": 0.85, "indicators": [], "nested": {"text": {"narrative": "…"}}}
Rules: { "text": exact }
`

// studyFolder makes a folder with narratives and a study of them at a server, converted.
func studyFolder(t *testing.T, narratives, url string) string {
	t.Helper()
	dir := t.TempDir()
	data, err := os.ReadFile(narratives)
	if err != nil {
		t.Fatal(err)
	}
	indented := strings.ReplaceAll(strings.TrimSuffix(studyTemplate, "\n"), "\n", "\n    ")
	study := fmt.Sprintf(`experiment: {name: Study, author: A, notes: first}
model: {name: some/model, provider: mlx, api_url: "%s/v1/chat/completions", temperature: 0.0}
prompt:
  version: v0.1
  system_prompt: |
    ROLE: you judge.
  user_template: |
    %s
data: {file: data/n.csv, id_column: [incident_id, narrative_type]}
run: {seed: 1024, max_narratives: 1000000, save_incremental: true, save_csv_json: true}
`, url, indented)
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"data/n.csv": string(data), "study.yaml": study} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// explogIn runs explog in a folder and returns what it prints.
func explogIn(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("explog", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("explog %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// A study of another form runs: its file is converted, its narratives are read, and the
// server gets exactly the messages that its authors wrote.
func TestAConvertedStudyAsksWhatItsAuthorsWrote(t *testing.T) {
	files := []string{"testdata/narratives.csv"}
	if real := os.Getenv("EXPLOG_REAL_DATA"); real != "" {
		files = append(files, filepath.Join(real, "ipv-narratives.csv"))
	} else {
		t.Log("EXPLOG_REAL_DATA is not set: only made-up narratives are tested")
	}
	for _, file := range files {
		server := newChatServer(t, nil)
		dir := studyFolder(t, file, server.URL)
		explogIn(t, dir, "hub", "convert", "study.yaml", "-o", "experiments.yml")
		dry := explogIn(t, dir, "hub", "run", "--dry-run", "experiments.yml")
		if len(server.calls()) > 0 {
			t.Fatalf("a dry run asked %d times", len(server.calls()))
		}
		columns := `data/n.csv: id column "incident_id" and "narrative_type", text column "narrative_text", label column "manual_flag_ind"`
		out := explogIn(t, dir, "hub", "run", "experiments.yml")
		if !strings.Contains(dry, columns) || !strings.Contains(out, columns) || !strings.Contains(out, "Study (experiment 1): ") {
			t.Errorf("%s:\n%s\n%s", file, dry, out)
		}
		set, err := narrative.Read(file, narrative.Columns{ID: []string{"incident_id", "narrative_type"}})
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for _, n := range set.Narratives {
			if n.Text != "" {
				want = append(want, strings.Replace(studyTemplate, "<<TEXT>>", n.Text, 1))
			}
		}
		for _, call := range server.calls() {
			if call.Model != "some/model" || call.Temperature == nil || *call.Temperature != 0 || len(call.Messages) != 2 ||
				call.Messages[0].Role != "system" || call.Messages[0].Content != "ROLE: you judge.\n" || call.Messages[1].Role != "user" {
				t.Fatalf("%s: asked %+v", file, call)
			}
			got = append(got, call.Messages[1].Content)
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: asked\n%q\nwant\n%q", file, got, want)
		}
		if again := explogIn(t, dir, "--dir", "data", "hub", "run", "--dry-run", "experiments.yml"); !strings.Contains(again, fmt.Sprintf("Study: %d calls, ", len(want))) {
			t.Errorf("what is finished runs as a new experiment: %s", again)
		}
		explogIn(t, dir, "verify")
	}
}

// A narrative is asked about in the same words after a run was stopped in the middle.
func TestATemplateIsResumed(t *testing.T) {
	server := newChatServer(t, func(h http.Handler) http.Handler { return failing(h, 2) })
	dir := studyFolder(t, "testdata/narratives.csv", server.URL)
	explogIn(t, dir, "hub", "convert", "study.yaml", "-o", "experiments.yml")
	cmd := exec.Command("explog", "hub", "run", "experiments.yml", "--max-errors", "1")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Fatalf("it was not stopped: %s", out)
	}
	out := explogIn(t, dir, "hub", "run", "experiments.yml", "--retry-errors")
	if !strings.Contains(out, "Study (experiment 1): 7 results: 6 ok, 1 not run") {
		t.Error(out)
	}
	asked := make(map[string]int)
	for _, call := range server.calls() {
		asked[call.Messages[1].Content]++
	}
	if len(asked) != 6 {
		t.Errorf("%d messages", len(asked))
	}
	for message, n := range asked {
		if n != 1 {
			t.Errorf("asked %d times: %s", n, message)
		}
	}
	store := filepath.Join(dir, "store")
	if err := os.Rename(filepath.Join(dir, "data"), store); err != nil {
		t.Fatal(err)
	}
	e, results := hubExperiment(t, dir)
	if e.Template != studyTemplate || e.System() != "ROLE: you judge.\n" || e.Notes != "first" || e.PromptVersion != "v0.1" {
		t.Errorf("%+v", e)
	}
	for _, r := range results {
		if r.Outcome == event.ResultOK && asked[e.Message(r.Text)] != 1 {
			t.Errorf("the log says of %s that it was asked %q", r.NarrativeID, e.Message(r.Text))
		}
	}
}

// failing refuses all but the first calls, in a way that ends a run, until so many were
// refused.
func failing(h http.Handler, good int) http.Handler {
	var mu sync.Mutex
	n := 0
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		n++
		refuse := n == good+1
		mu.Unlock()
		if refuse {
			http.Error(w, `{"error":{"message":"bad key"}}`, http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	})
}
