package projector

import (
	"context"
	"database/sql"
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

	"github.com/explog/explog/event"
	"github.com/explog/explog/eventlog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ctx = context.Background()

// store is a log with its view of experiments. At the end of a test both must
// verify.
func newStore(t *testing.T) (*eventlog.Log, *Projector) {
	t.Helper()
	return storeIn(t, t.TempDir())
}

func storeIn(t *testing.T, dir string) (*eventlog.Log, *Projector) {
	log := eventlog.New(dir, eventlog.Options{LockTimeout: 10 * time.Second})
	p := New(log, Experiments(), dir, 10*time.Second)
	t.Cleanup(func() {
		if t.Failed() {
			return
		}
		if _, err := p.CatchUp(ctx); err != nil {
			t.Error(err)
			return
		}
		verifyClean(t, p)
	})
	return log, p
}

func verifyClean(t *testing.T, p *Projector) {
	t.Helper()
	if found, err := p.Verify(ctx); err != nil || len(found) > 0 {
		t.Errorf("verify: %v, %q", err, found)
	}
}

// savedEvent is the n-th record; unusual in every field now and then.
func savedEvent(t interface{ Fatal(...any) }, n int) eventlog.Event {
	line := fmt.Sprintf(`{"client_id":"c%d","run_id":"r%d","problem":"p %d \u0000 \u2028 😀 'q' \"","solution":%q,"score":%s,`+
		`"timestamp":"2026-04-%02dT09:30:00.%d+02:00","account_snapshot":{"cost":86.30000000000001,"n":1234567890123456789%d},"sources_used":["gtm","s%d"]%s}`,
		n%3, n%7, n, strings.Repeat("step ", n%40), []string{"0.5", "1.10", "1.0", "-3", "0.1234567890123456789", "1e-3"}[n%6],
		n%28+1, n, n%10, n%5, []string{"", `,"attempt":1.50`}[n%2])
	d, err := event.ParseDraft([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	saved, err := d.Complete(event.Defaults{NewID: func(content func() uuid.UUID) uuid.UUID { return content() }})
	if err != nil {
		t.Fatal(err)
	}
	return toEvent(saved.Fact())
}

func rejectEvent(t interface{ Fatal(...any) }, n int) eventlog.Event {
	f, err := event.Rejected{
		Faults: []event.Fault{{Reason: event.ReasonNotUTF8, Field: "problem", Problem: "bytes that are not UTF-8"}},
		Source: "runs.jsonl", Line: int64(n), Offset: int64(n * 100), Raw: fmt.Appendf(nil, "{\xff\x00 %d", n),
	}.Fact()
	if err != nil {
		t.Fatal(err)
	}
	return toEvent(f)
}

// runEvents are the start of a program and, for two of three, its end.
func runEvents(t interface{ Fatal(...any) }, n int) []eventlog.Event {
	at := time.Date(2026, 4, 7, 9, 30, n%60, 0, time.UTC)
	start := event.RunStarted{
		ID: uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, "run ", n)), RunID: fmt.Sprint("run ", n), Attempt: 1,
		Command: []string{"python", "loop.py", "'q' \"é"}, Host: "h", Dir: "/d", Started: at,
	}
	f, err := start.Fact()
	if err != nil {
		t.Fatal(err)
	}
	events := []eventlog.Event{toEvent(f)}
	if n%3 == 0 {
		return events
	}
	f, err = event.RunEnded{Start: start.ID, Ended: at.Add(time.Second), Outcome: event.RunKilled, ExitCode: -1, Signal: "killed", New: int64(n)}.Fact()
	if err != nil {
		t.Fatal(err)
	}
	return append(events, toEvent(f))
}

func deadEvent(n int) eventlog.Event {
	return eventlog.Event{ID: uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, n)), Type: uint16(event.TypeSaved), Version: 999, Data: []byte("?")}
}

func toEvent(f event.Fact) eventlog.Event {
	return eventlog.Event{ID: f.ID, Type: uint16(f.Type), Version: f.Version, Data: f.Data}
}

func mustAppend(t *testing.T, log *eventlog.Log, events ...eventlog.Event) {
	t.Helper()
	if _, err := log.Append(ctx, eventlog.Batch{Events: events}); err != nil {
		t.Fatal(err)
	}
}

func savedEvents(t *testing.T, from, to int) []eventlog.Event {
	var events []eventlog.Event
	for n := from; n < to; n++ {
		events = append(events, savedEvent(t, n))
	}
	return events
}

func mustCatchUp(t *testing.T, p *Projector) Status {
	t.Helper()
	status, err := p.CatchUp(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return status
}

// dump reads every row of every table of a view.
func dump(t interface{ Fatal(...any) }, p *Projector) string {
	db, err := OpenReader(ctx, p.Path(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var out strings.Builder
	for _, table := range append([]string{"explog_view"}, p.view.Tables...) {
		dumpTable(t, db.DB, table, &out)
	}
	return out.String()
}

func dumpTable(t interface{ Fatal(...any) }, db *sql.DB, table string, out *strings.Builder) {
	rows, err := db.Query("SELECT rowid, * FROM " + table + " ORDER BY rowid")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for {
		row, err := nextRow(rows)
		if err != nil {
			t.Fatal(err)
		}
		if row == nil {
			return
		}
		fmt.Fprintf(out, "%s %q\n", table, row)
	}
}

func query(t *testing.T, p *Projector, q string, dest ...any) {
	t.Helper()
	db, err := OpenReader(ctx, p.Path(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(q).Scan(dest...); err != nil {
		t.Fatal(err)
	}
}

func TestRowsAreWhatTheEventsSay(t *testing.T) {
	log, p := newStore(t)
	mustAppend(t, log, savedEvent(t, 1), rejectEvent(t, 2), deadEvent(3), savedEvent(t, 2))
	if s := mustCatchUp(t, p); s.Checkpoint != 4 || s.Head != 4 || s.Rebuilt != Missing {
		t.Errorf("status %+v", s)
	}
	var problem, timestamp, snapshot, sources, spelling, extra string
	query(t, p, "SELECT score_text FROM experiments WHERE seq = 4", &spelling)
	var score float64
	var instant int64
	query(t, p, "SELECT problem, timestamp, account_snapshot, sources_used, extra, score, instant FROM experiments WHERE seq = 1",
		&problem, &timestamp, &snapshot, &sources, &extra, &score, &instant)
	if problem != "p 1 \x00 \u2028 😀 'q' \"" || timestamp != "2026-04-02T09:30:00.1+02:00" || sources != `["gtm","s1"]` ||
		snapshot != `{"cost":86.30000000000001,"n":12345678901234567891}` || score != 1 || spelling != "1.0" || extra != `{"attempt":1.50}` ||
		instant != time.Date(2026, 4, 2, 7, 30, 0, 100_000_000, time.UTC).UnixMicro() {
		t.Errorf("row %q %q %q %q %q %q %v %v", problem, timestamp, snapshot, sources, spelling, extra, score, instant)
	}
	var raw []byte
	var reason string
	query(t, p, "SELECT raw, reason FROM rejects", &raw, &reason)
	if string(raw) != "{\xff\x00 2" || reason != "not_utf8" {
		t.Errorf("reject %q %q", raw, reason)
	}
	var seq int
	query(t, p, "SELECT seq, reason FROM dead_events", &seq, &reason)
	if seq != 3 || !strings.Contains(reason, "version 999") {
		t.Errorf("dead event %d %q", seq, reason)
	}
}

func TestIncrementalViewEqualsRebuiltView(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds hundreds of views; run without -short")
	}
	rapid.Check(t, func(rt *rapid.T) {
		incrementalEqualsRebuilt(rt, Experiments(), func() []eventlog.Event {
			n := rapid.IntRange(0, 500).Draw(rt, "n")
			switch rapid.IntRange(0, 9).Draw(rt, "kind") {
			case 0:
				return []eventlog.Event{rejectEvent(rt, n)}
			case 1:
				return []eventlog.Event{deadEvent(n)}
			case 2:
				return runEvents(rt, n)
			}
			return []eventlog.Event{savedEvent(rt, n)}
		})
	})
}

// incrementalEqualsRebuilt appends events that draw makes up, catching up now and
// then, and compares the view with one that is built anew.
func incrementalEqualsRebuilt(rt *rapid.T, view View, draw func() []eventlog.Event) {
	dir, err := os.MkdirTemp("", "projector")
	if err != nil {
		rt.Fatal(err)
	}
	defer os.RemoveAll(dir)
	log := eventlog.New(dir, eventlog.Options{})
	p := New(log, view, dir, time.Second)
	for range rapid.IntRange(1, 10).Draw(rt, "steps") {
		var events []eventlog.Event
		for range rapid.SampledFrom([]int{1, 3, 25, 300}).Draw(rt, "size") {
			events = append(events, draw()...)
		}
		if _, err := log.Append(ctx, eventlog.Batch{Events: events}); err != nil {
			rt.Fatal(err)
		}
		if rapid.Bool().Draw(rt, "catch up") {
			if _, err := p.CatchUp(ctx); err != nil {
				rt.Fatal(err)
			}
		}
	}
	if _, err := p.CatchUp(ctx); err != nil {
		rt.Fatal(err)
	}
	incremental := dump(rt, p)
	if found, err := p.Verify(ctx); err != nil || len(found) > 0 {
		rt.Fatal(err, found)
	}
	if _, err := p.Rebuild(ctx); err != nil {
		rt.Fatal(err)
	}
	if rebuilt := dump(rt, p); rebuilt != incremental {
		rt.Fatalf("incremental\n%s\nrebuilt\n%s", incremental, rebuilt)
	}
	if err := removeView(p.Path()); err != nil {
		rt.Fatal(err)
	}
	if _, err := p.CatchUp(ctx); err != nil {
		rt.Fatal(err)
	}
	if afresh := dump(rt, p); afresh != incremental {
		rt.Fatalf("incremental\n%s\nafresh\n%s", incremental, afresh)
	}
}

func TestAnUnfitViewIsBuiltAnew(t *testing.T) {
	for why, spoil := range map[string]func(t *testing.T, p *Projector){
		"is missing": func(t *testing.T, p *Projector) { must(t, removeView(p.Path())) },
		"is damaged": func(t *testing.T, p *Projector) {
			must(t, removeView(p.Path()))
			must(t, os.WriteFile(p.Path(), []byte(strings.Repeat("no database ", 1000)), 0o644))
		},
		"was made by another version of explog": func(t *testing.T, p *Projector) {
			write(t, p, "UPDATE explog_view SET version = 0")
		},
		"belongs to another log": func(t *testing.T, p *Projector) {
			write(t, p, "UPDATE explog_view SET log_id = 'x'")
		},
		"is ahead of the log": func(t *testing.T, p *Projector) {
			write(t, p, "UPDATE explog_view SET checkpoint = 1000")
		},
		"does not match the log": func(t *testing.T, p *Projector) {
			write(t, p, "UPDATE explog_view SET checkpoint_hash = 'x'")
		},
	} {
		for _, behind := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, behind %v", why, behind), func(t *testing.T) {
				log, p := newStore(t)
				mustAppend(t, log, savedEvents(t, 0, 50)...)
				mustCatchUp(t, p)
				spoil(t, p)
				if behind {
					mustAppend(t, log, savedEvents(t, 50, 60)...)
				}
				if s := mustCatchUp(t, p); s.Rebuilt != why || s.Behind() != 0 {
					t.Errorf("status %+v", s)
				}
				verifyClean(t, p)
			})
		}
	}
}

func TestAViewWithoutItsTablesOrEmptyIsBuiltAnew(t *testing.T) {
	log, p := newStore(t)
	mustAppend(t, log, savedEvents(t, 0, 50)...)
	mustCatchUp(t, p)
	write(t, p, "DROP TABLE explog_view")
	if s := mustCatchUp(t, p); s.Rebuilt != "is damaged" {
		t.Errorf("status %+v", s)
	}
	must(t, removeView(p.Path()))
	must(t, os.WriteFile(p.Path(), nil, 0o644))
	if s := mustCatchUp(t, p); s.Rebuilt != "is damaged" {
		t.Errorf("status %+v", s)
	}
}

func TestVerifyFindsAWrongRow(t *testing.T) {
	for _, change := range []string{
		"UPDATE experiments SET score = 0.25 WHERE seq = 7",
		"DELETE FROM experiments WHERE seq = 50",
		"DELETE FROM experiments WHERE seq = 3",
		"INSERT INTO dead_events VALUES (99, 1, 1, 'x')",
		"UPDATE experiments SET extra = '' WHERE extra IS NULL",
	} {
		log, p := newStore(t)
		mustAppend(t, log, savedEvents(t, 0, 50)...)
		mustCatchUp(t, p)
		write(t, p, change)
		if found, err := p.Verify(ctx); err != nil || len(found) != 1 {
			t.Errorf("%s: %q, %v", change, found, err)
		}
		if _, err := p.Rebuild(ctx); err != nil {
			t.Error(err)
		}
	}
}

func TestReadersSeeTheOldRowsOrTheNew(t *testing.T) {
	log, p := newStore(t)
	mustAppend(t, log, savedEvents(t, 0, 400)...)
	mustCatchUp(t, p)
	reader, err := OpenReader(ctx, p.Path(), time.Second)
	must(t, err)
	defer reader.Close()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			var rows, last int
			if err := reader.QueryRow("SELECT count(*), max(seq) FROM experiments").Scan(&rows, &last); err != nil || rows != last || rows < 400 {
				t.Errorf("a reader sees %d rows up to %d: %v", rows, last, err)
				return
			}
		}
	})
	for n := range 12 {
		mustAppend(t, log, savedEvent(t, 1000+n))
		if n%2 == 0 {
			_, err := p.Rebuild(ctx)
			must(t, err)
		} else {
			mustCatchUp(t, p)
		}
	}
	close(stop)
	wg.Wait()
}

func TestManyProjectorsAtOnce(t *testing.T) {
	dir := t.TempDir()
	log, _ := storeIn(t, dir)
	mustAppend(t, log, savedEvent(t, 0))
	var wg sync.WaitGroup
	for g := range 6 {
		wg.Go(func() {
			p := New(eventlog.New(dir, eventlog.Options{}), Experiments(), dir, 10*time.Second)
			for n := range 8 {
				mustAppend(t, log, savedEvents(t, 100*g+10*n, 100*g+10*n+10)...)
				if _, err := p.CatchUp(ctx); err != nil {
					t.Error(err)
				}
				if n%4 == g%4 {
					if _, err := p.Rebuild(ctx); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestAHeldViewIsReadAsItIs(t *testing.T) {
	dir := t.TempDir()
	log, _ := storeIn(t, dir)
	p := New(log, Experiments(), dir, 20*time.Millisecond)
	mustAppend(t, log, savedEvent(t, 0))
	mustCatchUp(t, p)
	mustAppend(t, log, savedEvent(t, 1))
	unlock, err := p.begun().lock(ctx)
	must(t, err)
	if s := mustCatchUp(t, p); s.Behind() != 1 || s.Held == "" {
		t.Errorf("status %+v", s)
	}
	must(t, removeView(p.Path()))
	if s, err := p.CatchUp(ctx); err == nil {
		t.Errorf("without a view: %+v", s)
	}
	unlock()
}

func TestAReaderWithoutAViewWaitsForTheOneThatMakesIt(t *testing.T) {
	log, p := newStore(t)
	p.patience = time.Millisecond
	mustAppend(t, log, savedEvent(t, 0))
	unlock, err := p.begun().lock(ctx)
	must(t, err)
	time.AfterFunc(100*time.Millisecond, unlock)
	if s := mustCatchUp(t, p); s.Checkpoint != 1 || s.Held != "" {
		t.Errorf("status %+v", s)
	}
}

func TestLeftoversOfAKilledRebuildAreRemoved(t *testing.T) {
	log, p := newStore(t)
	mustAppend(t, log, savedEvent(t, 0))
	must(t, os.WriteFile(p.Path()+".new-1", []byte("half"), 0o644))
	mustCatchUp(t, p)
	left, err := filepath.Glob(p.Path() + ".new-*")
	must(t, err)
	if len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

func TestALargeLagIsLoadedAfresh(t *testing.T) {
	if !farBehind(0, 20_000) || !farBehind(5_000, 20_000) || farBehind(15_000, 20_000) || farBehind(0, 500) {
		t.Error("farBehind draws its line elsewhere")
	}
}

func write(t *testing.T, p *Projector, statement string) {
	t.Helper()
	db, err := openWriter(p.Path(), time.Second)
	must(t, err)
	_, err = db.Exec(statement)
	must(t, err)
	must(t, db.Close())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// nextRow reads a row with each value as text and its type; nil: no more.
func nextRow(rows *sql.Rows) ([]string, error) {
	if !rows.Next() {
		return nil, rows.Err()
	}
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	values := make([]any, len(columns))
	pointers := make([]any, len(columns))
	for i := range values {
		pointers[i] = &values[i]
	}
	if err := rows.Scan(pointers...); err != nil {
		return nil, err
	}
	texts := make([]string, len(columns))
	for i, v := range values {
		texts[i] = fmt.Sprintf("%v", v)
		if i > 0 {
			texts[i] = fmt.Sprintf("%T %v", v, v)
		}
	}
	return texts, nil
}
