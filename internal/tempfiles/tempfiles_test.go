package tempfiles

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

func TestWriteIsAllOrNothing(t *testing.T) {
	target := filepath.Join(t.TempDir(), "out")
	if err := Write(target, 0o640, text("one")); err != nil {
		t.Fatal(err)
	}
	failed := errors.New("no more")
	err := Write(target, 0o640, func(w io.Writer) error { return errors.Join(text("tw")(w), failed) })
	if !errors.Is(err, failed) {
		t.Errorf("error %v", err)
	}
	if b, err := os.ReadFile(target); err != nil || string(b) != "one" {
		t.Errorf("%q, %v", b, err)
	}
	if list := names(t, filepath.Dir(target)); !slices.Equal(list, []string{"out"}) {
		t.Errorf("the folder has %q", list)
	}
}

func TestTheNextFileForATargetRemovesWhatNobodyHolds(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "out")
	kept := []string{
		"out.tmp-0123456789abcde", "out.tmp-0123456789abcdeg", "out.tmp-notes", "other.tmp-0123456789abcdef", "out.tmp-00000000000000ff",
	}
	for _, name := range append([]string{"out.tmp-0123456789abcdef"}, kept[:4]...) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("elsewhere", filepath.Join(dir, kept[4])); err != nil {
		t.Fatal(err)
	}
	held, err := Create(target, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Discard()
	if err := Write(target, 0o600, text("x")); err != nil {
		t.Fatal(err)
	}
	want := append(slices.Clone(kept), "out", filepath.Base(held.Name()))
	slices.Sort(want)
	if list := names(t, dir); !slices.Equal(list, want) {
		t.Errorf("the folder has %q, want %q", list, want)
	}
	if err := held.Commit(); err != nil {
		t.Error(err)
	}
}

func TestTheNextFolderOfAKindRemovesWhatNobodyHolds(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dir := os.TempDir()
	left := filepath.Join(dir, "explog-kind-123")
	kept := []string{"explog-kind-12x", "explog-kind-", "explog-other-123", "other"}
	for _, name := range append([]string{"explog-kind-123"}, kept...) {
		if err := os.MkdirAll(filepath.Join(dir, name, "sub"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "other"), filepath.Join(dir, "explog-kind-7")); err != nil {
		t.Fatal(err)
	}
	held, removeHeld, err := Dir("kind")
	if err != nil {
		t.Fatal(err)
	}
	path, remove, err := Dir("kind")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what a killed process left is there: %v", err)
	}
	for _, name := range append(kept, "explog-kind-7", "other/sub", filepath.Base(held), filepath.Base(path)) {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if err := errors.Join(remove(), removeHeld()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(held); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is there: %v", held, err)
	}
}
