package eventlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// twoFolders returns a log and the same file under the name of a log in another folder.
func twoFolders(t *testing.T, link func(old, new string) error) (a, b *Log) {
	t.Helper()
	a = newLog(t)
	mustAppend(t, a, eventOf(0))
	b = New(t.TempDir(), Options{})
	if err := link(a.Path(), b.Path()); err != nil {
		t.Fatal(err)
	}
	return a, b
}

// Each folder has a lease of its own, so only the lock on the file keeps the writers
// apart.
func TestTwoFoldersWithOneFile(t *testing.T) {
	for name, link := range map[string]func(old, new string) error{"hard link": os.Link, "symbolic link": os.Symlink} {
		t.Run(name, func(t *testing.T) {
			a, b := twoFolders(t, link)
			const each = 60
			var writers sync.WaitGroup
			for i, l := range []*Log{a, b} {
				writers.Go(func() {
					for n := range each {
						if _, err := New(l.dir, Options{}).Append(context.Background(), Batch{Events: []Event{eventOf(1 + 2*n + i)}}); err != nil {
							t.Errorf("append: %v", err)
						}
						if _, err := l.Head(context.Background()); err != nil {
							t.Errorf("read: %v", err)
						}
					}
				})
			}
			writers.Wait()
			for _, l := range []*Log{a, b} {
				verifyClean(t, l)
				if got := found(t, l, 2*each+1); got != 2*each+1 {
					t.Errorf("%d of %d are found", got, 2*each+1)
				}
			}
		})
	}
}

// Somebody takes the lock file for a stale one while it is in use.
func TestALockFileThatIsRemovedInUse(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, eventOf(0))
	stop := make(chan struct{})
	var remover, writers sync.WaitGroup
	remover.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				os.Remove(filepath.Join(l.dir, LockFileName))
			}
		}
	})
	const each = 50
	for i := range 2 {
		writers.Go(func() {
			own := New(l.dir, Options{})
			for n := range each {
				if _, err := own.Append(context.Background(), Batch{Events: []Event{eventOf(1 + 2*n + i)}}); err != nil {
					t.Errorf("append: %v", err)
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	remover.Wait()
	verifyClean(t, l)
	if got := found(t, l, 2*each+1); got != 2*each+1 {
		t.Errorf("%d of %d are found", got, 2*each+1)
	}
}

// While a process waits for the file's lock, another one replaces the file.
func TestAFileThatIsReplacedWhileItIsWaitedFor(t *testing.T) {
	a, b := twoFolders(t, os.Symlink)
	held, err := os.Open(a.Path())
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(held.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	appended := make(chan error)
	go func() {
		_, err := b.Append(context.Background(), Batch{Events: []Event{eventOf(1)}})
		appended <- err
	}()
	time.Sleep(20 * time.Millisecond) // it waits, or will find the new file at once: both must do
	copied, err := os.ReadFile(a.Path())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.Path()+".copy", copied, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(a.Path()+".copy", a.Path()); err != nil {
		t.Fatal(err)
	}
	held.Close()
	if err := <-appended; err != nil {
		t.Fatal(err)
	}
	if got := found(t, a, 2); got != 2 {
		t.Errorf("%d of 2 events are in the file that has the name", got)
	}
}

func TestAFolderThatIsMovedOrReplacedInUse(t *testing.T) {
	other := newLog(t)
	mustAppend(t, other, eventOf(100))
	for name, change := range map[string]func(dir string) error{
		"moved": func(dir string) error { return os.Rename(dir, dir+".moved") },
		"replaced by an empty one": func(dir string) error {
			return errors.Join(os.Rename(dir, dir+".moved"), os.Mkdir(dir, 0o755))
		},
		"replaced by another log": func(dir string) error {
			return errors.Join(os.Rename(dir, dir+".moved"), os.CopyFS(dir, os.DirFS(other.dir)))
		},
		"put back as it was before": func(dir string) error {
			return errors.Join(os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(dir+".old")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := New(filepath.Join(t.TempDir(), "store"), Options{})
			mustAppend(t, l, eventOf(0))
			if err := os.CopyFS(l.dir+".old", os.DirFS(l.dir)); err != nil {
				t.Fatal(err)
			}
			mustAppend(t, l, eventOf(1))
			if err := change(l.dir); err != nil {
				t.Fatal(err)
			}
			if _, err := l.Append(context.Background(), Batch{Events: []Event{eventOf(2)}}); !errors.Is(err, ErrReplaced) {
				t.Errorf("append: %v, want ErrReplaced", err)
			}
			if _, err := l.Head(context.Background()); !errors.Is(err, ErrReplaced) {
				t.Errorf("head: %v, want ErrReplaced", err)
			}
		})
	}
}

// failingAt is a file that cannot be read at one place.
type failingAt struct {
	io.ReaderAt
	from, to int64
}

func (f failingAt) ReadAt(b []byte, at int64) (int, error) {
	if at < f.to && at+int64(len(b)) > f.from {
		return 0, &os.PathError{Op: "read", Path: "events.db", Err: syscall.EIO}
	}
	return f.ReaderAt.ReadAt(b, at)
}

// A meta page that cannot be read is not a damaged one, for which the older one would
// stand in.
func TestAnUnreadableMetaPageIsAnError(t *testing.T) {
	l := someLog(t)
	f, err := os.Open(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	page := int64(os.Getpagesize())
	for _, at := range []int64{0, page} {
		if im, err := newestMeta(failingAt{f, at, at + page}); !errors.Is(err, syscall.EIO) {
			t.Errorf("page at %d: transaction %d, %v; want the error", at, im.txid, err)
		}
	}
}

func TestReadErrorsAreNotDamage(t *testing.T) {
	s := &session{log: newLog(t)}
	for err, damage := range map[error]bool{
		&os.PathError{Op: "read", Path: "events.db", Err: syscall.EIO}: false,
		fmt.Errorf("page 7: %w", syscall.EIO):                          false,
		errors.New("its keys are out of order"):                        true,
		io.ErrUnexpectedEOF:                                            true,
	} {
		if got := errors.Is(s.fault(3, err), ErrDamaged); got != damage {
			t.Errorf("%v: damage %v, want %v", err, got, damage)
		}
	}
}

// A commit whose process died before it was synced, or sealed, is made durable before
// anything is said about it.
func TestACommitAheadOfItsSealIsWrittenAgain(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, eventOf(0))
	lock := filepath.Join(l.dir, LockFileName)
	seal, err := os.ReadFile(lock)
	if err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, eventOf(1))
	if err := os.WriteFile(lock, seal, 0o644); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(10 * time.Millisecond) // for the time of the file
	for _, r := range mustAppend(t, l, eventOf(1)) {
		if r.Fate != Dropped {
			t.Errorf("fate %v, want Dropped", r.Fate)
		}
	}
	after, err := os.Stat(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	if !after.ModTime().After(before.ModTime()) || after.Size() != before.Size() {
		t.Error("the duplicate was acknowledged, and the commit that it rests on was not written again")
	}
	verifyClean(t, l)
}

// A copy whose newest meta page is an older one must not take the log's place.
func TestACopyThatIsNotTheLogIsRefused(t *testing.T) {
	l := someLog(t)
	head, err := l.Head(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCopier(filepath.Join(l.dir, "copy"), head.Identity)
	if err != nil {
		t.Fatal(err)
	}
	defer c.discard()
	if err := c.copyUpTo(context.Background(), &reader{log: l, from: 1}, head.Seq); err != nil {
		t.Fatal(err)
	}
	if err := c.settle(); err != nil {
		t.Fatal(err)
	}
	if err := c.check(genesis(head.ID)); err != nil {
		t.Fatal(err)
	}
	c.at.seq++
	if err := c.check(genesis(head.ID)); !errors.Is(err, ErrDamaged) {
		t.Errorf("a copy with an event less passes: %v", err)
	}
}
