package explog

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ctx = context.Background()

// open returns a logger in a fresh folder. At the end of the test its store must
// verify.
func open(t *testing.T, dir string) *Logger {
	t.Helper()
	l, err := Open(dir, Options{Now: func() time.Time { return time.Date(2026, 4, 7, 9, 30, 0, 0, time.UTC) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := os.Stat(filepath.Join(dir, "events.db")); err != nil || t.Failed() {
			return
		}
		if r, err := l.Verify(ctx); err != nil || !r.Clean() {
			t.Errorf("verify: %v, %+v", err, r)
		}
	})
	return l
}

func someRecord(n int) Record {
	return Record{
		ID: uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, n)).String(), ClientID: "hre", RunID: "r",
		Problem: fmt.Sprintf("problem %d", n), Solution: "solution", Score: 0.5, Timestamp: "2026-04-07T09:30:00Z",
	}
}

func TestSaveReportsWhatBecameOfARecord(t *testing.T) {
	l := open(t, t.TempDir())
	res, err := l.Save(ctx, someRecord(1))
	if err != nil || res.Status != New || res.ID != someRecord(1).ID {
		t.Errorf("new: %+v %v", res, err)
	}
	if res, err = l.Save(ctx, someRecord(1)); err != nil || res.Status != Duplicate {
		t.Errorf("again: %+v %v", res, err)
	}
	other := someRecord(1)
	other.Solution = "another"
	if res, err = l.Save(ctx, other); !errors.Is(err, ErrConflict) || res.Status != Conflicting || res.Faults[0].Field != "solution" {
		t.Errorf("other content: %+v %v", res, err)
	}
	var invalid *InvalidError
	if res, err = l.Save(ctx, Record{Score: 0.5}); !errors.As(err, &invalid) || len(invalid.Faults) != 2 || res.Status != Rejected {
		t.Errorf("without client and run: %+v %v", res, err)
	}
	nan := someRecord(2)
	nan.Score = math.NaN()
	if _, err = l.Save(ctx, nan); !errors.As(err, &invalid) {
		t.Errorf("NaN: %v", err)
	}
	high := someRecord(3)
	high.Score = 1.25
	if res, err = l.Save(ctx, high); err != nil || res.Clamped == nil || res.Clamped.Given != "1.25" || res.Clamped.Kept != 1 {
		t.Errorf("clamped: %+v %v", res, err)
	}
	bare := someRecord(4)
	bare.ID, bare.Timestamp = "", ""
	if res, err = l.Save(ctx, bare); err != nil || uuid.MustParse(res.ID).Version() != 4 {
		t.Errorf("without id: %+v %v", res, err)
	}
	if n, err := l.Count(ctx, Filter{}); err != nil || n != 3 {
		t.Errorf("%d records, %v", n, err)
	}
	reasons := map[string]int{}
	for rej, err := range l.Rejects(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		reasons[string(rej.Reason())]++
	}
	if fmt.Sprint(reasons) != "map[conflict:1 invalid_value:1]" {
		t.Errorf("rejects %v", reasons)
	}
}

func TestSaveBatchIsAllOrNothing(t *testing.T) {
	l := open(t, t.TempDir())
	bad := someRecord(2)
	bad.Timestamp = "yesterday"
	_, err := l.SaveBatch(ctx, []Record{someRecord(1), bad, someRecord(3)})
	var invalid *InvalidError
	if !errors.As(err, &invalid) || !strings.Contains(err.Error(), "record 2 of 3") {
		t.Errorf("a bad record in a batch: %v", err)
	}
	if _, err := l.Count(ctx, Filter{}); !errors.Is(err, ErrNoStore) {
		t.Errorf("after it: %v", err)
	}
	other := someRecord(1)
	other.Solution = "another"
	results, err := l.SaveBatch(ctx, []Record{someRecord(1), someRecord(1), other, someRecord(3)})
	var fates []string
	for _, r := range results {
		fates = append(fates, r.Status.String())
	}
	if err != nil || !slices.Equal(fates, []string{"new", "duplicate", "conflicting", "new"}) {
		t.Errorf("%v %v", fates, err)
	}
	if results, err := l.SaveBatch(ctx, nil); err != nil || len(results) != 0 {
		t.Errorf("an empty batch: %v %v", results, err)
	}
}

func TestSavesOfManyGoroutines(t *testing.T) {
	dir := t.TempDir()
	a, b := open(t, dir), open(t, dir)
	var wg sync.WaitGroup
	for g := range 16 {
		l := []*Logger{a, b}[g%2]
		wg.Go(func() {
			for n := range 20 {
				if _, err := l.Save(ctx, someRecord(g/4*20+n)); err != nil {
					t.Error(err)
				}
				if n%10 == 5 {
					if _, err := l.Count(ctx, Filter{}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if n, err := a.Count(ctx, Filter{}); err != nil || n != 80 {
		t.Errorf("%d records, %v", n, err)
	}
}

func TestADamagedViewIsMendedWhileItIsRead(t *testing.T) {
	dir := t.TempDir()
	var notes []string
	l, err := Open(dir, Options{Note: func(s string) { notes = append(notes, s) }})
	if err != nil {
		t.Fatal(err)
	}
	var batch []Record
	for n := range 2000 {
		batch = append(batch, someRecord(n))
	}
	if _, err := l.SaveBatch(ctx, batch); err != nil {
		t.Fatal(err)
	}
	if err := l.CatchUp(ctx); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "experiments.sqlite")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 16 << 10; at < len(b); at += 4096 { // all but the first pages
		copy(b[at:], "damaged damaged ")
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	n, err := l.Export(ctx, &out, Filter{}, false)
	if err != nil || n != 2000 || len(notes) == 0 {
		t.Errorf("%d records, %v, notes %q", n, err, notes)
	}
}

// TestAFlippedBitIsMendedWhileItIsRead: SQLite alone would hand out another text,
// and another count.
func TestAFlippedBitIsMendedWhileItIsRead(t *testing.T) {
	for where, read := range map[string]func(*Logger) (string, error){
		"problem 7solution": func(l *Logger) (string, error) { // in a row
			var out bytes.Buffer
			_, err := l.Export(ctx, &out, Filter{}, false)
			return out.String(), err
		},
		"hrer": func(l *Logger) (string, error) { // in the index of clients and runs
			n, err := l.Count(ctx, Filter{Client: "hre", Run: "r"})
			return fmt.Sprint(n), err
		},
	} {
		l := open(t, t.TempDir())
		var notes []string
		l.opts.Note = func(s string) { notes = append(notes, s) }
		var batch []Record
		for n := range 100 {
			batch = append(batch, someRecord(n))
		}
		if _, err := l.SaveBatch(ctx, batch); err != nil {
			t.Fatal(err)
		}
		want, err := read(l)
		if err != nil {
			t.Fatal(err)
		}
		flipLast(t, l.view.Path(), where)
		notes = nil
		if got, err := read(l); err != nil || got != want {
			t.Errorf("%s: %v, got %s, want %s", where, err, got, want)
		}
		if len(notes) != 1 || !strings.Contains(notes[0], "is damaged: building it anew from the log") {
			t.Errorf("%s: notes %q", where, notes)
		}
	}
}

func TestInfoSaysThatAViewIsDamaged(t *testing.T) {
	l := open(t, t.TempDir())
	if _, err := l.Save(ctx, someRecord(1)); err != nil {
		t.Fatal(err)
	}
	if err := l.CatchUp(ctx); err != nil {
		t.Fatal(err)
	}
	for _, where := range []string{"problem 1solution", "hrer", someRecord(1).ID} { // whichever it counts by
		flipLast(t, l.view.Path(), where)
	}
	info, err := l.Info(ctx)
	if err != nil || info.ViewFault != "is damaged" || info.Head != 1 {
		t.Errorf("%+v, %v", info, err)
	}
	if _, err := l.Rebuild(ctx); err != nil {
		t.Fatal(err)
	}
}

// flipLast flips a bit in the last place where a file has a text.
func flipLast(t *testing.T, path, text string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.LastIndex(b, []byte(text))
	if at < 0 {
		t.Fatalf("%q is not in %s", text, path)
	}
	b[at] ^= 1
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestIdenticalRecordsWithoutIDsAreToldApart(t *testing.T) {
	l := open(t, t.TempDir())
	line := `{"problem":"p","solution":"s","score":0.5}` + "\n"
	o := ImportOptions{Client: "c", Source: "a.jsonl"}
	for round, want := range []ImportReport{{Read: 3, New: 3}, {Read: 3, Duplicate: 3}} {
		if r, err := l.Import(ctx, strings.NewReader(strings.Repeat(line, 3)), o); err != nil || r != want {
			t.Errorf("round %d: %+v %v", round, r, err)
		}
	}
	if r, err := l.Import(ctx, strings.NewReader(strings.Repeat(line, 5)), o); err != nil || r.New != 2 || r.Duplicate != 3 {
		t.Errorf("two more: %+v %v", r, err)
	}
}

func TestOrdinalsInAFileCountAsInMemory(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		memory, file := newOrdinals(), newOrdinals()
		file.limit = rapid.IntRange(1, 40).Draw(rt, "limit")
		defer file.close()
		for range rapid.IntRange(1, 2000).Draw(rt, "n") {
			key := uuid.NewSHA1(uuid.NameSpaceOID, []byte{byte(rapid.IntRange(0, 255).Draw(rt, "key"))})
			if a, b := memory.next(key), file.next(key); a != b || file.err != nil {
				rt.Fatalf("%d in memory, %d with a file: %v", a, b, file.err)
			}
		}
	})
}

// TestImportIsANoOpTheSecondTime holds any mix of good, bad and doubled records
// to: the second import adds nothing, and an export of the first, imported into an
// empty store, exports the same bytes.
func TestImportIsANoOpTheSecondTime(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp("", "explog")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		var in strings.Builder
		in.WriteString(`{"problem":"first","solution":"s","score":1}` + "\n")
		for range rapid.IntRange(0, 40).Draw(rt, "lines") {
			n := rapid.IntRange(0, 20).Draw(rt, "n")
			switch rapid.IntRange(0, 5).Draw(rt, "kind") {
			case 0:
				fmt.Fprintf(&in, "broken %d\n", n)
			case 1:
				fmt.Fprintf(&in, `{"id":"7d9f3c1e-0f4b-4a65-9d5e-%012x","problem":"p","solution":"s","score":0.%d}`+"\n", n, rapid.IntRange(1, 2).Draw(rt, "score"))
			case 2:
				fmt.Fprintf(&in, `{"problem":"p %d","solution":"s","score":%d,"x":[%d]}`+"\n", n, n-10, n)
			default:
				fmt.Fprintf(&in, `{"problem":"p %d","solution":"s","score":0.5,"sources_used":["a"]}`+"\n", n)
			}
		}
		a, err := Open(filepath.Join(dir, "a"), Options{})
		if err != nil {
			rt.Fatal(err)
		}
		o := ImportOptions{Client: "c", Source: "f.jsonl"}
		dry := o
		dry.DryRun = true
		foreseen, err := a.Import(ctx, strings.NewReader(in.String()), dry)
		if err != nil {
			rt.Fatal(err)
		}
		first, err := a.Import(ctx, strings.NewReader(in.String()), o)
		if err != nil || first != foreseen {
			rt.Fatalf("%+v %v, foreseen %+v", first, err, foreseen)
		}
		second, err := a.Import(ctx, strings.NewReader(in.String()), o)
		if err != nil || second.New != 0 || second.Conflicting != first.Conflicting || second.Rejected != first.Rejected || second.Duplicate != first.New+first.Duplicate {
			rt.Fatalf("first %+v, second %+v %v", first, second, err)
		}
		export := exportOf(rt, a)
		b, err := Open(filepath.Join(dir, "b"), Options{})
		if err != nil {
			rt.Fatal(err)
		}
		if r, err := b.Import(ctx, strings.NewReader(export), ImportOptions{Strict: true}); err != nil || r.New != first.New {
			rt.Fatalf("%+v %v", r, err)
		}
		if again := exportOf(rt, b); again != export {
			rt.Fatalf("exported\n%s\nthen\n%s", export, again)
		}
		if r, err := a.Import(ctx, strings.NewReader(export), ImportOptions{}); err != nil || r.Duplicate != r.Read {
			rt.Fatalf("the export imported again: %+v %v", r, err)
		}
	})
}

func exportOf(t *rapid.T, l *Logger) string {
	var out bytes.Buffer
	if _, err := l.Export(ctx, &out, Filter{}, false); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestAnInterruptedImportSaysWhatIsSaved(t *testing.T) {
	l := open(t, t.TempDir())
	var in strings.Builder
	for n := range 3 * batchRecords {
		fmt.Fprintf(&in, `{"problem":"p %d","solution":"s","score":0.5}`+"\n", n)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r, err := l.Import(ctx, strings.NewReader(in.String()), ImportOptions{Client: "c", OnBatch: func(int, ImportReport) { cancel() }})
	if !errors.Is(err, context.Canceled) || r.New < batchRecords || r.New == 3*batchRecords {
		t.Errorf("%+v %v", r, err)
	}
	if n, err := l.Count(context.Background(), Filter{}); err != nil || n != r.New {
		t.Errorf("%d records, %v, but %d were reported", n, err, r.New)
	}
}

func TestFoldersWithOddNames(t *testing.T) {
	for _, name := range []string{"a b", "50%", "what?", "#1", "ü", "a&b=c", `quote"s'`, "%41"} {
		dir := filepath.Join(t.TempDir(), name, "data")
		l := open(t, dir)
		if _, err := l.Save(ctx, someRecord(1)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n, err := l.Count(ctx, Filter{}); err != nil || n != 1 {
			t.Errorf("%s: %d, %v", name, n, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "experiments.sqlite")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestACutPackedInputKeepsWhatIsSound(t *testing.T) {
	l := open(t, t.TempDir())
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	for n := range 3 {
		fmt.Fprintf(z, `{"problem":"p %d","solution":"s","score":0.5}`+"\n", n)
	}
	z.Close()
	cut := packed.Bytes()[:packed.Len()-6]
	r, err := l.Import(ctx, bytes.NewReader(cut), ImportOptions{Client: "c"})
	if err == nil || !strings.Contains(err.Error(), "unpack gzip") || r.New != 3 {
		t.Errorf("%+v %v", r, err)
	}
}

func TestARecordOverTheLimitIsKeptAsItsBeginning(t *testing.T) {
	l := open(t, t.TempDir())
	big := someRecord(1)
	big.Solution = strings.Repeat("x", 17<<20)
	var invalid *InvalidError
	if res, err := l.Save(ctx, big); !errors.As(err, &invalid) || res.Status != Rejected || res.Faults[0].Reason != "too_large" {
		t.Errorf("%v %v", res.Status, err)
	}
	if _, err := l.SaveBatch(ctx, []Record{someRecord(2), big}); !errors.As(err, &invalid) {
		t.Errorf("in a batch: %v", err)
	}
	for rej, err := range l.Rejects(ctx) {
		if err != nil || len(rej.Raw) != 1<<20 || rej.Length < 17<<20 || rej.SHA256 == "" {
			t.Errorf("%d bytes of %d, %v", len(rej.Raw), rej.Length, err)
		}
	}
}

func TestCatchUpMemoryDoesNotGrowWithTheRecords(t *testing.T) {
	if testing.Short() {
		t.Skip("long: it needs 100 MB of records")
	}
	l := open(t, t.TempDir())
	if _, err := l.Save(ctx, someRecord(0)); err != nil {
		t.Fatal(err)
	}
	if err := l.CatchUp(ctx); err != nil {
		t.Fatal(err)
	}
	for n := range 100 {
		r := someRecord(n)
		r.ID, r.Solution = "", strings.Repeat(fmt.Sprint(n), 1<<19)
		if _, err := l.Save(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := l.CatchUp(ctx); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 64<<20 {
		t.Errorf("the heap grew by %d MB", grown>>20)
	}
}

// A damaged view is replaced, and for a moment there is none: a reader that comes
// just then waits.
func TestAViewThatGoesWhileItIsOpenedIsWaitedFor(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	if _, err := l.Save(ctx, someRecord(1)); err != nil {
		t.Fatal(err)
	}
	gone := false
	l.opts.Note = func(string) { // the view was made, and is not read yet
		gone = os.Remove(l.view.Path()) == nil
	}
	if n, err := l.Count(ctx, Filter{}); err != nil || n != 1 || !gone {
		t.Errorf("%d, %v, gone %v", n, err, gone)
	}
}
