package explog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/explog/explog/event"
	"github.com/explog/explog/query"
)

// TestNothingIsYieldedAfterARangeHasEnded: neither an error of closing, nor a second
// reading after damage.
func TestNothingIsYieldedAfterARangeHasEnded(t *testing.T) {
	numbers := func(*query.Reader, *query.Cursor) iter.Seq2[int, error] {
		return func(yield func(int, error) bool) {
			for n := range 10 {
				if !yield(n, nil) {
					return
				}
			}
		}
	}
	failed := errors.New("close failed")
	for name, reading := range map[string]readingFunc{
		"closing fails": func(_ context.Context, fn func(*query.Reader) error) error {
			return errors.Join(fn(nil), failed)
		},
		"damage is noticed while closing": func(_ context.Context, fn func(*query.Reader) error) error {
			return errors.Join(fn(nil), fn(nil))
		},
	} {
		var got []int
		for n, err := range resuming(ctx, reading, numbers) { // the runtime panics if yield is called again
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if got = append(got, n); n == 2 {
				break
			}
		}
		if !slices.Equal(got, []int{0, 1, 2}) {
			t.Errorf("%s: %v", name, got)
		}
	}
	var last error
	for _, err := range resuming(ctx, func(_ context.Context, fn func(*query.Reader) error) error { return errors.Join(fn(nil), failed) }, numbers) {
		last = err
	}
	if !errors.Is(last, failed) {
		t.Errorf("a range that was read to its end lost the error: %v", last)
	}
}

// TestReadingResumesBehindTheLastRow damages a view while it is read, in every order.
func TestReadingResumesBehindTheLastRow(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	var notes []string
	l.opts.Note = func(s string) { notes = append(notes, s) }
	var batch []Record
	for n := range 3000 {
		rec := someRecord(n)
		rec.Score = float64(n*7%11) / 10
		rec.Timestamp = fmt.Sprintf("2026-04-%02dT09:30:00Z", n*13%28+1)
		batch = append(batch, rec)
	}
	if _, err := l.SaveBatch(ctx, batch); err != nil {
		t.Fatal(err)
	}
	for _, order := range []query.Order{query.LogOrder, query.Newest, query.Oldest, query.Best} {
		for _, f := range []Filter{{Order: order}, {Order: order, Limit: 2500}, {Order: order, Limit: 2500, Client: "hre"}, {Order: order, Run: "r"}} {
			var want bytes.Buffer
			if _, err := l.Export(ctx, &want, f, true); err != nil {
				t.Fatal(err)
			}
			notes = nil
			var got bytes.Buffer
			n, err := query.WriteJSONL(&got, damaging(t, filepath.Join(dir, "experiments.sqlite"), l.Rows(ctx, f)), true)
			if err != nil || !bytes.Equal(got.Bytes(), want.Bytes()) {
				t.Errorf("%+v: %d rows, %v; equal: %v", f, n, err, bytes.Equal(got.Bytes(), want.Bytes()))
			}
			if _, err := l.Rebuild(ctx); err != nil { // what was not read is damaged still
				t.Fatal(err)
			}
			if order == query.LogOrder && len(notes) != 1 { // the others are sorted before the first row
				t.Errorf("%+v: the test damaged nothing that is read: %q", f, notes)
			}
		}
	}
}

// damaging passes rows on, and damages all later pages of a view behind the hundredth.
func damaging(t *testing.T, path string, rows iter.Seq2[event.Row, error]) iter.Seq2[event.Row, error] {
	return func(yield func(event.Row, error) bool) {
		n := 0
		for row, err := range rows {
			if n++; n == 100 {
				spoilPages(t, path)
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// spoilPages changes a byte in every page of a view but the first.
func spoilPages(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	for at := int64(32<<10) + 1000; at < info.Size(); at += 32 << 10 {
		if _, err := f.ReadAt(b, at); err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt([]byte{^b[0]}, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil { // it drops the locks that SQLite has in this process: nobody writes here
		t.Fatal(err)
	}
}

func TestAnInvalidFilterIsNamed(t *testing.T) {
	l := open(t, t.TempDir())
	if _, err := l.Save(ctx, someRecord(1)); err != nil {
		t.Fatal(err)
	}
	nan := math.NaN()
	for name, f := range map[string]Filter{
		"order": {Order: "bogus"}, "limit": {Limit: -1}, "minimum": {MinScore: &nan}, "maximum": {MaxScore: &nan},
	} {
		for call, use := range map[string]func() error{
			"Count":  func() error { _, err := l.Count(ctx, f); return err },
			"Export": func() error { _, err := l.Export(ctx, new(bytes.Buffer), f, false); return err },
			"Query": func() error {
				for _, err := range l.Query(ctx, f) {
					return err
				}
				return nil
			},
			"Stats": func() error { _, err := l.Stats(ctx, f); return err },
		} {
			if err := use(); !errors.Is(err, ErrFilter) && (call != "Stats" || f.MinScore != nil || f.MaxScore != nil) {
				t.Errorf("%s with a bad %s: %v", call, name, err)
			}
		}
	}
	low, high := 0.1, 0.9
	if n, err := l.Count(ctx, Filter{MinScore: &high, MaxScore: &low}); err != nil || n != 0 {
		t.Errorf("an empty range of scores: %d, %v", n, err)
	}
}

func TestAppendRefusesAFactThatCannotBeReadAgain(t *testing.T) {
	l := open(t, t.TempDir())
	good := benchmarkFacts(t)[0]
	underAnother, unreadable, unknown := good, good, good
	underAnother.ID, unreadable.Data, unknown.Type = uuid.New(), []byte("{"), 9999
	for name, f := range map[string]event.Fact{"under another key": underAnother, "unreadable": unreadable, "of an unknown type": unknown} {
		if err := l.Append(ctx, good, f); !errors.Is(err, ErrInvalidFact) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := l.Info(ctx); !errors.Is(err, ErrNoStore) {
		t.Errorf("something was appended: %v", err)
	}
	if err := l.Append(ctx, good); err != nil {
		t.Error(err)
	}
}
