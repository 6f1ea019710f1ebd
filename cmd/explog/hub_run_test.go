package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/explog/explog"
	"github.com/explog/explog/event"
	"github.com/explog/explog/query"
)

// hubFolder makes a folder with a configuration, and narratives n0, n1, … of which
// every third is labelled TRUE.
func hubFolder(t *testing.T, narratives int, experiment string) string {
	t.Helper()
	dir := t.TempDir()
	var rows strings.Builder
	rows.WriteString("id,text,flag\n")
	for i := range narratives {
		fmt.Fprintf(&rows, "n%d,Narrative number %d.,%v\n", i, i, i%3 == 0)
	}
	for name, content := range map[string]string{
		"n.csv": rows.String(), "p.txt": "Is it so?",
		"judge.sh": judge,
		"e.yml":    "- {experiment_name: E, prompt_file: p.txt, model_name: m, narratives: n.csv, " + experiment + "}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// judge takes its time, keeps a journal of what it has been asked, and says yes to
// what has a 1 in its number.
const judge = `while read -r line; do
  id=${line#*\"id\":\"}; id=${id%%\"*}
  echo $id >> journal
  sleep 0.02
  case $id in *1*) echo "{\"id\":\"$id\",\"detected\":true}" ;; *) echo "{\"id\":\"$id\",\"detected\":false}" ;; esac
done`

const slowCommand = `provider: command, command: [sh, judge.sh], concurrency: 3`

func hubRunning(t *testing.T, dir string, flags ...string) *exec.Cmd {
	t.Helper()
	explog, err := exec.LookPath("explog") // the test binary: see TestMain
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(explog, append([]string{"--dir", filepath.Join(dir, "store"), "hub", "run", filepath.Join(dir, "e.yml")}, flags...)...)
}

// hubExperiment returns the only experiment of a store, which it verifies, with its
// results.
func hubExperiment(t *testing.T, dir string) (query.HubExperiment, []query.HubResult) {
	t.Helper()
	logger, err := explog.Open(filepath.Join(dir, "store"), explog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if report, err := logger.Verify(t.Context()); err != nil || !report.Clean() {
		t.Fatalf("%+v, %v", report, err)
	}
	hub, err := logger.Hub(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer hub.Close()
	var list []query.HubExperiment
	for e, err := range hub.Experiments(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	if len(list) != 1 {
		t.Fatalf("%d experiments, want 1", len(list))
	}
	var results []query.HubResult
	for r, err := range hub.Results(t.Context(), list[0].ID) {
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, r)
	}
	return list[0], results
}

// hubFinished verifies a store, if there is one yet, and reports whether its experiment
// has finished.
func hubFinished(t *testing.T, dir string) bool {
	t.Helper()
	logger, err := explog.Open(filepath.Join(dir, "store"), explog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := logger.Verify(t.Context())
	if errors.Is(err, explog.ErrNoStore) {
		return false
	}
	if err != nil || !report.Clean() {
		t.Fatalf("%+v, %v", report, err)
	}
	hub, err := logger.Hub(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer hub.Close()
	e, err := hub.Experiment(t.Context(), "latest")
	return err == nil && e.Status == "finished"
}

// scores is what an experiment came to, but for when and how it was asked.
func scores(e query.HubExperiment) string {
	return fmt.Sprint(e.Status, e.Total, e.Labelled, e.Positives, e.TP, e.FN, e.FP, e.TN, e.Outcomes)
}

// journal counts how often each narrative was asked about.
func journal(t *testing.T, dir string) map[string]int {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "journal"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	counts := make(map[string]int)
	for id := range strings.FieldsSeq(string(data)) {
		counts[id]++
	}
	return counts
}

// killUntilDone runs the experiment and kills it with SIGKILL, again and again, until
// it ends by itself, or is killed when all that is left is to end. Each time it gets
// longer, so that a slow machine comes to an end, too.
func killUntilDone(t *testing.T, dir string, least time.Duration, finished func() bool) (kills int) {
	t.Helper()
	for {
		cmd := hubRunning(t, dir)
		var diag strings.Builder
		cmd.Stderr = &diag
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		late := time.AfterFunc(least+mathrand.N(least), func() { _ = cmd.Process.Kill() })
		err := cmd.Wait()
		late.Stop()
		if status := cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() {
			if err != nil {
				t.Fatalf("%v: %s", err, diag.String())
			}
			return kills
		}
		kills++
		least += least / 5
		if finished() {
			return kills
		}
	}
}

func TestAKilledHubRunGoesOn(t *testing.T) {
	if testing.Short() {
		t.Skip("it kills for half a minute; run without -short")
	}
	const narratives = 60
	whole := hubFolder(t, narratives, slowCommand)
	if out, err := hubRunning(t, whole).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	uninterrupted, _ := hubExperiment(t, whole)

	dir := hubFolder(t, narratives, slowCommand)
	kills := killUntilDone(t, dir, 200*time.Millisecond, func() bool { return hubFinished(t, dir) })
	e, results := hubExperiment(t, dir)
	if got, want := scores(e), scores(uninterrupted); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if answered := e.Calls - e.PossiblyBilled; kills == 0 || answered != narratives {
		t.Errorf("%d answers to %d narratives, %d kills", answered, narratives, kills)
	}
	asked := journal(t, dir)
	for _, r := range results {
		if n := asked[r.NarrativeID]; r.Outcome != event.ResultOK || n < 1 || n > 1+r.PossiblyBilled {
			t.Errorf("%s: %s, asked %d times, %d of these possibly billed", r.NarrativeID, r.Outcome, n, r.PossiblyBilled)
		}
	}
	t.Logf("%d kills, %d calls possibly billed", kills, e.PossiblyBilled)
	left, err := filepath.Glob(filepath.Join(dir, "store", "hub-*.lock"))
	if err != nil || len(left) > 1 { // one, if it was killed at the very end
		t.Errorf("%v is left, %v", left, err)
	}
}

// trouble is a server of the chat-completions protocol with a journal. It answers
// every fourth call with an error, and half of these with a connection that is cut.
type trouble struct {
	*httptest.Server
	mu      sync.Mutex
	calls   int
	asked   map[string]int // by narrative
	replied map[string]int // whole
	// rationale stands in each answer, and there are answers alone; nil: as above.
	rationale func() string
}

// answers is how many whole answers were given.
func (s *trouble) answers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, replies := range s.replied {
		n += replies
	}
	return n
}

var numberOf = regexp.MustCompile(`Narrative number (\d+)\.`)

func newTrouble(t *testing.T) *trouble {
	s := &trouble{asked: make(map[string]int), replied: make(map[string]int)}
	s.Server = httptest.NewServer(http.HandlerFunc(s.answer))
	t.Cleanup(s.Close)
	return s
}

func (s *trouble) answer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	found := numberOf.FindStringSubmatch(string(body))
	if err != nil || found == nil {
		http.Error(w, "no narrative", http.StatusTeapot)
		return
	}
	id := "n" + found[1]
	s.mu.Lock()
	s.calls++
	n := s.calls
	s.asked[id]++
	s.mu.Unlock()
	time.Sleep(5 * time.Millisecond)
	w.Header().Set("Content-Type", "application/json")
	if s.rationale != nil {
		n = 0
	}
	switch n % 16 {
	case 3:
		w.Header().Set("Retry-After-Ms", "30")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, `{"error":{"message":"slow down","type":"rate_limit_error","code":"rate_limit_exceeded"}}`)
		return
	case 7:
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, `{"error":{"message":"oh","code":500}}`)
		return
	case 11, 15:
		s.cut(w, n%16 == 15)
		return
	}
	because := ""
	if s.rationale != nil {
		because = s.rationale()
	}
	reply, _ := json.Marshal(fmt.Sprintf(`{"detected": %v, "rationale": %q}`, strings.Contains(id, "1"), because))
	_, _ = fmt.Fprintf(w, `{"model":"m-1","choices":[{"message":{"content":%s},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":5}}`, reply)
	s.mu.Lock()
	s.replied[id]++
	s.mu.Unlock()
}

// cut closes the connection, in the middle of an answer or before it.
func (s *trouble) cut(w http.ResponseWriter, halfway bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if halfway {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"model\":")
	}
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

func (s *trouble) experiment() string {
	return fmt.Sprintf("provider: openai, base_url: %q, concurrency: 8, input_price: 1, output_price: 2", s.URL+"/v1")
}

func TestNoFinishedCallIsAskedAgainOfATroublesomeServer(t *testing.T) {
	if testing.Short() {
		t.Skip("it kills for half a minute; run without -short")
	}
	for _, kill := range []bool{false, true} {
		const narratives = 80
		server := newTrouble(t)
		dir := hubFolder(t, narratives, server.experiment())
		kills := 0
		if kill {
			kills = killUntilDone(t, dir, 150*time.Millisecond, func() bool { return hubFinished(t, dir) })
		} else if out, err := hubRunning(t, dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		e, results := hubExperiment(t, dir)
		for _, r := range results {
			replies := server.replied[r.NarrativeID]
			if r.Outcome != event.ResultOK || *r.Flag != strings.Contains(r.NarrativeID, "1") || replies < 1 || replies > 1+r.PossiblyBilled {
				t.Errorf("%s: %s, %d replies, %d calls possibly billed", r.NarrativeID, r.Outcome, replies, r.PossiblyBilled)
			}
			if asked := server.asked[r.NarrativeID]; asked > r.Attempts || asked < r.Attempts-r.PossiblyBilled {
				t.Errorf("%s: the server was asked %d times, the log has %d attempts", r.NarrativeID, asked, r.Attempts)
			}
		}
		if e.InputTokens != 10*narratives || e.Cost == nil || e.Outcomes[event.ResultOK] != narratives || (kills > 0) != kill {
			t.Errorf("%+v after %d kills", e, kills)
		}
		t.Logf("%d kills: %d calls of which %d were answered, %d possibly billed", kills, server.calls, server.answers(), e.PossiblyBilled)
	}
}

// started starts a run and waits until it has asked something.
func started(t *testing.T, dir string, cmd *exec.Cmd) *strings.Builder {
	t.Helper()
	var diag strings.Builder
	cmd.Stderr = &diag
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	before := len(journal(t, dir))
	for deadline := time.Now().Add(20 * time.Second); len(journal(t, dir)) < before+3; {
		if time.Now().After(deadline) {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			t.Fatalf("it asks nothing: %s", diag.String())
		}
		time.Sleep(5 * time.Millisecond)
	}
	return &diag
}

func TestASecondRunnerIsTold(t *testing.T) {
	dir := hubFolder(t, 60, `provider: command, command: [sh, -c, 'for x in a b c; do echo $x >> journal; done; while read -r x; do while [ ! -e go ]; do sleep 0.05; done; echo yes; done']`)
	first := hubRunning(t, dir)
	diag := started(t, dir, first)
	for _, flags := range [][]string{nil, {"--resume"}, {"--new"}} {
		out, err := hubRunning(t, dir, flags...).CombinedOutput()
		if exitCodeOf(err) != 1 || !strings.Contains(string(out), "explog: E: another process is asking the same of the same") {
			t.Errorf("%v: %v, %s", flags, err, out)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if code := within(t, 30*time.Second, first); code != 0 {
		t.Errorf("the first: exit code %d, %s", code, diag.String())
	}
	if e, _ := hubExperiment(t, dir); e.Calls != 60 || e.Status != "finished" {
		t.Errorf("%+v", e)
	}
}

func TestCtrlCDrainsAHubRun(t *testing.T) {
	dir := hubFolder(t, 60, slowCommand)
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		cmd := hubRunning(t, dir)
		diag := started(t, dir, cmd)
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if code := within(t, 10*time.Second, cmd); code != 1 || !strings.Contains(diag.String(), "of 60 questions of E are done, and the same command goes on from there") {
			t.Errorf("%v: exit code %d, %s", sig, code, diag.String())
		}
		if e, _ := hubExperiment(t, dir); e.Status != "paused" || e.PossiblyBilled != 0 || e.Calls == 0 || e.Calls >= 60 {
			t.Errorf("%v: %+v", sig, e)
		}
	}
	if out, err := hubRunning(t, dir, "--resume").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if e, _ := hubExperiment(t, dir); e.Status != "finished" || e.Calls != 60 {
		t.Errorf("%+v", e)
	}
	for id, n := range journal(t, dir) {
		if n != 1 {
			t.Errorf("%s was asked %d times", id, n)
		}
	}
}

func TestASecondCtrlCEndsAHubRunAtOnce(t *testing.T) {
	dir := hubFolder(t, 5, `provider: command, command: [sh, -c, 'while read -r x; do echo a >> journal; echo b >> journal; echo c >> journal; sleep 30; done']`)
	cmd := hubRunning(t, dir)
	started(t, dir, cmd)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	within(t, 5*time.Second, cmd)
	if e, _ := hubExperiment(t, dir); e.Status != "running" || e.PossiblyBilled == 0 {
		t.Errorf("%+v", e)
	}
}

// What was paid for and cannot be kept is handed out.
func TestAHubRunOnAFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("making a small disk needs root")
	}
	const narratives = 80
	server := newTrouble(t)
	server.rationale = func() string { // 10 KB that hardly compress
		var b strings.Builder
		for range 400 {
			b.WriteString(rand.Text())
		}
		return b.String()
	}
	dir := hubFolder(t, narratives, server.experiment())
	store := filepath.Join(dir, "store")
	if err := os.Mkdir(store, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", store, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("no small disk can be had: %v", err)
	}
	defer func() {
		if err := syscall.Unmount(store, 0); err != nil {
			t.Error(err)
		}
	}()
	cmd := hubRunning(t, dir)
	var out, diag strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &diag
	if code := exitCodeOf(cmd.Run()); code != 1 || !strings.Contains(diag.String(), "explog: E: stopped, because nothing can be saved") ||
		!strings.Contains(diag.String(), "free some space and run it again: what was saved is safe") {
		t.Fatalf("exit code %d, %s", code, diag.String())
	}
	handed := 0
	for line := range strings.Lines(out.String()) {
		var a unsavedAnswer
		if err := json.Unmarshal([]byte(line), &a); err != nil || !strings.Contains(a.Reply, "detected") {
			t.Errorf("%v: %s", err, line)
		}
		handed++
	}
	if err := syscall.Mount("tmpfs", store, "tmpfs", syscall.MS_REMOUNT, "size=64m"); err != nil {
		t.Fatal(err)
	}
	e, _ := hubExperiment(t, dir)
	if kept := e.Outcomes[event.ResultOK]; kept == 0 || kept+handed != server.answers() || handed > e.PossiblyBilled {
		t.Errorf("%d answers: %d are kept, %d were handed out, %d calls possibly billed", server.answers(), kept, handed, e.PossiblyBilled)
	}
	t.Logf("%d answers were handed out", handed)
	if out, err := hubRunning(t, dir).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if e, _ := hubExperiment(t, dir); e.Outcomes[event.ResultOK] != narratives || server.answers() != narratives+handed {
		t.Errorf("%+v after %d answers", e, server.answers())
	}
}
