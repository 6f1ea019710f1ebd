package eventlog

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// sameEvents compares what two logs, or one log at two times, hold.
func sameEvents(t *testing.T, got, want []Event) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d events, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i].Seq != want[i].Seq || got[i].ID != want[i].ID || got[i].Hash != want[i].Hash ||
			!got[i].RecordedAt.Equal(want[i].RecordedAt) || string(got[i].Data) != string(want[i].Data) {
			t.Fatalf("event %d differs: %+v, want %+v", i+1, got[i], want[i])
		}
	}
}

func TestCompactPacksAndChangesNothingElse(t *testing.T) {
	l := newLog(t)
	for n := range 700 {
		mustAppend(t, l, eventOf(n))
	}
	mustAppend(t, l, eventsOf(700, 1500)...)
	for n := range 300 {
		mustAppend(t, l, eventOf(1500+n))
	}
	before := readAll(t, l, 1)
	report, err := l.Compact(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(l.Path())
	if err != nil || report.Events != 1800 || report.After != info.Size() || report.After*2 > report.Before || report.Blocks > 12 {
		t.Errorf("%+v, the file has %d bytes, %v", report, info.Size(), err)
	}
	sameEvents(t, readAll(t, l, 1), before)
	verifyClean(t, l)
	if results := mustAppend(t, l, eventsOf(1790, 1810)...); results[0].Fate != Dropped || results[10].Seq != 1801 {
		t.Errorf("after it: %+v", results)
	}
	again, err := l.Compact(context.Background())
	if err != nil || again.Events != 1810 {
		t.Errorf("again: %+v, %v", again, err)
	}
	if left, _ := filepath.Glob(l.Path() + ".new-*"); left != nil {
		t.Errorf("it leaves %v", left)
	}
}

func TestReadersGoOnOverACompaction(t *testing.T) {
	l := newLog(t)
	for n := range 40 {
		big := eventOf(n)
		big.Data = []byte(strings.Repeat(idOf(n).String(), 8000)) // many chunks
		mustAppend(t, l, big)
		mustAppend(t, l, eventOf(1000+n))
	}
	want := readAll(t, l, 1)
	var got []Event
	for ev, err := range l.Events(context.Background(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, ev); ev.Seq == 3 || ev.Seq == 50 {
			if _, err := l.Compact(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
	sameEvents(t, got, want)
}

// A seal that is older than a compaction names an event in the middle of a block.
func TestASealFromBeforeACompactionIsMended(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, eventsOf(0, 10)...)
	lock := filepath.Join(filepath.Dir(l.Path()), LockFileName)
	old, err := os.ReadFile(lock)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 20 {
		mustAppend(t, l, eventOf(100+n))
	}
	if _, err := l.Compact(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(lock, old, 0o644); err != nil {
		t.Fatal(err)
	}
	if head, err := l.Head(context.Background()); err != nil || head.Seq != 30 {
		t.Errorf("head %d, %v", head.Seq, err)
	}
}

func TestWritersGoOnDuringACompaction(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, eventsOf(0, 3000)...)
	stop, stopped := make(chan struct{}), make(chan int)
	go func() {
		n := 3000
		for ; ; n++ {
			select {
			case <-stop:
				stopped <- n
				return
			default:
			}
			if _, err := l.Append(context.Background(), Batch{Events: []Event{eventOf(n)}}); err != nil {
				t.Error(err)
			}
		}
	}()
	for range 5 {
		if _, err := l.Compact(context.Background()); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	n := <-stopped
	if got := readAll(t, l, 1); len(got) != n || n == 3000 {
		t.Errorf("%d events, %d were appended", len(got), n)
	}
}

func TestTwoCompactionsAtOnce(t *testing.T) {
	l := newLog(t)
	for n := range 300 {
		mustAppend(t, l, eventOf(n))
	}
	want := readAll(t, l, 1)
	errs := make(chan error)
	for range 3 {
		go func() { _, err := l.Compact(context.Background()); errs <- err }()
	}
	if err := errors.Join(<-errs, <-errs, <-errs); err != nil {
		t.Error(err)
	}
	sameEvents(t, readAll(t, l, 1), want)
}

func TestBackupIsTheLog(t *testing.T) {
	l := newLog(t)
	for n := range 30 {
		mustAppend(t, l, eventOf(n))
	}
	mustAppend(t, l, eventsOf(30, 600)...)
	path := filepath.Join(t.TempDir(), "backup.db")
	head, err := l.Backup(context.Background(), path)
	if err != nil || head.Seq != 600 {
		t.Fatalf("%+v, %v", head, err)
	}
	restored := newLog(t)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(restored.Path(), b, 0o644); err != nil {
		t.Fatal(err)
	}
	sameEvents(t, readAll(t, restored, 1), readAll(t, l, 1))
	mustAppend(t, restored, eventOf(600))
}

// A log that was restored from a backup and went on is another history.
func TestBackupKeepsAnotherHistory(t *testing.T) {
	ctx := context.Background()
	l, restored := newLog(t), newLog(t)
	mustAppend(t, l, eventsOf(0, 10)...)
	path := filepath.Join(t.TempDir(), "backup.db")
	if _, err := l.Backup(ctx, path); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(restored.Path(), b, 0o644); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, restored, eventsOf(100, 105)...)
	if _, err := restored.Backup(ctx, path); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, eventsOf(200, 220)...)
	if _, err := l.Backup(ctx, path); !errors.Is(err, ErrNotABackup) {
		t.Errorf("the other history is overwritten: %v", err)
	}
}

func TestACompactedLogHasItsRightsAndItsLink(t *testing.T) {
	ctx := context.Background()
	l := newLog(t)
	mustAppend(t, l, eventsOf(0, 10)...)
	elsewhere := filepath.Join(t.TempDir(), "big.db")
	if err := errors.Join(os.Rename(l.Path(), elsewhere), os.Symlink(elsewhere, l.Path()), os.Chmod(elsewhere, 0o600)); err != nil {
		t.Fatal(err)
	}
	root := os.Getuid() == 0
	if root {
		if err := os.Chown(elsewhere, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	link, err := os.Readlink(l.Path())
	info, statErr := os.Stat(l.Path())
	if err != nil || statErr != nil || link != elsewhere || info.Mode().Perm() != 0o600 || root && info.Sys().(*syscall.Stat_t).Uid != 65534 {
		t.Errorf("link %q, %v; %v, %v", link, err, info, statErr)
	}
	backup := filepath.Join(t.TempDir(), "backup.db")
	if _, err := l.Backup(ctx, backup); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(backup); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup: %v, %v", info, err)
	}
}

func TestWhatAKilledCopyLeftIsRemoved(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, eventOf(1))
	backup := filepath.Join(t.TempDir(), "backup.db")
	for _, path := range []string{l.Path(), backup} {
		left, err := freshName(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(left, []byte("half"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	keep := backup + ".new-year"
	if err := os.WriteFile(keep, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(second(l.Compact(context.Background())), second(l.Backup(context.Background(), backup))); err != nil {
		t.Fatal(err)
	}
	left, _ := filepath.Glob(l.Path() + ".new-*")
	more, _ := filepath.Glob(backup + ".new-*")
	if left != nil || len(more) != 1 || more[0] != keep {
		t.Errorf("left: %v, %v", left, more)
	}
}

// Behind damage no hash tells which of two blocks was committed: that is said.
func TestSalvageDoubtsWhatTheChainDoesNotProve(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, eventsOf(0, 100)...)
	at := position{100, readAll(t, l, 100)[0].Hash}
	mustAppend(t, l, eventsOf(100, 103)...)
	damagedAt := position{103, readAll(t, l, 103)[0].Hash}
	mustAppend(t, l, eventsOf(103, 120)...)
	mustAppend(t, l, eventsOf(120, 130)...)
	stale, _ := encodeBlock(at, eventsOf(500, 510))
	hit, _ := encodeBlock(damagedAt, readAll(t, l, 104)[:17])
	c := damagedCopy(t, l, func(b []byte) []byte {
		for {
			i := bytes.Index(b, hit[blockHeader:])
			if i < 0 {
				return append(append(b, seqKey(101)...), stale...)
			}
			b[i+20]++
		}
	})
	s, err := c.Salvage(context.Background(), newLog(t))
	if err != nil || len(s.Doubtful) == 0 || s.Doubtful[0].From > 101 || s.Doubtful[0].To < 103 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestASalvageThatFailsCanBeRepeated(t *testing.T) {
	l := someLog(t)
	to := New(t.TempDir(), Options{})
	inTheWay := filepath.Join(to.dir, IndexFileName, "x")
	if err := os.MkdirAll(inTheWay, 0o755); err != nil {
		t.Fatal(err)
	}
	if s, err := l.Salvage(context.Background(), to); err == nil {
		t.Fatalf("%+v", s)
	}
	if err := os.RemoveAll(filepath.Dir(inTheWay)); err != nil {
		t.Fatal(err)
	}
	if s, err := l.Salvage(context.Background(), to); err != nil || s.Events != s.End {
		t.Errorf("again: %+v, %v", s, err)
	}
}

func TestBackupReplacesOnlyAnOlderBackup(t *testing.T) {
	ctx := context.Background()
	l, other := newLog(t), newLog(t)
	mustAppend(t, l, eventOf(1))
	mustAppend(t, other, eventsOf(1, 5)...)
	dir := t.TempDir()
	path := filepath.Join(dir, "backup.db")
	if _, err := l.Backup(ctx, path); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, eventOf(2))
	if head, err := l.Backup(ctx, path); err != nil || head.Seq != 2 {
		t.Errorf("a second backup: %+v, %v", head, err)
	}
	text := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(text, []byte("notes"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]error{
		"another log's": second(other.Backup(ctx, path)),
		"a text":        second(l.Backup(ctx, text)),
		"the log":       second(l.Backup(ctx, l.Path())),
	} {
		if !errors.Is(bad, ErrNotABackup) {
			t.Errorf("%s: %v", name, bad)
		}
	}
	if b, _ := os.ReadFile(text); string(b) != "notes" {
		t.Errorf("the text is now %q", b)
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(left) != 2 {
		t.Errorf("it leaves %v", left)
	}
}

func second[T any](_ T, err error) error { return err }

func TestSalvageOfAWholeLogIsAllOfIt(t *testing.T) {
	l, to := someLog(t), newLog(t)
	s, err := l.Salvage(context.Background(), to)
	if err != nil || s.Events != 901 || s.End != 901 || s.Missing != nil || s.Doubtful != nil {
		t.Errorf("%+v, %v", s, err)
	}
	got, want := readAll(t, to, 1), readAll(t, l, 1)
	for i := range want {
		if got[i].ID != want[i].ID || !got[i].RecordedAt.Equal(want[i].RecordedAt) || string(got[i].Data) != string(want[i].Data) {
			t.Fatalf("event %d differs", i+1)
		}
	}
	if _, err := l.Salvage(context.Background(), to); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("into a log: %v", err)
	}
}

// Whatever one flip does to a log, salvage gives everything but the events of the
// block that it hit, and says which these are.
func TestSalvageAfterAnyFlip(t *testing.T) {
	l := someLog(t)
	want := readAll(t, l, 1)
	info, err := os.Stat(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	step := int(info.Size())/60 + 13
	if testing.Short() {
		step *= 6
	}
	offsets := []int{8, 70, 100, os.Getpagesize() + 8, os.Getpagesize() + 70}
	for at := 2 * os.Getpagesize(); at < int(info.Size()); at += step {
		offsets = append(offsets, at)
	}
	for _, at := range offsets {
		c := damagedCopy(t, l, flip(at, 3))
		checkSalvage(t, c, want, 256)
	}
}

func TestSalvageAfterCuts(t *testing.T) {
	l := someLog(t)
	want := readAll(t, l, 1)
	info, err := os.Stat(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	for part := range 8 {
		c := damagedCopy(t, l, func(b []byte) []byte { return b[:int(info.Size())*part/8] })
		checkSalvage(t, c, want, len(want))
	}
}

// checkSalvage salvages a damaged log and compares with the truth: at most so many
// events are missing, and these are the ones that the report names.
func checkSalvage(t *testing.T, c *Log, want []Event, most int) {
	t.Helper()
	to := New(t.TempDir(), Options{LockTimeout: 10 * time.Second})
	s, err := c.Salvage(context.Background(), to)
	if errors.Is(err, ErrNothing) && most == len(want) {
		if exists, err := to.Exists(); exists || err != nil {
			t.Errorf("a salvage of nothing leaves a log: %v, %v", exists, err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	missing := func(seq uint64) bool {
		return slices.ContainsFunc(s.Missing, func(r Range) bool { return seq >= r.From && seq <= r.To })
	}
	var got []Event
	if s.Events > 0 {
		got = readAll(t, to, 1)
		verifyClean(t, to)
	}
	n := 0
	for _, ev := range want {
		if missing(ev.Seq) {
			most--
			continue
		}
		if n >= len(got) || got[n].ID != ev.ID || string(got[n].Data) != string(ev.Data) {
			t.Fatalf("event %d is neither there nor named as missing: %+v", ev.Seq, s)
		}
		n++
	}
	if n != len(got) || most < 0 {
		t.Fatalf("%d events of %d, %+v", len(got), len(want), s)
	}
}

func TestSalvageWithoutASeal(t *testing.T) {
	l := someLog(t)
	want := readAll(t, l, 1)
	c := damagedCopy(t, l, func(b []byte) []byte { // neither meta page can be read
		b[20]++
		b[os.Getpagesize()+20]++
		return b
	})
	if err := os.Remove(filepath.Join(c.dir, LockFileName)); err != nil {
		t.Fatal(err)
	}
	to := newLog(t)
	s, err := c.Salvage(context.Background(), to)
	if err != nil || s.End != 0 || s.Missing != nil || int(s.Events) != len(want) {
		t.Errorf("%+v, %v", s, err)
	}
}

// A process that dies in a commit leaves blocks behind that were never part of the
// log; the next one gives their numbers to other events.
func TestSalvagePrefersWhatWasCommitted(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, eventsOf(0, 5)...)
	at := position{5, readAll(t, l, 5)[0].Hash}
	mustAppend(t, l, eventOf(5))
	mustAppend(t, l, eventOf(6))
	want := readAll(t, l, 1)
	stale, _ := encodeBlock(at, eventsOf(100, 103))
	f, err := os.OpenFile(l.Path(), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(append(seqKey(6), stale...)); err != nil {
		t.Fatal(err)
	}
	checkSalvage(t, l, want, 0)
}
