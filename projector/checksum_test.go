package projector

import (
	"bytes"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/explog/explog/event"
	"github.com/explog/explog/eventlog"
)

// longEvent is a record whose row needs pages of its own.
func longEvent(t interface{ Fatal(...any) }, n, size int) eventlog.Event {
	d, err := event.ParseDraft(fmt.Appendf(nil, `{"client_id":"c1","run_id":"r","problem":"long %d","solution":%q,"score":1,"timestamp":"2026-01-01T00:00:00Z"}`,
		n, strings.Repeat(fmt.Sprint(n), size)))
	if err != nil {
		t.Fatal(err)
	}
	saved, err := d.Complete(event.Defaults{EmptyCollections: true, NewID: func(content func() uuid.UUID) uuid.UUID { return content() }})
	if err != nil {
		t.Fatal(err)
	}
	return toEvent(saved.Fact())
}

// pageKind names what a page is used for, by its first byte.
func pageKind(page []byte, number int) string {
	if number == 1 {
		return "first"
	}
	kinds := map[byte]string{2: "index, inner", 5: "table, inner", 10: "index, leaf", 13: "table, leaf"}
	if kind := kinds[page[0]]; kind != "" {
		return kind
	}
	return "overflow"
}

// readAll reads a view as queries do: every row, and through each index.
func readAll(path string) (string, error) {
	db, err := OpenReader(ctx, path, time.Second)
	if err != nil {
		return "", err
	}
	defer db.Close()
	var out strings.Builder
	for _, q := range []string{
		"SELECT * FROM explog_view",
		"SELECT * FROM experiments ORDER BY seq",
		"SELECT * FROM rejects ORDER BY seq",
		"SELECT id FROM rejects ORDER BY id",
		"SELECT * FROM clients ORDER BY rowid",
		"SELECT client_id FROM clients ORDER BY client_id",
		"SELECT client_id, instant FROM experiments ORDER BY 1, 2, seq",
		"SELECT * FROM runs ORDER BY seq",
		"SELECT id FROM runs ORDER BY id",
		"SELECT * FROM dead_events ORDER BY seq",
		"SELECT id FROM experiments ORDER BY id",
		"SELECT count(*) FROM experiments WHERE client_id = 'c1'",
		"SELECT client_id, run_id, count(*) FROM experiments GROUP BY 1, 2 ORDER BY 1, 2",
		"SELECT record_id FROM rejects WHERE record_id IS NOT NULL ORDER BY record_id",
	} {
		if err := readQuery(db.DB, q, &out); err != nil {
			return "", err
		}
	}
	return out.String(), nil
}

func readQuery(db *sql.DB, q string, out *strings.Builder) error {
	rows, err := db.Query(q)
	if err != nil {
		return err
	}
	defer rows.Close()
	for {
		row, err := nextRow(rows)
		if row == nil || err != nil {
			return err
		}
		fmt.Fprintf(out, "%q\n", row)
	}
}

// viewFile returns the path of a checkpointed view with rows of every kind, what
// its file holds and what reading it gives.
func viewFile(t *testing.T, records, pageSize int) (path string, file []byte, rows string) {
	t.Helper()
	log, p := newStore(t)
	mustAppend(t, log, savedEvents(t, 0, records)...)
	mustAppend(t, log, runEvents(t, 1)...)
	mustAppend(t, log, longEvent(t, 1, 3*pageSize), rejectEvent(t, 1), deadEvent(1), longEvent(t, 2, pageSize))
	path = filepath.Join(t.TempDir(), "experiments.sqlite")
	_, err := p.build(ctx, path, pageSize, all)
	must(t, err)
	must(t, finish(ctx, path))
	file, err = os.ReadFile(path)
	must(t, err)
	rows, err = readAll(path)
	must(t, err)
	return path, file, rows
}

// spoil writes bytes into a file, in place.
func spoil(t *testing.T, path string, at int, b ...byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt(b, int64(at))
	must(t, err)
	must(t, f.Close())
}

// TestEveryByteOfEachKindOfPage flips one bit of each byte of a page of every kind.
func TestEveryByteOfEachKindOfPage(t *testing.T) {
	path, file, _ := viewFile(t, 40, 512)
	step := 1
	if testing.Short() {
		step = 5
	}
	seen := map[string]bool{}
	for at := 0; at < len(file); at += 512 {
		number := at/512 + 1
		kind := pageKind(file[at:], number)
		if seen[kind] {
			continue
		}
		seen[kind] = true
		for i := at; i < at+512; i += step {
			spoil(t, path, i, file[i]^1<<(i%8))
			if _, err := readAll(path); !isDamage(err) {
				t.Fatalf("page %d (%s), byte %d: %v", number, kind, i-at, err)
			}
			spoil(t, path, i, file[i])
		}
	}
	if len(seen) != 6 {
		t.Errorf("not every kind of page: %v", seen)
	}
}

func TestAFlippedBitIsNeverSilent(t *testing.T) {
	path, file, want := viewFile(t, 600, 4096)
	flips := 600
	if testing.Short() {
		flips = 60
	}
	noticed := 0
	for range flips {
		i, bit := rand.IntN(len(file)), byte(1)<<rand.IntN(8)
		spoil(t, path, i, file[i]^bit)
		rows, err := readAll(path)
		switch {
		case isDamage(err):
			noticed++
		case err != nil:
			t.Fatalf("byte %d ^ %#x of page %d: %v", i%4096, bit, i/4096+1, err)
		case rows != want:
			t.Fatalf("byte %d ^ %#x of page %d (%s): wrong rows in silence", i%4096, bit, i/4096+1, pageKind(file[i/4096*4096:], i/4096+1))
		}
		spoil(t, path, i, file[i])
	}
	if noticed != flips { // every page of the file is read
		t.Errorf("noticed %d of %d", noticed, flips)
	}
}

func TestAPageInAnothersPlaceIsNoticed(t *testing.T) {
	path, file, _ := viewFile(t, 600, 4096)
	for at := 4096; at+8192 <= len(file); at += 8192 {
		must(t, os.WriteFile(path, slices.Concat(file[:at], file[at+4096:at+8192], file[at:at+4096], file[at+8192:]), 0o644))
		if _, err := readAll(path); !isDamage(err) {
			t.Errorf("pages %d and %d: %v", at/4096+1, at/4096+2, err)
		}
	}
}

func TestACutIsNoticed(t *testing.T) {
	path, file, _ := viewFile(t, 200, 4096)
	for at := 0; at < len(file); at += 4096 {
		for _, cut := range []int{at, at + 1, at + 100, at + 2048, at + 4095} {
			must(t, os.WriteFile(path, file[:cut], 0o644))
			if _, err := readAll(path); !isDamage(err) {
				t.Errorf("cut to %d bytes: %v", cut, err)
			}
		}
	}
}

// copyLive copies a view that is open, as a crash would leave it.
func copyLive(t *testing.T, path string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), filepath.Base(path))
	for _, suffix := range []string{"", "-wal", sumsSuffix} {
		b, err := os.ReadFile(path + suffix)
		if suffix == sumsSuffix && errors.Is(err, os.ErrNotExist) {
			continue
		}
		must(t, err)
		must(t, os.WriteFile(to+suffix, b, 0o644))
	}
	return to
}

// crashed returns the path of a view that a crash left with a write-ahead log, and
// its rows.
func crashed(t *testing.T) (path, rows string) {
	log, p := newStore(t)
	mustAppend(t, log, savedEvents(t, 0, 200)...)
	mustCatchUp(t, p)
	reader, err := OpenReader(ctx, p.Path(), time.Second) // keeps the write-ahead log from being removed
	must(t, err)
	defer reader.Close()
	mustAppend(t, log, append(savedEvents(t, 200, 230), longEvent(t, 1, 9000))...)
	mustCatchUp(t, p)
	rows, err = readAll(p.Path())
	must(t, err)
	return copyLive(t, p.Path()), rows
}

func TestAWriteAheadLogLeftByACrashIsRecovered(t *testing.T) {
	path, want := crashed(t)
	if rows, err := readAll(path); err != nil || rows != want {
		t.Errorf("%v, %d bytes of rows, want %d", err, len(rows), len(want))
	}
	db, err := openWriter(path, time.Second)
	must(t, err)
	_, err = db.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
	must(t, err)
	must(t, db.Close())
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the write-ahead log is still there: %v", err)
	}
	if rows, err := readAll(path); err != nil || rows != want {
		t.Errorf("checkpointed: %v, %d bytes of rows, want %d", err, len(rows), len(want))
	}
	allSealed(t, path)
}

func TestACutBesideAWriteAheadLogIsNoticed(t *testing.T) {
	path, want := crashed(t)
	info, err := os.Stat(path)
	must(t, err)
	noticed := 0
	for size := info.Size() - newPageSize; size >= 0; size -= newPageSize {
		must(t, os.Truncate(path, size))
		switch rows, err := readAll(path); {
		case isDamage(err):
			noticed++
		case err != nil:
			t.Errorf("cut to %d bytes: %v", size, err)
		case rows != want:
			t.Errorf("cut to %d bytes: wrong rows in silence", size)
		}
	}
	if noticed == 0 {
		t.Error("no cut was noticed")
	}
}

// allSealed checks every page of a file that nobody has open, without SQLite.
func allSealed(t *testing.T, path string) {
	t.Helper()
	file, err := os.ReadFile(path)
	must(t, err)
	size := int(binary.BigEndian.Uint16(file[16:])) // bytes 16 and 17 of the header say it
	for at := 0; at < len(file); at += size {
		if number := uint32(at/size + 1); !sealed(file[at:at+size], number) {
			t.Errorf("page %d has no checksum", number)
		}
	}
}

// withHoles is a view whose fold deletes as much as it puts in.
func withHoles() View {
	v := Experiments()
	v.Schema += "CREATE TABLE passing(seq INTEGER PRIMARY KEY, text TEXT);"
	v.Fold = func(ev eventlog.Event, emit Emit) error {
		emit(&Statement{SQL: "INSERT INTO passing VALUES (?, ?)"}, ev.Seq, strings.Repeat("x", 3*newPageSize))
		emit(&Statement{SQL: "DELETE FROM passing WHERE seq % 7 <> 0 AND ? % 5 = 0"}, ev.Seq)
		return nil
	}
	v.Tables = []string{"passing"}
	return v
}

func TestPagesThatWereFreedAreNoHoles(t *testing.T) {
	dir := t.TempDir()
	log := eventlog.New(dir, eventlog.Options{})
	p := New(log, withHoles(), dir, 0)
	mustAppend(t, log, savedEvents(t, 0, 500)...)
	for round := range 3 { // made, poured into, caught up
		if round < 2 {
			_, err := p.Rebuild(ctx)
			must(t, err)
		} else {
			mustAppend(t, log, savedEvents(t, 500, 620)...)
			mustCatchUp(t, p)
		}
		var free int
		query(t, p, "PRAGMA freelist_count", &free)
		if free == 0 {
			t.Error("no page is free: the test tests nothing")
		}
		verifyClean(t, p)
		allSealed(t, p.Path())
	}
}

// oldView makes a view as versions before checksums did, and leaves it open.
func oldView(t *testing.T, p *Projector) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+p.Path()+"?_pragma=journal_mode(WAL)")
	must(t, err)
	head, err := p.log.Head(ctx)
	must(t, err)
	_, err = db.Exec(viewSchema + Experiments().Schema + Experiments().Indexes)
	must(t, err)
	_, err = db.Exec("INSERT INTO explog_view VALUES (1, ?, 1, ?, ?)", head.ID.String(), head.Seq, fmt.Sprintf("%x", head.Hash))
	must(t, err)
	for n := range 200 {
		_, err = db.Exec("INSERT INTO dead_events VALUES (?, 1, 1, ?)", n, strings.Repeat("x", 500))
		must(t, err)
	}
	return db
}

func TestAViewFromBeforeChecksumsIsBuiltAnew(t *testing.T) {
	log, p := newStore(t)
	mustAppend(t, log, savedEvents(t, 0, 50)...)
	must(t, oldView(t, p).Close())
	if s, err := p.State(ctx); err != nil || s.Held != otherVersion {
		t.Errorf("status %+v, %v", s, err)
	}
	if found, err := p.Verify(ctx); err != nil || !slices.Equal(found, []string{"it " + otherVersion}) {
		t.Errorf("verify: %q, %v", found, err)
	}
	if s := mustCatchUp(t, p); s.Rebuilt != otherVersion || s.Behind() != 0 {
		t.Errorf("status %+v", s)
	}
	verifyClean(t, p)
	allSealed(t, p.Path())
}

// TestAViewFromBeforeChecksumsWithAWriteAheadLog: what stands in the write-ahead
// log can be read, what stands in the file cannot.
func TestAViewFromBeforeChecksumsWithAWriteAheadLog(t *testing.T) {
	for _, checkpoint := range []string{"", "PRAGMA wal_checkpoint(PASSIVE); UPDATE explog_view SET version = 1"} {
		log, p := newStore(t)
		mustAppend(t, log, savedEvents(t, 0, 50)...)
		db := oldView(t, p)
		_, err := db.Exec(checkpoint)
		must(t, err)
		left := copyLive(t, p.Path())
		must(t, db.Close())
		must(t, removeView(p.Path()))
		must(t, os.Rename(left, p.Path()))
		must(t, os.Rename(left+"-wal", p.Path()+"-wal"))
		if s := mustCatchUp(t, p); s.Rebuilt != otherVersion || s.Behind() != 0 {
			t.Errorf("status %+v", s)
		}
		verifyClean(t, p)
		allSealed(t, p.Path())
	}
}

func TestAFileWithoutRoomForChecksumsIsNotWrittenTo(t *testing.T) {
	log, p := newStore(t)
	mustAppend(t, log, savedEvents(t, 0, 50)...)
	old := oldView(t, p)
	left := copyLive(t, p.Path())
	must(t, old.Close())
	before, err := os.ReadFile(left)
	must(t, err)
	db, err := openWriter(left, time.Second)
	must(t, err)
	if _, err := db.Exec("PRAGMA wal_checkpoint(TRUNCATE)"); !isDamage(err) || damageOf(err) != otherVersion {
		t.Errorf("checkpoint: %v", err)
	}
	must(t, db.Close())
	if after, err := os.ReadFile(left); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed, %v", err)
	}
}

func TestAViewThatAnotherProgramWroteIsDamaged(t *testing.T) {
	log, p := newStore(t)
	mustAppend(t, log, savedEvents(t, 0, 300)...)
	mustCatchUp(t, p)
	db, err := sql.Open("sqlite", "file:"+p.Path())
	must(t, err)
	_, err = db.Exec("UPDATE experiments SET solution = 'better' WHERE seq = 100")
	must(t, err)
	must(t, db.Close())
	if _, err := readAll(p.Path()); !isDamage(err) {
		t.Errorf("%v", err)
	}
	_, err = p.Rebuild(ctx)
	must(t, err)
}

func TestARebuildMendsEveryPage(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the view for each of its pages; run without -short")
	}
	log, p := newStore(t)
	mustAppend(t, log, savedEvents(t, 0, 300)...)
	mustCatchUp(t, p)
	file, err := os.ReadFile(p.Path())
	must(t, err)
	want, err := readAll(p.Path())
	must(t, err)
	for at := 0; at < len(file); at += newPageSize {
		file, err := os.ReadFile(p.Path())
		must(t, err)
		i := min(at, len(file)-newPageSize) + 1000
		spoil(t, p.Path(), i, file[i]^1)
		_, err = p.Rebuild(ctx)
		must(t, err)
		if rows, err := readAll(p.Path()); err != nil || rows != want {
			t.Errorf("page %d: %v", at/newPageSize+1, err)
		}
	}
}

func TestVerifyNamesPagesThatFail(t *testing.T) {
	log, p := newStore(t)
	mustAppend(t, log, savedEvents(t, 0, 300)...)
	mustCatchUp(t, p)
	file, err := os.ReadFile(p.Path())
	must(t, err)
	pages := len(file) / newPageSize
	at := bytes.LastIndex(file, []byte("step step"))
	spoil(t, p.Path(), at, 'S')
	spoil(t, p.Path(), len(file)-1, ^file[len(file)-1])
	want := []string{
		fmt.Sprintf("page %d of %d fails its checksum", at/newPageSize+1, pages),
		fmt.Sprintf("page %d of %d fails its checksum", pages, pages),
	}
	if found, err := p.Verify(ctx); err != nil || !slices.Equal(found, slices.Compact(want)) {
		t.Errorf("%q, %v, want %q", found, err, want)
	}
	spoil(t, p.Path(), 200, ^file[200])
	if found, err := p.Verify(ctx); err != nil || len(found) != 1 || !strings.Contains(found[0], "fails its checksum") {
		t.Errorf("the first page: %q, %v", found, err)
	}
}

func TestAViewKeepsItsPageSize(t *testing.T) {
	for _, size := range []int{512, 1024, 8192, 65536} {
		log, p := newStore(t)
		mustAppend(t, log, savedEvents(t, 0, 100)...)
		_, err := p.build(ctx, p.Path(), size, all)
		must(t, err)
		must(t, finish(ctx, p.Path()))
		want, err := readAll(p.Path())
		must(t, err)
		_, err = p.Rebuild(ctx)
		must(t, err)
		var got int
		query(t, p, "PRAGMA page_size", &got)
		if rows, err := readAll(p.Path()); err != nil || rows != want || got != size {
			t.Errorf("page size %d, want %d: %v", got, size, err)
		}
	}
}

func TestReadersAndAWriterWithLongRows(t *testing.T) {
	log, p := newStore(t)
	mustAppend(t, log, longEvent(t, 0, 1000))
	mustCatchUp(t, p)
	reader, err := OpenReader(ctx, p.Path(), time.Second)
	must(t, err)
	defer reader.Close()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				var rows, length, longest int
				err := reader.QueryRow("SELECT count(*), sum(length(solution)), max(length(solution)) FROM experiments").Scan(&rows, &length, &longest)
				if err != nil || length < rows*1000 {
					t.Errorf("%d rows, %d characters: %v", rows, length, err)
					return
				}
			}
		})
	}
	for n := range 20 { // more than the thousand pages at which SQLite checkpoints
		var events []eventlog.Event
		for i := range 10 {
			events = append(events, longEvent(t, 100+10*n+i, 10_000))
		}
		mustAppend(t, log, events...)
		mustCatchUp(t, p)
	}
	close(stop)
	wg.Wait()
}

func TestOtherProgramsReadAView(t *testing.T) {
	path, _, _ := viewFile(t, 300, 4096)
	tool, err := exec.LookPath("sqlite3")
	if err != nil {
		t.Skip("skipped: reading a view with sqlite3 (it is not installed)")
	}
	out, err := exec.Command(tool, path, "PRAGMA integrity_check", "SELECT count(*) FROM experiments", "SELECT count(*) FROM experiments WHERE client_id = 'c0'").CombinedOutput()
	if err != nil || string(out) != "ok\n302\n100\n" {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := readAll(path); err != nil {
		t.Errorf("after another program read it: %v", err)
	}
}
