package explog

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestOldStoresOpenForEver opens a copy of every store in testdata/stores, each
// written by the version of explog that its format is named for, and compares what
// comes out. A store is never changed; a new format adds a new one.
func TestOldStoresOpenForEver(t *testing.T) {
	stores, err := filepath.Glob("testdata/stores/*")
	if err != nil || len(stores) == 0 {
		t.Fatalf("%v %v", stores, err)
	}
	for _, store := range stores {
		for _, seal := range []bool{true, false} {
			dir := t.TempDir()
			copyTo(t, filepath.Join(store, "events.db"), filepath.Join(dir, "events.db"))
			if seal {
				copyTo(t, filepath.Join(store, "seal"), filepath.Join(dir, "events.lock"))
			}
			l := open(t, dir)
			var export bytes.Buffer
			if _, err := l.Export(ctx, &export, Filter{}, true); err != nil {
				t.Fatal(err)
			}
			if want := read(t, filepath.Join(store, "export.jsonl")); export.String() != want {
				t.Errorf("%s exports\n%s\nwant\n%s", store, export.String(), want)
			}
			want := bytes.Split([]byte(read(t, filepath.Join(store, "rejects.jsonl"))), []byte("\n"))
			i := 0
			for rej, err := range l.Rejects(ctx) {
				var stored struct {
					Reason    string
					Line      int64
					Raw       string
					RawBase64 []byte `json:"raw_base64"`
				}
				if err == nil {
					err = json.Unmarshal(want[i], &stored)
				}
				if err != nil {
					t.Fatal(err)
				}
				if string(rej.Raw) != stored.Raw+string(stored.RawBase64) || string(rej.Reason()) != stored.Reason || rej.Line != stored.Line {
					t.Errorf("%s: reject %q, want %s", store, rej.Raw, want[i])
				}
				i++
			}
			if i != len(want)-1 {
				t.Errorf("%s: %d rejects, want %d", store, i, len(want)-1)
			}
			if _, err := l.Save(ctx, someRecord(1)); err != nil {
				t.Error(err)
			}
		}
	}
}

func copyTo(t *testing.T, from, to string) {
	t.Helper()
	if err := os.WriteFile(to, []byte(read(t, from)), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
