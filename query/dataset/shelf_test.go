package dataset

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/explog/explog/eventlog/flock"
	"github.com/explog/explog/query/finetune"
)

func TestMovedExamplesAreNamed(t *testing.T) {
	none, all := spec(finetune.Alpaca), spec(finetune.Alpaca)
	none.Parameters.Holdout = 0
	all.Parameters.Holdout, all.Version = 0.999999, 2
	shelf := shelved(t, made(t, none, record(1, "p1", "abc", 1)), made(t, all, record(1, "p1", "abc", 1)))
	d, err := shelf.Diff(1, 2)
	if err != nil || len(d.Moved) != 1 || d.Moved[0].Fate != HeldOut || len(d.Added)+len(d.Gone)+d.Same != 0 {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := shelf.Diff(1, 3); !errors.Is(err, ErrNoVersion) {
		t.Error(err)
	}
}

func TestAVersionIsNeverOverwritten(t *testing.T) {
	d := made(t, spec(finetune.Alpaca), record(1, "p1", "abc", 1))
	shelf := shelved(t, d)
	if err := shelf.Write(t.Context(), d, time.Second); !errors.Is(err, ErrTaken) {
		t.Error(err)
	}
}

func TestWritersWaitForEachOther(t *testing.T) {
	d := made(t, spec(finetune.Alpaca), record(1, "p1", "abc", 1))
	shelf := shelved(t)
	if err := os.MkdirAll(shelf.Path(""), 0o777); err != nil {
		t.Fatal(err)
	}
	dir, err := os.Open(shelf.Path(""))
	if err != nil {
		t.Fatal(err)
	}
	if err := flock.Lock(t.Context(), dir, time.Second); err != nil {
		t.Fatal(err)
	}
	if err := shelf.Write(t.Context(), d, 10*time.Millisecond); !errors.Is(err, flock.ErrTimeout) {
		t.Errorf("while another writes: %v", err)
	}
	dir.Close()
	if err := shelf.Write(t.Context(), d, 10*time.Second); err != nil {
		t.Error(err)
	}
}

// What a writer that died leaves behind is no version, and is replaced.
func TestWithoutAManifestThereIsNoVersion(t *testing.T) {
	d := made(t, spec(finetune.Alpaca), record(1, "p1", "abc", 1))
	shelf := shelved(t, d)
	if err := os.Remove(shelf.Path("v1.manifest.json")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"v1.jsonl", "v1_eval.jsonl.tmp-0123456789abcdef"} {
		if err := os.WriteFile(shelf.Path(name), []byte("half"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if last, err := shelf.Last(finetune.Alpaca); err != nil || last.Version != 0 {
		t.Fatalf("version %d, %v", last.Version, err)
	}
	if err := shelf.Write(t.Context(), d, time.Second); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(shelf.Path("*"))
	if err != nil || len(files) != 4 {
		t.Errorf("%v, %v", files, err)
	}
	if got, err := os.ReadFile(shelf.Path("v1.jsonl")); err != nil || string(got) != string(d.contents[0]) {
		t.Errorf("%s, %v", got, err)
	}
}

func TestNoVersionWhereAFileCannotBeWritten(t *testing.T) {
	d := made(t, spec(finetune.Alpaca), record(1, "p1", "abc", 1))
	for _, name := range []string{"v1.jsonl", "v1_eval.jsonl", "v1.provenance.jsonl"} {
		shelf := shelved(t)
		if err := os.MkdirAll(shelf.Path(filepath.Join(name, "in the way")), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := shelf.Write(t.Context(), d, time.Second); err == nil {
			t.Errorf("%s is a folder, and is written", name)
		}
		if last, err := shelf.Last(finetune.Alpaca); err != nil || last.Version != 0 {
			t.Errorf("%s: version %d, %v", name, last.Version, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := shelved(t).Write(ctx, d, time.Second); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func TestManifestsThatAreNone(t *testing.T) {
	good, err := made(t, spec(finetune.Alpaca), record(1, "p1", "abc", 1)).encode()
	if err != nil {
		t.Fatal(err)
	}
	for what, content := range map[string]string{
		"not a manifest":                    "{",
		"unknown field":                     `{"dataset":1,"extra":1}`,
		"of form 3":                         `{"dataset":3}`,
		"folding of problems has version 9": `{"dataset":2,"folding":9}`,
		"unknown format":                    `{"dataset":1}`,
		`of "d"`:                            strings.Replace(string(good), `"client": "c"`, `"client": "d"`, 1),
		"there are none":                    strings.Replace(string(good), `"through": 1000`, `"through": 0`, 1),
		"of version 2":                      strings.Replace(string(good), `"version": 1`, `"version": 2`, 1),
	} {
		shelf := shelved(t)
		if err := os.MkdirAll(shelf.Path(""), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(shelf.Path("v1.manifest.json"), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := shelf.Versions(); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A manifest that cannot be read hides neither the others nor the next number.
func TestADamagedManifestIsNamedAndTheOthersAreRead(t *testing.T) {
	first, second := spec(finetune.Alpaca), spec(finetune.Alpaca)
	second.Version = 2
	shelf := shelved(t, made(t, first, record(1, "p1", "abc", 1)), made(t, second, record(1, "p1", "abc", 1)))
	for name, content := range map[string]string{"v2.manifest.json": "{", "v0.manifest.json": "", "v-1.manifest.json": "", "v03.manifest.json": ""} {
		if err := os.WriteFile(shelf.Path(name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	versions, err := shelf.Versions()
	if len(versions) != 1 || versions[0].Version != 1 || !errors.Is(err, ErrManifest) || strings.Count(err.Error(), "\n") != 0 || !strings.Contains(err.Error(), "v2.manifest.json") {
		t.Errorf("%d versions, %v", len(versions), err)
	}
	if n, err := shelf.Next(); n != 3 || err != nil {
		t.Errorf("the next is %d, %v", n, err)
	}
	if n, err := shelved(t).Next(); n != 1 || err != nil {
		t.Errorf("the first is %d, %v", n, err)
	}
}

// A name is never the name of another folder, and a client is never a benchmark.
func TestSourcesAreFolders(t *testing.T) {
	root := t.TempDir()
	var sources []Source
	for _, name := range []string{".", "..", "...", "../up", "a b", "a+b", "a/b", "Ü", "hre", "%2E", "hub+x", "hub:x"} {
		sources = append(sources, Source{Client: name}, Source{Experiment: name})
	}
	for _, source := range sources {
		s := spec(finetune.Alpaca)
		s.Source = source
		shelf := NewShelf(root, source)
		if filepath.Dir(filepath.Clean(shelf.Path(""))) != root {
			t.Fatalf("the shelf of %+v is %s", source, shelf.Path(""))
		}
		if err := shelf.Write(t.Context(), made(t, s, record(1, "p1", "abc", 1)), time.Second); err != nil {
			t.Fatal(err)
		}
		if m, err := shelf.Last(finetune.Alpaca); err != nil || m.Source != source {
			t.Errorf("%+v: %+v, %v", source, m.Source, err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "a file"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(root, "somebody's folder"), 0o777); err != nil {
		t.Fatal(err)
	}
	got, err := Sources(root)
	if err != nil || len(got) != len(sources) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, source := range sources {
		if !slices.Contains(got, source) {
			t.Errorf("%+v has no shelf", source)
		}
	}
	if got, err := Sources(filepath.Join(root, "nowhere")); err != nil || len(got) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}
