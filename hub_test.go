package explog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/explog/explog/event"
	"github.com/explog/explog/eventlog"
	"github.com/explog/explog/eventlog/flock"
	"github.com/explog/explog/projector"
	"github.com/explog/explog/query"
)

// benchmarkFacts define an experiment over two narratives and answer one of them.
func benchmarkFacts(t *testing.T) []event.Fact {
	t.Helper()
	prompt, text := event.Prompt{Text: "Is it?"}, event.Narrative{Text: "it is"}
	yes := true
	set := event.NarrativeSet{Label: "flag", Narratives: []event.Labelled{{ID: "N-1", Text: text.Key(), Flag: &yes}, {ID: "N-2", Text: text.Key()}}}
	key, err := set.Key()
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 4, 7, 9, 30, 0, 0, time.UTC)
	e := event.ExperimentDefined{ID: uuid.New(), Name: "one", Prompt: prompt.Key(), Set: key, Provider: "rules", Model: "m", Repeats: 1, Parameters: []byte("{}"), Defined: at}
	e.Definition = e.DefinitionKey()
	start := event.ExperimentStarted{ID: uuid.New(), Experiment: e.ID, Started: at}
	call := event.CallKey(e.ID, "N-1", 0, nil)
	var facts []event.Fact
	for _, v := range []interface{ Fact() (event.Fact, error) }{
		prompt, text, set, e, start,
		event.CallStarted{Call: call, Attempt: 1, Experiment: e.ID, Narrative: "N-1", Started: at},
		event.CallFinished{Call: call, Attempt: 1, Experiment: e.ID, Narrative: "N-1", Text: "yes", Finish: "complete", Finished: at},
		event.ResultParsed{Call: call, Attempt: 1, Experiment: e.ID, Narrative: "N-1", Parser: 1, Outcome: event.ResultOK, Flag: &yes},
		event.Relabelled{ID: uuid.New(), Label: "flag", Narrative: "N-2", Text: text.Key(), Flag: &yes, Relabel: at},
		event.ExperimentStopped{Start: start.ID, Experiment: e.ID, Outcome: event.StopFinished, Stopped: at},
	} {
		f, err := v.Fact()
		if err != nil {
			t.Fatal(err)
		}
		facts = append(facts, f)
	}
	return facts
}

func mustAppend(t *testing.T, l *Logger, facts ...event.Fact) {
	t.Helper()
	if err := l.Append(ctx, facts...); err != nil {
		t.Fatal(err)
	}
}

// hubRow opens the hub and says what is in it.
func hubRow(t *testing.T, l *Logger) string {
	t.Helper()
	h, err := l.Hub(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	e, err := h.Experiment(ctx, "latest")
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %s %s %d %d %d", e.ID, e.UUID, e.Status, e.Total, e.Labelled, e.TP)
}

func TestAppendedFactsAreInTheHub(t *testing.T) {
	l := open(t, t.TempDir())
	facts := benchmarkFacts(t)
	mustAppend(t, l, facts[:5]...)
	id := facts[3].ID.String()
	if got, want := hubRow(t, l), "1 "+id+" running 2 1 0"; got != want {
		t.Errorf("hub %s, want %s", got, want)
	}
	mustAppend(t, l, facts...) // half of them again
	mustAppend(t, l)
	if _, err := l.Save(ctx, someRecord(1)); err != nil {
		t.Fatal(err)
	}
	if got, want := hubRow(t, l), "1 "+id+" finished 2 2 1"; got != want {
		t.Errorf("hub %s, want %s", got, want)
	}
	info, err := l.Info(ctx)
	if err != nil || info.Head != 11 || info.Hub == nil || info.Hub.Checkpoint != 11 || info.Hub.Lag != 0 || !reflect.DeepEqual(info.Hub.HubTotals, query.HubTotals{Experiments: 1, Results: 2}) {
		t.Errorf("info %+v, hub %+v, %v", info, info.Hub, err)
	}
	if n, err := l.Count(ctx, Filter{}); n != 1 || err != nil {
		t.Errorf("%d records, %v", n, err)
	}
}

func TestAppendIsAllOrNothing(t *testing.T) {
	l := open(t, t.TempDir())
	facts := benchmarkFacts(t)
	large, err := event.Narrative{Text: strings.Repeat("x", eventlog.MaxData)}.Fact()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Append(ctx, facts[0], large); !errors.Is(err, eventlog.ErrTooLarge) {
		t.Errorf("a fact that is too large: %v", err)
	}
	mustAppend(t, l, facts[1])
	info, err := l.Info(ctx)
	if err != nil || info.Head != 1 {
		t.Errorf("head %d, %v", info.Head, err)
	}
}

func TestWithoutBenchmarksThereIsNoHub(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	if _, err := l.Hub(ctx); !errors.Is(err, ErrNoStore) {
		t.Errorf("hub of no store: %v", err)
	}
	if _, err := l.Save(ctx, someRecord(1)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Hub(ctx); !errors.Is(err, ErrNoExperiment) {
		t.Errorf("hub of a log without: %v", err)
	}
	if _, err := l.RebuildHub(ctx); !errors.Is(err, ErrNoExperiment) {
		t.Errorf("rebuild: %v", err)
	}
	if _, err := l.Rebuild(ctx); err != nil {
		t.Fatal(err)
	}
	if r, err := l.Verify(ctx); err != nil || r.HubState != "is missing" {
		t.Errorf("verify: %+v, %v", r, err)
	}
	if info, err := l.Info(ctx); err != nil || info.Hub != nil {
		t.Errorf("info: %+v, %v", info.Hub, err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "hub*"))
	if err != nil || len(files) > 0 {
		t.Errorf("there is %v, %v", files, err)
	}
}

// spoilHub turns a bit of each page of the hub's file.
func spoilHub(t *testing.T, path string) {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 20 << 10; at < len(file); at += 32 << 10 {
		file[at] ^= 1
	}
	if err := os.WriteFile(path, file, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestAHubThatIsMissingOrDamagedIsBuiltAnew(t *testing.T) {
	dir := t.TempDir()
	var notes []string
	l, err := Open(dir, Options{Note: func(note string) { notes = append(notes, note) }})
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, benchmarkFacts(t)...)
	want := hubRow(t, l)
	path := filepath.Join(dir, "hub.sqlite")
	for _, c := range []struct {
		spoil func()
		note  string
	}{
		{func() { _ = os.Remove(path) }, ""},
		{func() { spoilHub(t, path) }, "hub.sqlite is damaged: built anew from the log (10 events)"},
		{func() { _ = os.WriteFile(path, []byte("no database"), 0o644) }, "hub.sqlite is damaged: built anew from the log (10 events)"},
	} {
		c.spoil()
		notes = nil
		if got := hubRow(t, l); got != want {
			t.Errorf("hub %s, want %s", got, want)
		}
		if said := strings.Join(notes, "\n"); !strings.HasSuffix(said, c.note) || (said == "") != (c.note == "") {
			t.Errorf("notes %q, want %q", said, c.note)
		}
	}
	if n, err := l.RebuildHub(ctx); n != 10 || err != nil {
		t.Errorf("rebuilt from %d events, %v", n, err)
	}
	if got := hubRow(t, l); got != want {
		t.Errorf("rebuilt: %s, want %s", got, want)
	}
}

func TestVerifyLooksAtTheHubToo(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	mustAppend(t, l, benchmarkFacts(t)...)
	hubRow(t, l)
	if r, err := l.Verify(ctx); err != nil || !r.Clean() || r.HubState != "" {
		t.Errorf("verify: %+v, %v", r, err)
	}
	spoilHub(t, filepath.Join(dir, "hub.sqlite"))
	if r, err := l.Verify(ctx); err != nil || r.Clean() || len(r.Hub) == 0 || len(r.View) > 0 {
		t.Errorf("verify: %+v, %v", r, err)
	}
	if info, err := l.Info(ctx); err != nil || info.Hub.ViewFault != "is damaged" {
		t.Errorf("info %+v, %v", info.Hub, err)
	}
	if r, repaired, err := l.RepairView(ctx); err != nil || !repaired || len(r.Hub) == 0 {
		t.Errorf("repair: %+v, %v, %v", r, repaired, err)
	}
}

func TestVerifyNamesAFactUnderAnothersKey(t *testing.T) {
	withdrawn, err := event.CallWithdrawn{Call: uuid.New(), Attempt: 1, Experiment: uuid.New(), Narrative: "N-1"}.Fact()
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range append(benchmarkFacts(t), withdrawn) {
		l, err := Open(t.TempDir(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		derived := true
		switch f.Type {
		case event.TypeExperimentDefined, event.TypeExperimentStarted, event.TypeRelabelled:
			derived = false
		}
		broken := f
		f.ID, broken.ID, broken.Data = uuid.New(), uuid.New(), []byte("{")
		mustLog(t, l, f)
		if r, err := l.Verify(ctx); err != nil || len(r.Log.Faults) > 0 != derived {
			t.Errorf("fact %d of %v: %v, %v", i, f.Type, r.Log.Faults, err)
		}
		mustLog(t, l, broken)
		if r, err := l.Verify(ctx); err != nil || len(r.Log.Faults) == 0 || r.Log.Faults[len(r.Log.Faults)-1].Seq != 2 {
			t.Errorf("fact %d of %v that cannot be read: %v, %v", i, f.Type, r.Log.Faults, err)
		}
	}
}

// mustLog appends a fact without the checks of [Logger.Append].
func mustLog(t *testing.T, l *Logger, f event.Fact) {
	t.Helper()
	if err := l.logFact(ctx, f); err != nil {
		t.Fatal(err)
	}
}

// Commands that only show something read the view while another process works on it.
func TestAHubThatIsHeldIsReadAsItIs(t *testing.T) {
	dir := t.TempDir()
	var notes []string
	l, err := Open(dir, Options{Note: func(text string) { notes = append(notes, text) }})
	if err != nil {
		t.Fatal(err)
	}
	facts := benchmarkFacts(t)
	mustAppend(t, l, facts[:5]...)
	hubRow(t, l)
	mustAppend(t, l, facts[5:]...)
	lock, err := os.OpenFile(filepath.Join(dir, "hub.lock"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := flock.Lock(ctx, lock, time.Second); err != nil {
		t.Fatal(err)
	}
	var status string
	err = l.ReadHub(ctx, func(h *query.Hub) error {
		e, err := h.Experiment(ctx, "latest")
		status = e.Status
		return err
	})
	if err != nil || status != "defined" && status != "running" {
		t.Errorf("status %q, %v", status, err)
	}
	if want := filepath.Join(dir, "hub.sqlite") + " is read as it is, 5 events behind the log: another process is working on it"; !slices.Equal(notes, []string{want}) {
		t.Errorf("notes %q, want %q", notes, want)
	}
}

// A page that is not checked before is checked when it is read, and the view is built anew.
func TestAHubThatTurnsOutToBeDamagedIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	var notes []string
	l, err := Open(dir, Options{Note: func(text string) { notes = append(notes, text) }})
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, benchmarkFacts(t)...)
	want := hubRow(t, l)
	path := filepath.Join(dir, "hub.sqlite")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pageSize := int(data[16])<<8 | int(data[17])
	for page := 2; page*pageSize <= len(data); page++ { // all but the first
		data[page*pageSize-pageSize/2] ^= 1
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	n := 0
	err = l.ReadHub(ctx, func(h *query.Hub) error {
		n++
		_, err := h.Experiment(ctx, "latest")
		return err
	})
	if err != nil || hubRow(t, l) != want || len(notes) != 1 || !strings.Contains(notes[0], "is damaged") {
		t.Errorf("after %d tries: %v, notes %q", n, err, notes)
	}
}

func TestAHubThatCannotBeBroughtUpIsAnError(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	facts := benchmarkFacts(t)
	mustAppend(t, l, facts[:5]...)
	hubRow(t, l)
	mustAppend(t, l, facts[5:]...)
	lock, err := os.OpenFile(filepath.Join(dir, "hub.lock"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := flock.Lock(ctx, lock, time.Second); err != nil {
		t.Fatal(err)
	}
	hurried, err := Open(dir, Options{LockTimeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if h, err := hurried.Hub(ctx); !errors.Is(err, projector.ErrBehind) || !strings.Contains(err.Error(), "lacks 5 events: another process is working on it") {
		t.Errorf("while it is held: %v, %v", h, err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	hubRow(t, hurried)
}
