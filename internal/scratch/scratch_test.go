package scratch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestWhatWasLeftBehindIsRemoved(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	in, err := New("scratch-test-")
	if err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(os.TempDir(), "scratch-test-left")
	other := filepath.Join(os.TempDir(), "other")
	for _, dir := range []string{left, other} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	next, err := New("scratch-test-")
	if err != nil {
		t.Fatal(err)
	}
	for path, stays := range map[string]bool{in.Path: true, next.Path: true, other: true, left: false} {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) == stays {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := errors.Join(in.Remove(), next.Remove()); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(os.TempDir(), "scratch-*")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestNobodyTakesAFolderInUse makes and removes folders side by side.
func TestNobodyTakesAFolderInUse(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for range 50 {
				f, err := New("scratch-test-")
				if err != nil {
					t.Error(err)
					return
				}
				if err := os.WriteFile(filepath.Join(f.Path, "file"), nil, 0o600); err != nil {
					t.Error(err)
				}
				if err := f.Remove(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	workers.Wait()
}
