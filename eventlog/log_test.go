package eventlog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newLog returns a log in a fresh folder. At the end of the test it must verify.
func newLog(t *testing.T) *Log {
	t.Helper()
	l := New(t.TempDir(), Options{LockTimeout: 10 * time.Second})
	t.Cleanup(func() {
		if exists, _ := l.Exists(); exists && !t.Failed() {
			verifyClean(t, l)
		}
	})
	return l
}

func verifyClean(t *testing.T, l *Log) {
	t.Helper()
	report, err := l.Verify(context.Background(), func(Event) error { return nil })
	if err != nil || len(report.Faults) > 0 {
		t.Errorf("verify: %v, faults %v", err, report.Faults)
	}
}

func TestPagesOfLargeAndSmallLogsAreFound(t *testing.T) {
	l := newLog(t)
	for n := range 60 {
		mustAppend(t, l, eventsOf(n*400, n*400+400)...)
	}
	big := eventOf(-1)
	big.Data = make([]byte, 3<<20)
	mustAppend(t, l, big)
	verifyClean(t, l)
}

func idOf(n int) uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceOID, fmt.Appendf(nil, "event %d", n))
}

func eventOf(n int) Event {
	return Event{ID: idOf(n), Type: 1, Version: 2, Data: fmt.Appendf(nil, "what happened, the %d. time %s", n, strings.Repeat("x", max(n, 0)%700))}
}

func eventsOf(from, to int) []Event {
	var events []Event
	for n := from; n < to; n++ {
		events = append(events, eventOf(n))
	}
	return events
}

func mustAppend(t *testing.T, l *Log, events ...Event) []Result {
	t.Helper()
	results, err := l.Append(context.Background(), Batch{Events: events})
	if err != nil {
		t.Fatal(err)
	}
	return results
}

func readAll(t *testing.T, l *Log, from uint64) []Event {
	t.Helper()
	var events []Event
	for ev, err := range l.Events(context.Background(), from) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, ev)
	}
	return events
}

func TestEventsComeBackInOrderAndWhole(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, eventsOf(0, 1)...)
	mustAppend(t, l, eventsOf(1, 700)...)
	mustAppend(t, l, eventsOf(700, 703)...)
	for _, from := range []uint64{0, 1, 2, 257, 258, 700, 703, 704, 9999} {
		want := max(from, 1)
		for _, ev := range readAll(t, l, from) {
			expect := eventOf(int(want - 1))
			if ev.Seq != want || ev.ID != expect.ID || string(ev.Data) != string(expect.Data) || ev.Type != 1 || ev.Version != 2 {
				t.Fatalf("from %d: got event %d %v, want %d", from, ev.Seq, ev.ID, want)
			}
			want++
		}
		if want != max(704, from) {
			t.Errorf("from %d: stopped at %d", from, want)
		}
	}
	head, err := l.Head(context.Background())
	if err != nil || head.Seq != 703 || head.Hash != readAll(t, l, 703)[0].Hash {
		t.Errorf("head %d %x, %v", head.Seq, head.Hash, err)
	}
	ev, ok, err := l.Get(context.Background(), idOf(300))
	if err != nil || !ok || ev.Seq != 301 || string(ev.Data) != string(eventOf(300).Data) || ev.Hash != readAll(t, l, 301)[0].Hash {
		t.Errorf("Get: %v %v %v", ev.Seq, ok, err)
	}
	if _, ok, err := l.Get(context.Background(), idOf(9999)); ok || err != nil {
		t.Errorf("Get of what is not there: %v %v", ok, err)
	}
}

func TestChainDoesNotDependOnBlocks(t *testing.T) {
	var id uuid.UUID
	now := time.Date(2026, 4, 7, 9, 30, 0, 0, time.UTC)
	events := eventsOf(0, 300)
	for i := range events {
		events[i].RecordedAt = now
	}
	_, one := encodeBlock(genesis(id), events[:256])
	_, one = encodeBlock(one, events[256:])
	other := genesis(id)
	for i := range events {
		_, other = encodeBlock(other, events[i:i+1])
	}
	if one != other {
		t.Error("the hash depends on how events are packed")
	}
}

func TestReadingMakesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	l := New(dir, Options{})
	ctx := context.Background()
	if _, err := l.Head(ctx); !errors.Is(err, ErrNoLog) {
		t.Errorf("Head: %v", err)
	}
	if _, _, err := l.Get(ctx, idOf(1)); !errors.Is(err, ErrNoLog) {
		t.Errorf("Get: %v", err)
	}
	for _, err := range l.Events(ctx, 1) {
		if !errors.Is(err, ErrNoLog) {
			t.Errorf("Events: %v", err)
		}
	}
	if _, err := l.Verify(ctx, nil); !errors.Is(err, ErrNoLog) {
		t.Errorf("Verify: %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is there: %v", err)
	}
}

func TestAUUIDIsAppendedOnce(t *testing.T) {
	l := newLog(t)
	first := mustAppend(t, l, eventOf(1), eventOf(2), eventOf(1))
	if want := []Result{{Appended, 1}, {Appended, 2}, {Dropped, 1}}; fmt.Sprint(first) != fmt.Sprint(want) {
		t.Errorf("first %v, want %v", first, want)
	}
	changed := eventOf(2)
	changed.Data = []byte("something else")
	second := mustAppend(t, l, changed, eventOf(3))
	if want := []Result{{Dropped, 2}, {Appended, 3}}; fmt.Sprint(second) != fmt.Sprint(want) {
		t.Errorf("second %v, want %v", second, want)
	}
	before, err := os.ReadFile(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, eventOf(1), eventOf(3))
	after, err := os.ReadFile(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	if string(before) != string(after) {
		t.Error("appending only duplicates wrote to the log")
	}
	if head, err := l.Head(context.Background()); err != nil || head.TurnedAway != 4 {
		t.Errorf("turned away %d, %v; want 4", head.TurnedAway, err)
	}
	if events := readAll(t, l, 1); len(events) != 3 || string(events[1].Data) != string(eventOf(2).Data) {
		t.Errorf("the log has %d events", len(events))
	}
}

// changed is an event with the UUID of another one and other data.
func changed(n int) Event {
	ev := eventOf(n)
	ev.Data = append(ev.Data, '!')
	return ev
}

func TestAnEventThatIsThereAsItIsOfferedIsDropped(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, eventOf(1))
	results, err := l.Append(context.Background(), Batch{Events: []Event{eventOf(1), changed(1)}, Taken: func(i int, _ Event) (*Event, error) {
		if i == 0 {
			t.Error("asked about an event that is the same")
		}
		return nil, nil
	}})
	if err != nil || results[0] != (Result{Dropped, 1}) {
		t.Errorf("%v, %v", results, err)
	}
}

func TestTakenDecidesWhatTakesAnEventsPlace(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, eventsOf(0, 300)...)
	taken := func(i int, stored Event) (*Event, error) {
		if string(stored.Data) != string(eventOf(int(stored.Seq-1)).Data) {
			t.Errorf("stored event %d comes with other data", stored.Seq)
		}
		if i == 0 {
			return nil, nil
		}
		ev := eventOf(1000)
		return &ev, nil
	}
	for round, want := range [][]Result{
		{{Dropped, 8}, {Replaced, 301}, {Appended, 302}, {Known, 301}},
		{{Dropped, 8}, {Known, 301}, {Known, 301}, {Known, 301}},
	} {
		offered := []Event{changed(7), changed(9), eventOf(500), changed(11)}
		if round == 1 {
			offered[2] = changed(500)
		}
		got, err := l.Append(context.Background(), Batch{Events: offered, Taken: func(i int, s Event) (*Event, error) {
			if s.Seq > 300 {
				ev := eventOf(1000)
				return &ev, nil
			}
			return taken(i, s)
		}})
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("round %d: %v %v, want %v", round, got, err, want)
		}
	}
}

func TestAFailedBatchLeavesNothing(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, eventOf(1))
	stop := errors.New("stop")
	_, err := l.Append(context.Background(), Batch{
		Events: []Event{eventOf(2), changed(1), eventOf(3)},
		Taken:  func(int, Event) (*Event, error) { return nil, stop },
	})
	if !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
	big := Event{ID: idOf(5), Data: make([]byte, MaxData+1)}
	if _, err := l.Append(context.Background(), Batch{Events: []Event{eventOf(4), big}}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	if got := len(readAll(t, l, 1)); got != 1 {
		t.Errorf("the log has %d events", got)
	}
}

func TestAppendsOfManyGoroutinesAreOnceEach(t *testing.T) {
	l := newLog(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	fates := map[Fate]int{}
	for g := range 32 {
		wg.Go(func() {
			for n := range 20 {
				res, err := l.Append(context.Background(), Batch{Events: []Event{eventOf(g/2*20 + n)}})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				fates[res[0].Fate]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if fates[Appended] != 320 || fates[Dropped] != 320 {
		t.Errorf("fates %v", fates)
	}
	if got := len(readAll(t, l, 1)); got != 320 {
		t.Errorf("the log has %d events", got)
	}
}

func TestReadersAndWritersTakeTurns(t *testing.T) {
	l := newLog(t)
	other := New(filepath.Dir(l.Path()), Options{LockTimeout: 10 * time.Second})
	mustAppend(t, l, eventOf(0))
	var wg sync.WaitGroup
	for w, log := range []*Log{l, other} {
		wg.Go(func() {
			for n := range 50 {
				mustAppend(t, log, eventsOf(w*1000+n*10, w*1000+n*10+10)...)
			}
		})
		wg.Go(func() {
			for range 20 {
				seq := uint64(0)
				for ev, err := range log.Events(context.Background(), 1) {
					if err != nil || ev.Seq != seq+1 {
						t.Errorf("event %d after %d: %v", ev.Seq, seq, err)
						return
					}
					seq = ev.Seq
				}
			}
		})
	}
	wg.Wait()
	if got := len(readAll(t, l, 1)); got != 1000 {
		t.Errorf("the log has %d events", got)
	}
}

func TestWaitingForTheLeaseEnds(t *testing.T) {
	dir := t.TempDir()
	l := New(dir, Options{LockTimeout: 50 * time.Millisecond})
	mustAppend(t, l, eventOf(0))
	h, err := l.acquire(context.Background(), false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(context.Background(), Batch{Events: []Event{eventOf(1)}}); !errors.Is(err, ErrLocked) {
		t.Errorf("append against a held lease: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if _, err := New(dir, Options{}).Head(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("head with a deadline: %v", err)
	}
	h.release()
	time.Sleep(20 * time.Millisecond) // the abandoned waiters get the lease and give it back
	mustAppend(t, l, eventOf(1))
	verifyClean(t, l)
}

func TestAnyMixOfAppendsReadsBackTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp("", "eventlog")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		l := New(dir, Options{})
		var want []uuid.UUID
		have := map[uuid.UUID]bool{}
		for range rapid.IntRange(1, 12).Draw(rt, "appends") {
			var events []Event
			for range rapid.SampledFrom([]int{1, 2, 30, 300}).Draw(rt, "size") {
				ev := eventOf(rapid.IntRange(0, 800).Draw(rt, "event"))
				events = append(events, ev)
				if !have[ev.ID] {
					have[ev.ID] = true
					want = append(want, ev.ID)
				}
			}
			if _, err := l.Append(context.Background(), Batch{Events: events}); err != nil {
				rt.Fatal(err)
			}
		}
		seq := 0
		for ev, err := range l.Events(context.Background(), 1) {
			if err != nil {
				rt.Fatal(err)
			}
			if ev.ID != want[seq] {
				rt.Fatalf("event %d is %v, want %v", ev.Seq, ev.ID, want[seq])
			}
			seq++
		}
		if seq != len(want) {
			rt.Fatalf("%d events, want %d", seq, len(want))
		}
		if r, err := l.Verify(context.Background(), func(Event) error { return nil }); err != nil || len(r.Faults) > 0 {
			rt.Fatal(err, r.Faults)
		}
	})
}
