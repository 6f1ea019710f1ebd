package eventlog

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/uuid"
)

func indexPathOf(l *Log) string { return filepath.Join(filepath.Dir(l.Path()), IndexFileName) }

// found counts the first n events that the log finds by their UUIDs.
func found(t *testing.T, l *Log, n int) int {
	t.Helper()
	hits, err := l.Find(context.Background(), eventsOf(0, n))
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if ev, ok := hits[idOf(i)]; ok && string(ev.Data) != string(eventOf(i).Data) {
			t.Errorf("event %d is found with other data", i)
		}
	}
	return len(hits)
}

func TestTheIndexIsMadeAgainWhenItIsNotTheLogs(t *testing.T) {
	const n = 3000
	other := newLog(t)
	mustAppend(t, other, eventsOf(5000, 6000)...)
	for name, spoil := range map[string]func(path string) error{
		"missing": os.Remove,
		"empty":   func(p string) error { return os.Truncate(p, 0) },
		"cut":     func(p string) error { return os.Truncate(p, 3*indexPageSize) },
		"of another log": func(p string) error {
			b, err := os.ReadFile(indexPathOf(other))
			if err != nil {
				return err
			}
			return os.WriteFile(p, b, 0o644)
		},
		"rubbish": func(p string) error { return os.WriteFile(p, make([]byte, 17*indexPageSize), 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLog(t)
			mustAppend(t, l, eventsOf(0, n)...)
			if err := spoil(indexPathOf(l)); err != nil {
				t.Fatal(err)
			}
			if got := found(t, l, n); got != n {
				t.Errorf("%d of %d are found", got, n)
			}
			results := mustAppend(t, l, eventsOf(n-10, n+10)...)
			for i, r := range results {
				if want := map[bool]Fate{true: Dropped, false: Appended}[i < 10]; r.Fate != want {
					t.Errorf("event %d: fate %v, want %v", n-10+i, r.Fate, want)
				}
			}
		})
	}
}

func TestAnyFlippedBitOfTheIndexIsHarmless(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, eventsOf(0, 600)...)
	path := indexPathOf(l)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	step := 97
	if testing.Short() {
		step = 971
	}
	for at := 0; at < len(whole); at += step {
		b := append([]byte(nil), whole...)
		b[at] ^= 1 << (at % 8)
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		if got := found(t, l, 700); got != 600 {
			t.Fatalf("byte %d: %d of 600 are found", at, got)
		}
	}
}

// A large batch has its pages read at once, and each is checked all the same.
func TestFlippedBitsAreHarmlessToALargeBatch(t *testing.T) {
	for page := 10; page < indexMinPages; page += 9 { // each has entries
		l := newLog(t)
		mustAppend(t, l, eventsOf(0, 600)...)
		path := indexPathOf(l)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b[page*indexPageSize+indexPageHead] ^= 1 // of the first fingerprint
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		for i, r := range mustAppend(t, l, eventsOf(0, 700)...) {
			if want := map[bool]Fate{true: Dropped, false: Appended}[i < 600]; r.Fate != want {
				t.Errorf("page %d, event %d: fate %v, want %v", page, i, r.Fate, want)
			}
		}
		if got := found(t, l, 700); got != 700 {
			t.Errorf("page %d: %d of 700 are found", page, got)
		}
	}
}

func TestAnIndexThatWasLeftBehindCatchesUp(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, eventsOf(0, 300)...)
	old, err := os.ReadFile(indexPathOf(l))
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, eventsOf(300, 700)...)
	if err := os.WriteFile(indexPathOf(l), old, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := found(t, l, 800); got != 700 {
		t.Errorf("%d of 700 are found", got)
	}
}

// TestAKillBetweenPagesAndHeader: the pages have entries that the header does not
// cover yet.
func TestAKillBetweenPagesAndHeader(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, eventsOf(0, 300)...)
	old, err := os.ReadFile(indexPathOf(l))
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, eventsOf(300, 700)...)
	for _, pages := range []int{1, 5, 16} { // the header, and some of the pages, as they were
		index, err := os.ReadFile(indexPathOf(l))
		if err != nil {
			t.Fatal(err)
		}
		copy(index, old[:pages*indexPageSize])
		if err := os.WriteFile(indexPathOf(l), index, 0o644); err != nil {
			t.Fatal(err)
		}
		verifyClean(t, l)
		if got := found(t, l, 800); got != 700 {
			t.Errorf("%d pages old: %d of 700 are found", pages, got)
		}
	}
}

func TestAnIndexAheadOfTheLogIsNotBelieved(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, eventsOf(0, 300)...)
	log, err := os.ReadFile(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, eventsOf(300, 700)...)
	if err := os.WriteFile(l.Path(), log, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := l.Accept(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := found(t, l, 700); got != 300 {
		t.Errorf("%d of 300 are found", got)
	}
	mustAppend(t, l, eventsOf(300, 700)...)
	if got := found(t, l, 700); got != 700 {
		t.Errorf("%d of 700 are found", got)
	}
}

// TestAnyMixOfOldAndNewPages: the disk went away, and kept some of the pages and not
// others. What is missing must be found out, or an event is appended twice.
func TestAnyMixOfOldAndNewPages(t *testing.T) {
	const before, after = 9000, 12000
	l := newLog(t)
	mustAppend(t, l, eventsOf(0, before)...)
	old, err := os.ReadFile(indexPathOf(l))
	if err != nil {
		t.Fatal(err)
	}
	for n := before; n < after; n += 500 {
		mustAppend(t, l, eventsOf(n, n+500)...)
	}
	whole, err := os.ReadFile(indexPathOf(l))
	if err != nil {
		t.Fatal(err)
	}
	if len(old) != len(whole) {
		t.Fatalf("the index grew from %d to %d bytes; the test needs one size", len(old), len(whole))
	}
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 30 {
		mixed := slices.Clone(whole)
		for at := indexPageSize; at < len(mixed); at += indexPageSize { // the header stays
			switch random.IntN(round + 2) {
			case 0:
				copy(mixed[at:at+indexPageSize], old[at:])
			case 1:
				clear(mixed[at : at+indexPageSize])
			}
		}
		if err := os.WriteFile(indexPathOf(l), mixed, 0o644); err != nil {
			t.Fatal(err)
		}
		events := eventsOf(0, after)
		random.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		for i, r := range mustAppend(t, l, events[:1+random.IntN(300)]...) {
			if r.Fate != Dropped {
				t.Fatalf("round %d: event %v is appended twice", round, events[i].ID)
			}
		}
	}
	verifyClean(t, l)
}

func TestAnIndexIsNotRebuiltWithoutNeed(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, eventsOf(0, 300)...)
	first, err := os.Stat(indexPathOf(l))
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, eventsOf(300, 400)...)
	if second, err := os.Stat(indexPathOf(l)); err != nil || !os.SameFile(first, second) {
		t.Errorf("the index is another file: %v", err)
	}
}

func TestTheIndexGrows(t *testing.T) {
	l := newLog(t)
	n := indexMinPages * indexPerPage * 3
	for from := 0; from < n; from += 1000 {
		mustAppend(t, l, eventsOf(from, from+1000)...)
	}
	if got := found(t, l, n+500); got < n {
		t.Errorf("%d of %d are found", got, n)
	}
}

func TestCollidingFingerprintsAreToldApart(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "index"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x := newIndex(f, uuid.UUID{}, indexMinPages)
	if err := x.clear(); err != nil {
		t.Fatal(err)
	}
	var entries []indexEntry
	for seq := range uint64(2 * indexPerPage) { // they fill the last page and go on in the first
		entries = append(entries, indexEntry{^uint64(0), seq + 1})
	}
	for range 2 {
		if err := x.add(entries); err != nil {
			t.Fatal(err)
		}
	}
	var seen int
	err = x.probe(^uint64(0), func(p *indexPage) bool {
		seen += p.count()
		return p.count() < indexPerPage
	})
	if total, countErr := x.entries(); err != nil || countErr != nil || seen != len(entries) || total != uint64(seen) {
		t.Errorf("%d entries, %d in all, %v, %v", seen, total, err, countErr)
	}
}

func TestFingerprintsSpread(t *testing.T) {
	pages := make(map[uint64]int)
	x := &index{pages: 16}
	for n := range 16_000 {
		pages[x.home(fingerprint(uuid.MustParse(fmt.Sprintf("7d9f3c1e-0f4b-4a65-9d5e-%012x", n))))]++
	}
	for page, n := range pages {
		if n < 800 || n > 1200 {
			t.Errorf("page %d has %d of 16000", page, n)
		}
	}
}

// Verify makes a damaged index again, as other commands do, also where only its count
// of the entries reads the damaged page.
func TestVerifyMakesADamagedIndexAgain(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, eventsOf(0, 20)...)
	whole, err := os.ReadFile(indexPathOf(l))
	if err != nil {
		t.Fatal(err)
	}
	for at := indexPageSize / 2; at < len(whole); at += indexPageSize {
		b := slices.Clone(whole)
		b[at] ^= 1
		if err := os.WriteFile(indexPathOf(l), b, 0o644); err != nil {
			t.Fatal(err)
		}
		verifyClean(t, l)
		if b, err := os.ReadFile(indexPathOf(l)); err != nil || !slices.Equal(b, whole) {
			t.Fatalf("page %d: the index was not made again (%v)", at/indexPageSize, err)
		}
	}
}
