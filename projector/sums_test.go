package projector

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// twoTimes returns a view's file at an earlier time and now, and its rows now.
func twoTimes(t *testing.T) (p *Projector, before, now []byte, rows string) {
	t.Helper()
	log, p := newStore(t)
	mustAppend(t, log, savedEvents(t, 0, 300)...)
	mustAppend(t, log, runEvents(t, 1)...)
	mustCatchUp(t, p)
	before, err := os.ReadFile(p.Path())
	must(t, err)
	mustAppend(t, log, savedEvents(t, 300, 600)...)
	mustAppend(t, log, rejectEvent(t, 1), longEvent(t, 1, 3*newPageSize))
	mustCatchUp(t, p)
	now, err = os.ReadFile(p.Path())
	must(t, err)
	rows, err = readAll(p.Path())
	must(t, err)
	return p, before, now, rows
}

// TestAPageOfAnotherTimeIsNoticed: each page of the earlier file is whole.
func TestAPageOfAnotherTimeIsNoticed(t *testing.T) {
	p, before, now, rows := twoTimes(t)
	tried := 0
	for at := 0; at < len(before); at += newPageSize {
		old := before[at : at+newPageSize]
		if bytes.Equal(old, now[at:at+newPageSize]) {
			continue
		}
		tried++
		spoil(t, p.Path(), at, old...)
		if _, err := readAll(p.Path()); !isDamage(err) {
			t.Errorf("page %d: %v", at/newPageSize+1, err)
		}
		spoil(t, p.Path(), at, now[at:at+newPageSize]...)
	}
	if tried < 5 {
		t.Errorf("only %d pages differ: the test tests little", tried)
	}
	if got, err := readAll(p.Path()); err != nil || got != rows {
		t.Errorf("as it was: %v", err)
	}
}

func TestAWholeViewOfAnotherTimeIsCaughtUp(t *testing.T) {
	log, p := newStore(t)
	mustAppend(t, log, savedEvents(t, 0, 50)...)
	mustCatchUp(t, p)
	dir := t.TempDir()
	for _, suffix := range []string{"", sumsSuffix} {
		b, err := os.ReadFile(p.Path() + suffix)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, "old"+suffix), b, 0o644))
	}
	mustAppend(t, log, savedEvents(t, 50, 90)...)
	mustCatchUp(t, p)
	want := dump(t, p)
	must(t, removeView(p.Path()))
	must(t, errors.Join(os.Rename(filepath.Join(dir, "old"), p.Path()), os.Rename(filepath.Join(dir, "old"+sumsSuffix), p.Path()+sumsSuffix)))
	if s := mustCatchUp(t, p); s.Rebuilt != "" || s.Behind() != 0 {
		t.Errorf("%+v", s)
	}
	if dump(t, p) != want {
		t.Error("wrong rows")
	}
}

// TestALiveViewNeedsItsChecksums: without them, or with those of another time, nothing
// says that its pages belong together.
func TestALiveViewNeedsItsChecksums(t *testing.T) {
	for name, spoilSums := range map[string]func(path string) error{
		"missing": os.Remove,
		"empty":   func(path string) error { return os.Truncate(path, 0) },
		"cut":     func(path string) error { return os.Truncate(path, 18) },
		"zeroed":  func(path string) error { return os.WriteFile(path, make([]byte, 1000), 0o644) },
	} {
		log, p := newStore(t)
		mustAppend(t, log, savedEvents(t, 0, 300)...)
		mustCatchUp(t, p)
		want := dump(t, p)
		must(t, spoilSums(p.Path()+sumsSuffix))
		if _, err := readAll(p.Path()); name != "missing" && !isDamage(err) {
			t.Errorf("%s: read: %v", name, err)
		}
		s := mustCatchUp(t, p)
		if s.Rebuilt != damaged && name != "cut" { // the pages that this needs are not among those cut off
			t.Errorf("%s: %+v", name, s)
		}
		if _, err := p.Rebuild(ctx); err != nil || dump(t, p) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAProcessThatDiesBetweenBothFilesCostsNothing: the write-ahead log still has the
// pages whose checksums are of another time.
func TestAProcessThatDiesBetweenBothFilesCostsNothing(t *testing.T) {
	log, p := newStore(t)
	mustAppend(t, log, savedEvents(t, 0, 200)...)
	mustCatchUp(t, p)
	before, err := os.ReadFile(p.Path() + sumsSuffix)
	must(t, err)
	reader, err := OpenReader(ctx, p.Path(), time.Second) // keeps the write-ahead log from being removed
	must(t, err)
	mustAppend(t, log, savedEvents(t, 200, 500)...)
	mustCatchUp(t, p)
	want, err := readAll(p.Path())
	must(t, err)
	left := copyLive(t, p.Path())
	must(t, reader.Close())
	must(t, os.WriteFile(left+sumsSuffix, before, 0o644))
	if rows, err := readAll(left); err != nil || rows != want {
		t.Errorf("recovered: %v", err)
	}
	db, err := openWriter(left, time.Second)
	must(t, err)
	_, err = db.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
	must(t, errors.Join(err, db.Close()))
	if rows, err := readAll(left); err != nil || rows != want {
		t.Errorf("checkpointed: %v", err)
	}
}

// TestFilesAreClosed: SQLite's files come and go, ours with them.
func TestFilesAreClosed(t *testing.T) {
	log, p := newStore(t)
	mustAppend(t, log, savedEvents(t, 0, 20)...)
	mustCatchUp(t, p)
	before, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Skipf("skipped: counting open files (%v)", err)
	}
	for range 20 {
		_, err := readAll(p.Path())
		must(t, err)
		_, err = p.Rebuild(ctx)
		must(t, err)
	}
	after, err := os.ReadDir("/dev/fd")
	must(t, err)
	if len(after) > len(before)+2 {
		t.Errorf("%d files are open, %d were", len(after), len(before))
	}
}

func TestAFileOfChecksumsThatCannotBeReadIsAnErrorOfTheDisk(t *testing.T) {
	log, p := newStore(t)
	mustAppend(t, log, savedEvents(t, 0, 20)...)
	mustCatchUp(t, p)
	must(t, os.Remove(p.Path()+sumsSuffix))
	must(t, os.Symlink("/proc/self/mem", p.Path()+sumsSuffix)) // reading its beginning is EIO
	if _, err := os.Stat(p.Path() + sumsSuffix); err != nil {
		t.Skipf("skipped: a file that cannot be read (%v)", err)
	}
	if _, err := p.CatchUp(ctx); !errors.Is(err, syscall.EIO) {
		t.Errorf("%v", err)
	}
	_, err := p.Rebuild(ctx)
	must(t, err)
}

// TestAnOlderWriteAheadLogBesideANewerView: SQLite applies it, and what it lacks is
// folded again or the view is rebuilt.
func TestAnOlderWriteAheadLogBesideANewerView(t *testing.T) {
	for _, more := range []int{1, 20, 400, 3000} {
		log, p := newStore(t)
		mustAppend(t, log, savedEvents(t, 0, 200)...)
		mustCatchUp(t, p)
		reader, err := OpenReader(ctx, p.Path(), time.Second) // keeps the write-ahead log from being removed
		must(t, err)
		mustAppend(t, log, savedEvents(t, 200, 230)...)
		mustCatchUp(t, p)
		wal, err := os.ReadFile(copyLive(t, p.Path()) + "-wal")
		must(t, err)
		must(t, reader.Close())
		mustAppend(t, log, savedEvents(t, 10_000, 10_000+more)...)
		mustCatchUp(t, p)
		want := dump(t, p)
		if len(wal) == 0 {
			t.Fatal("there is no write-ahead log: the test tests nothing")
		}
		must(t, errors.Join(os.RemoveAll(p.Path()+"-shm"), os.WriteFile(p.Path()+"-wal", wal, 0o644)))
		mustCatchUp(t, p)
		if got := dump(t, p); got != want {
			t.Errorf("%d events later: wrong rows", more)
		}
		verifyClean(t, p)
	}
}
