package eventlog

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// damagedCopy returns a copy of a log in which change was made to events.db.
func damagedCopy(t *testing.T, l *Log, change func([]byte) []byte) *Log {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{FileName, LockFileName} {
		b, err := os.ReadFile(filepath.Join(filepath.Dir(l.Path()), name))
		if err != nil {
			t.Fatal(err)
		}
		if name == FileName {
			b = change(b)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return New(dir, Options{LockTimeout: time.Second})
}

// someLog has single saves and batches, and free pages.
func someLog(t *testing.T) *Log {
	l := newLog(t)
	for n := range 40 {
		mustAppend(t, l, eventOf(n))
	}
	mustAppend(t, l, eventsOf(40, 900)...)
	mustAppend(t, l, eventOf(900))
	return l
}

// outcome reads everything and compares it with the truth: nil is right data.
func outcome(l *Log, truth []Event) (err error, wrong bool) {
	n := 0
	for ev, err := range l.Events(context.Background(), 1) {
		if err != nil {
			return err, false
		}
		if n >= len(truth) || ev.ID != truth[n].ID || string(ev.Data) != string(truth[n].Data) {
			return nil, true
		}
		n++
	}
	return nil, n != len(truth)
}

func flip(offset, bit int) func([]byte) []byte {
	return func(b []byte) []byte {
		b[offset] ^= 1 << bit
		return b
	}
}

func TestEveryBitOfTheMetaPages(t *testing.T) {
	l := someLog(t)
	truth := readAll(t, l, 1)
	named := 0
	step := 1
	if testing.Short() {
		step = 7
	}
	for page := range 2 {
		for bit := 0; bit < 8*metaPrefix; bit += step {
			offset := page*os.Getpagesize() + bit/8
			c := damagedCopy(t, l, flip(offset, bit%8))
			err, wrong := outcome(c, truth)
			if wrong {
				t.Fatalf("byte %d, bit %d: wrong data in silence", offset, bit%8)
			}
			if err != nil {
				if named++; !errors.Is(err, ErrDamaged) {
					t.Fatalf("byte %d, bit %d: %v", offset, bit%8, err)
				}
				continue
			}
			mustAppend(t, c, eventsOf(2000, 2030)...)
			for _, ev := range readAll(t, c, 1)[:len(truth)] {
				if ev.ID != truth[ev.Seq-1].ID {
					t.Fatalf("byte %d, bit %d: event %d is lost after more appends", offset, bit%8, ev.Seq)
				}
			}
			verifyClean(t, c)
		}
	}
	if named < 8*metaPrefix/step {
		t.Errorf("%d flips were named, want all of the newest meta page", named)
	}
}

func TestFlippedFreelistIsNamed(t *testing.T) {
	l := someLog(t)
	f, err := os.Open(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	im, _, err := readImage(f)
	if err != nil {
		t.Fatal(err)
	}
	for bit := 0; bit < 8*200; bit += 3 {
		c := damagedCopy(t, l, flip(int(im.freelist)*int(im.pageSize)+bit/8, bit%8))
		if _, err := c.Append(context.Background(), Batch{Events: eventsOf(2000, 2001)}); !errors.Is(err, ErrDamaged) {
			t.Fatalf("bit %d: append gives %v", bit, err)
		}
	}
}

func TestRandomFlipsAreNeverSilent(t *testing.T) {
	l := someLog(t)
	truth := readAll(t, l, 1)
	info, err := os.Stat(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	rounds := 400
	if testing.Short() {
		rounds = 60
	}
	r := rand.New(rand.NewPCG(1, 2))
	named := 0
	for range rounds {
		offset, bit := int(r.Int64N(info.Size())), r.IntN(8)
		c := damagedCopy(t, l, flip(offset, bit))
		err, wrong := outcome(c, truth)
		if wrong {
			t.Fatalf("byte %d, bit %d: wrong data in silence", offset, bit)
		}
		if err != nil {
			if named++; !errors.Is(err, ErrDamaged) {
				t.Fatalf("byte %d, bit %d: %v", offset, bit, err)
			}
			report, err := c.Verify(context.Background(), func(Event) error { return nil })
			if err == nil && len(report.Faults) == 0 {
				t.Fatalf("byte %d, bit %d: reading fails, verify finds nothing", offset, bit)
			}
		}
	}
	t.Logf("%d of %d flips were named, the others met bytes that no reader uses", named, rounds)
}

func TestWrongLengthsInAPageAreNamed(t *testing.T) {
	l := someLog(t)
	info, err := os.Stat(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	page := os.Getpagesize()
	named := 0
	for start := 2 * page; start+page <= int(info.Size()); start += page {
		for _, at := range []int{8, 10, 12, 22, 23, 26, 27, 30, 31} { // flags, count, overflow; first element's position, key and value size
			c := damagedCopy(t, l, flip(start+at, 2))
			report, err := c.Verify(context.Background(), func(Event) error { return nil })
			if err != nil {
				t.Fatalf("byte %d: %v", start+at, err)
			}
			if len(report.Faults) > 0 {
				named++
			}
		}
		if testing.Short() && start > 100*page {
			break
		}
	}
	if named < 10 {
		t.Errorf("only %d were named", named)
	}
}

func TestCutsAreNamed(t *testing.T) {
	l := someLog(t)
	truth := readAll(t, l, 1)
	info, err := os.Stat(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	page := int64(os.Getpagesize())
	for size := int64(0); size < info.Size(); size += page {
		c := damagedCopy(t, l, func(b []byte) []byte { return b[:size] })
		err, wrong := outcome(c, truth)
		if wrong {
			t.Fatalf("cut to %d bytes: wrong data in silence", size)
		}
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut to %d bytes: %v", size, err)
		}
		if size < 4*page && err == nil {
			t.Fatalf("cut to %d bytes: no error", size)
		}
	}
}

func TestALogThatIsGoneIsNotMadeAgain(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, eventOf(1))
	if err := os.Remove(l.Path()); err != nil {
		t.Fatal(err)
	}
	_, err := l.Append(context.Background(), Batch{Events: []Event{eventOf(2)}})
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "gone") {
		t.Errorf("append to a lost log: %v", err)
	}
	if err := os.Remove(filepath.Join(filepath.Dir(l.Path()), LockFileName)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(context.Background(), Batch{Events: []Event{eventOf(2)}}); !errors.Is(err, ErrReplaced) {
		t.Errorf("append to a log that went away while it was in use: %v", err)
	}
	mustAppend(t, New(l.dir, Options{}), eventOf(2))
}

func TestALogFromABackupIsAcceptedByHandOnly(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, eventOf(1))
	old, err := os.ReadFile(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, eventOf(2))
	if err := os.WriteFile(l.Path(), old, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = l.Head(context.Background())
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "verify --accept") {
		t.Fatalf("an older log: %v", err)
	}
	if err := l.Accept(context.Background()); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, eventOf(3))
}

func TestAnotherLogUnderTheSealIsNamed(t *testing.T) {
	l, other := newLog(t), newLog(t)
	mustAppend(t, l, eventOf(1))
	mustAppend(t, other, eventOf(1))
	b, err := os.ReadFile(other.Path())
	if err != nil {
		t.Fatal(err)
	}
	c := damagedCopy(t, l, func([]byte) []byte { return b })
	if _, err := c.Head(context.Background()); !errors.Is(err, ErrDamaged) {
		t.Errorf("another log: %v", err)
	}
}

func TestASealLeftBehindIsMended(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, eventsOf(0, 10)...)
	lock := filepath.Join(filepath.Dir(l.Path()), LockFileName)
	old, err := os.ReadFile(lock)
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, eventOf(20))
	mustAppend(t, l, eventOf(21))
	for name, content := range map[string][]byte{"old": old, "none": nil, "torn": []byte("explogS1 torn" + strings.Repeat("x", 200))} {
		if err := os.WriteFile(lock, content, 0o644); err != nil {
			t.Fatal(err)
		}
		if head, err := l.Head(context.Background()); err != nil || head.Seq != 12 {
			t.Errorf("%s seal: head %d, %v", name, head.Seq, err)
		}
		s, err := readSeal(lock)
		if err != nil || s == nil || s.head.seq != 12 {
			t.Errorf("%s seal: afterwards %+v, %v", name, s, err)
		}
	}
}

func TestFilesThatAreNoLog(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"text":  func(p string) error { return os.WriteFile(p, []byte("id,score\n1,0.5\n"), 0o644) },
		"empty": func(p string) error { return os.WriteFile(p, nil, 0o644) },
		"zeros": func(p string) error { return os.WriteFile(p, bytes.Repeat([]byte{0}, 1<<16), 0o644) },
		"bbolt of another program": func(p string) error {
			db, err := bolt.Open(p, 0o644, nil)
			if err != nil {
				return err
			}
			return db.Close()
		},
	} {
		l := New(t.TempDir(), Options{})
		if err := make(l.Path()); err != nil {
			t.Fatal(err)
		}
		before, _ := os.ReadFile(l.Path())
		if _, err := l.Head(context.Background()); !errors.Is(err, ErrNotALog) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := l.Append(context.Background(), Batch{Events: []Event{eventOf(1)}}); !errors.Is(err, ErrNotALog) {
			t.Errorf("%s: append gives %v", name, err)
		}
		if after, _ := os.ReadFile(l.Path()); string(after) != string(before) {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

func FuzzOpenBlock(f *testing.F) {
	value, _ := encodeBlock(genesis(idOf(0)), eventsOf(0, 5))
	f.Add(uint64(1), value)
	f.Add(uint64(7), []byte{})
	f.Fuzz(func(t *testing.T, first uint64, value []byte) {
		if len(value) >= blockHeader { // let the checksum hold, so that what is behind it is met
			le.PutUint32(value[12:], blockCRC(first, value))
		}
		b, err := openBlock(seqKey(first), value)
		if err != nil {
			return
		}
		events, err := b.events()
		if err != nil {
			return
		}
		again, _ := encodeBlock(position{seq: first - 1}, events)
		b, err = openBlock(seqKey(first), again)
		if err != nil {
			t.Fatal(err)
		}
		back, _, err := b.chained(position{seq: first - 1})
		if err != nil || len(back) != len(events) {
			t.Fatalf("%d events, then %d: %v", len(events), len(back), err)
		}
		for i := range back {
			if string(back[i].Data) != string(events[i].Data) || back[i].ID != events[i].ID || !back[i].RecordedAt.Equal(events[i].RecordedAt) {
				t.Fatalf("event %d changed on the way", i)
			}
		}
	})
}
