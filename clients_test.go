package explog

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/explog/explog/query/dataset"
	"github.com/explog/explog/query/finetune"
)

func TestClients(t *testing.T) {
	l := open(t, t.TempDir())
	if _, err := l.Clients(ctx); !errors.Is(err, ErrNoStore) {
		t.Errorf("without a store: %v", err)
	}
	var records []Record
	for n, client := range []string{"b", "a", "zé", "b", "A", "a b", "b"} {
		r := someRecord(n)
		r.ClientID = client
		records = append(records, r)
	}
	if _, err := l.SaveBatch(ctx, records); err != nil {
		t.Fatal(err)
	}
	if got, err := l.Clients(ctx); err != nil || !slices.Equal(got, []string{"A", "a", "a b", "b", "zé"}) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestBuildsAtTheSameTimeGiveVersionsOneAfterTheOther(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	saveAttempts(t, l, 0, 300)
	o := datasetOptions(t.TempDir(), finetune.OpenAI)
	const builds = 6
	var wait sync.WaitGroup
	errs := make([]error, builds)
	for i := range builds {
		wait.Go(func() { _, errs[i] = l.BuildDataset(ctx, o) })
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	versions, err := dataset.NewShelf(o.Dir, o.Source).Versions()
	if err != nil || len(versions) != builds || versions[builds-1].Version != builds {
		t.Errorf("%d versions, %v", len(versions), err)
	}
	verified(t, l, o)
}

func TestADatasetNeedsANameThatAFolderCanHave(t *testing.T) {
	l := open(t, t.TempDir())
	saveAttempts(t, l, 0, 3)
	o := datasetOptions(t.TempDir(), finetune.OpenAI)
	o.Source = dataset.Source{Client: strings.Repeat("é", 100)}
	if _, err := l.BuildDataset(ctx, o); !errors.Is(err, dataset.ErrLongName) {
		t.Error(err)
	}
}

// A version that an earlier explog made names no folding. Deltas go on with it.
func TestADeltaOfAnOldDatasetKeepsItsFolding(t *testing.T) {
	l := open(t, t.TempDir())
	o := datasetOptions(t.TempDir(), finetune.OpenAI)
	saveAttempts(t, l, 0, 300)
	built(t, l, o)
	path := o.Dir + "/hre/v1.manifest.json"
	old := strings.Replace(read(t, path), `"dataset": 2`, `"dataset": 1`, 1)
	old = strings.Replace(old, "  \"folding\": 2,\n", "", 1)
	begin := strings.Index(old, `  "contradictions": {`)
	end := begin + strings.Index(old[begin:], "  },\n") + len("  },\n")
	write(t, path, old[:begin]+old[end:])
	verified(t, l, o) // for these problems both foldings give the same bytes
	saveAttempts(t, l, 300, 500)
	o.Delta = true
	m := built(t, l, o)
	if m.Folding != 1 || m.Dataset != 2 || m.Log.After != 300 || !m.Outdated() {
		t.Errorf("%+v", m)
	}
	verified(t, l, o)
}
