package explog

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/explog/explog/query/dataset"
	"github.com/explog/explog/query/finetune"
)

// saveAttempts saves records from one number up to another, three to a problem, with
// scores 0.6, 0.8 and 1, and solutions that are not alike.
func saveAttempts(t *testing.T, l *Logger, from, to int) {
	t.Helper()
	var records []Record
	for n := from; n < to; n++ {
		r := someRecord(n)
		r.Problem = fmt.Sprint("problem ", n/3)
		r.Solution = fmt.Sprintf("%x", sha256.Sum256([]byte(r.ID)))
		r.Score = 0.6 + 0.2*float64(n%3)
		records = append(records, r)
	}
	if _, err := l.SaveBatch(ctx, records); err != nil {
		t.Fatal(err)
	}
}

func datasetOptions(dir string, f finetune.Format) DatasetOptions {
	p := dataset.DefaultParameters()
	p.Format, p.SystemPrompt = f, "Be brief."
	return DatasetOptions{Dir: dir, Source: dataset.Source{Client: "hre"}, Parameters: p, Version: "test"}
}

func built(t *testing.T, l *Logger, o DatasetOptions) dataset.Manifest {
	t.Helper()
	m, err := l.BuildDataset(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTheSameRecordsGiveTheSameDataset(t *testing.T) {
	l := open(t, t.TempDir())
	saveAttempts(t, l, 0, 300)
	for _, f := range finetune.Formats() {
		one, two := datasetOptions(t.TempDir(), f), datasetOptions(t.TempDir(), f)
		m := built(t, l, one)
		if m.Version != 1 || m.Log.Through != 300 || m.Steps.Found != 300 || m.Steps.HeldOut == 0 {
			t.Errorf("%s: %+v", f, m)
		}
		saveAttempts(t, l, 0, 300) // adds nothing
		if _, err := l.Rebuild(ctx); err != nil {
			t.Fatal(err)
		}
		built(t, l, two)
		for _, name := range []string{"v1.jsonl", "v1_eval.jsonl", "v1.provenance.jsonl", "v1.manifest.json"} {
			a, b := read(t, filepath.Join(one.Dir, "hre", name)), read(t, filepath.Join(two.Dir, "hre", name))
			if a != b || a == "" {
				t.Errorf("%s: %s differs, or is empty", f, name)
			}
		}
		for _, test := range []struct {
			name  string
			check func(*bytes.Reader) (finetune.Report, error)
		}{
			{"v1.jsonl", func(r *bytes.Reader) (finetune.Report, error) { return finetune.Check(r, f) }},
			{"v1_eval.jsonl", func(r *bytes.Reader) (finetune.Report, error) { return finetune.CheckHeldOut(r, f) }},
		} {
			report, err := test.check(bytes.NewReader([]byte(read(t, filepath.Join(one.Dir, "hre", test.name)))))
			if err != nil || !report.Valid() || report.Examples == 0 {
				t.Errorf("%s: %s: %+v, %v", f, test.name, report, err)
			}
		}
	}
}

func TestALaterVersionHasTheSameSides(t *testing.T) {
	l := open(t, t.TempDir())
	o := datasetOptions(t.TempDir(), finetune.OpenAI)
	saveAttempts(t, l, 0, 301)
	built(t, l, o)
	saveAttempts(t, l, 301, 600)
	second := built(t, l, o)
	d, err := dataset.NewShelf(o.Dir, o.Source).Diff(1, 2)
	if err != nil || len(d.Moved) != 0 || len(d.Gone) != 0 || d.Same == 0 || len(d.Added) == 0 || d.Same+len(d.Added) != second.Steps.Examples() {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestADeltaTakesOnlyTheNew(t *testing.T) {
	l := open(t, t.TempDir())
	o := datasetOptions(t.TempDir(), finetune.OpenAI)
	o.Delta = true
	saveAttempts(t, l, 0, 300)
	if m := built(t, l, o); m.Log.After != 0 { // there is no version before
		t.Errorf("the first is from after %d", m.Log.After)
	}
	if _, err := l.BuildDataset(ctx, o); !errors.Is(err, ErrGate) {
		t.Errorf("nothing is new: %v", err)
	}
	saveAttempts(t, l, 300, 500)
	m := built(t, l, o)
	if m.Version != 2 || m.Log.After != 300 || m.Log.Through != 500 || m.Steps.Found != 200 {
		t.Errorf("%+v", m)
	}
	list, err := dataset.NewShelf(o.Dir, o.Source).Provenance(2)
	if err != nil || len(list) != m.Steps.Passed {
		t.Errorf("%d of %d, %v", len(list), m.Steps.Passed, err)
	}
	for _, p := range list {
		if p.Seq <= 300 {
			t.Errorf("%s was logged before", p.ID)
		}
	}
	verified(t, l, o)
	o.Parameters.Format = finetune.TRL // of which there is no version yet
	if m := built(t, l, o); m.Version != 3 || m.Log.After != 0 || m.Steps.Found != 500 {
		t.Errorf("%+v", m)
	}
	o.Parameters.Format = finetune.OpenAI
	o.Parameters.Holdout = 0.2 // problems would change sides
	if _, err := l.BuildDataset(ctx, o); err == nil || !strings.Contains(err.Error(), "and holdout 0.1, and so must its delta") {
		t.Errorf("with another share held out: %v", err)
	}
	o.Parameters.Holdout = 0.1
	other := open(t, t.TempDir())
	saveAttempts(t, other, 0, 300)
	if _, err := other.BuildDataset(ctx, o); err == nil || !strings.Contains(err.Error(), "another log") {
		t.Errorf("of another log: %v", err)
	}
}

// verified wants all versions to be what the log gives, or the faults that contain
// these texts.
func verified(t *testing.T, l *Logger, o DatasetOptions, want ...string) {
	t.Helper()
	versions, err := dataset.NewShelf(o.Dir, o.Source).Versions()
	if err != nil || len(versions) == 0 {
		t.Fatal(len(versions), err)
	}
	var faults []string
	for _, m := range versions {
		found, err := l.VerifyDataset(ctx, o.Dir, m)
		if err != nil {
			t.Fatal(err)
		}
		faults = append(faults, found...)
	}
	if len(faults) != len(want) {
		t.Errorf("%q, want %q", faults, want)
		return
	}
	for i, text := range want {
		if !strings.Contains(faults[i], text) {
			t.Errorf("%q, want %q", faults[i], text)
		}
	}
}

func TestVerifyNamesTheFileThatIsNotWhatTheLogGives(t *testing.T) {
	l := open(t, t.TempDir())
	o := datasetOptions(t.TempDir(), finetune.OpenAI)
	saveAttempts(t, l, 0, 300)
	built(t, l, o)
	saveAttempts(t, l, 300, 400) // records that come later change nothing
	verified(t, l, o)
	for _, name := range []string{"v1.jsonl", "v1_eval.jsonl", "v1.provenance.jsonl"} {
		path := filepath.Join(o.Dir, "hre", name)
		whole := read(t, path)
		lines := strings.SplitAfterN(whole, "\n", 3)
		lines[1] = strings.Replace(lines[1], `"`, "'", 1)
		write(t, path, strings.Join(lines, ""))
		verified(t, l, o, name+" is not what the log gives: line 2 differs")
		write(t, path, whole+"\n")
		verified(t, l, o, name+" is not what the log gives")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		verified(t, l, o, name+" is missing")
		write(t, path, whole)
	}
	path := filepath.Join(o.Dir, "hre", "v1.manifest.json")
	whole := read(t, path)
	for change, want := range map[[2]string]string{
		{`"found": 300`, `"found": 299`}:                                        "v1.manifest.json is not what the log gives",
		{`"through": 300`, `"through": 299`}:                                    "event 299 of the log has another hash",
		{`"through": 300`, `"through": 9999`}:                                   "the log ends at 400",
		{`"log": {` + "\n" + `    "id": "`, `"log": {` + "\n" + `    "id": "x`}: "it is from the log x",
	} {
		write(t, path, strings.Replace(whole, change[0], change[1], 1))
		verified(t, l, o, want)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestAGateThatFailsLeavesNoFile(t *testing.T) {
	l := open(t, t.TempDir())
	saveAttempts(t, l, 0, 60)
	o := datasetOptions(filepath.Join(t.TempDir(), "datasets"), finetune.OpenAI)
	m, err := l.BuildDataset(ctx, o) // 40 of them score enough
	if !errors.Is(err, ErrGate) || m.Gates[0].Passed || m.Gates[0].Figure != 40 {
		t.Errorf("%+v, %v", m.Gates, err)
	}
	o.Parameters.MinExamples, o.DryRun = 40, true
	if m, err = l.BuildDataset(ctx, o); err != nil || m.Steps.Examples() != 40 {
		t.Errorf("%+v, %v", m, err)
	}
	if _, err := os.Stat(o.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something was written: %v", err)
	}
	if _, err := open(t, t.TempDir()).BuildDataset(ctx, o); !errors.Is(err, ErrNoStore) {
		t.Errorf("without a store: %v", err)
	}
}
