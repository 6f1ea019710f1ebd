package eventlog

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Who waits for the lease has the folder locked, so that others queue behind and
// cannot overtake.
func TestWhoeverWaitsForTheLeaseHasTheFolder(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, eventsOf(0, 1)...)
	lease := mustLock(t, filepath.Join(l.dir, LockFileName))
	read := make(chan error)
	go func() {
		_, err := l.Head(context.Background())
		read <- err
	}()
	deadline := time.Now().Add(10 * time.Second)
	for folderFree(t, l.dir) {
		if time.Now().After(deadline) {
			t.Fatal("somebody waits for the lease, and the folder is free")
		}
		time.Sleep(time.Millisecond)
	}
	lease.Close()
	if err := <-read; err != nil {
		t.Fatal(err)
	}
	if !folderFree(t, l.dir) {
		t.Error("nobody waits any more, and the folder is locked")
	}
}

// Whoever had the lease comes back at once with the next append, and must not find the
// folder free before it could have been taken by who waits.
func TestTheFolderIsLetGoInTheMiddleOfACommit(t *testing.T) {
	l := newLog(t)
	mustAppend(t, l, eventsOf(0, 1)...)
	taken, fresh := eventsOf(0, 1)[0], eventsOf(1, 2)[0]
	taken.Data = []byte("other content")
	asked, committed := false, false
	_, err := l.Append(context.Background(), Batch{
		Events: []Event{taken, fresh},
		Taken: func(int, Event) (*Event, error) {
			asked = true
			if folderFree(t, l.dir) {
				t.Error("nothing is committed, and the folder is free")
			}
			return nil, nil
		},
		Committed: func([]Event) {
			committed = true
			if !folderFree(t, l.dir) {
				t.Error("all is committed, and the folder is locked")
			}
		},
	})
	if err != nil || !asked || !committed {
		t.Errorf("%v; asked: %v, committed: %v", err, asked, committed)
	}
}

// The folder is a courtesy: who cannot have it goes on without, and waits for it once.
func TestALockedFolderKeepsNobodyOut(t *testing.T) {
	l := New(t.TempDir(), Options{LockTimeout: 400 * time.Millisecond})
	mustAppend(t, l, eventsOf(0, 1)...)
	defer mustLock(t, l.dir).Close()
	started := time.Now()
	for range 50 {
		if _, err := l.Head(context.Background()); err != nil {
			t.Error(err)
		}
	}
	if waited := time.Since(started); waited > 5*time.Second { // fifty times 200 ms would be ten
		t.Errorf("it waited %v", waited)
	}
}

func mustLock(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	return f
}

func folderFree(t *testing.T, dir string) bool {
	t.Helper()
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

func TestACommitWaitsForThoseThatTheLastOneAnswered(t *testing.T) {
	l := newLog(t)
	l.group = group{size: 3, took: time.Minute}
	l.enqueue(&request{})
	go func() {
		for range 2 {
			time.Sleep(5 * time.Millisecond)
			l.enqueue(&request{})
		}
	}()
	if n := len(l.gather()); n != 3 {
		t.Errorf("%d gathered, want 3", n)
	}
}

func TestACommitDoesNotWaitForLong(t *testing.T) {
	l := newLog(t)
	l.group = group{size: 64, took: 20 * time.Millisecond}
	l.enqueue(&request{})
	started := time.Now()
	if n := len(l.gather()); n != 1 {
		t.Errorf("%d gathered, want 1", n)
	}
	if waited := time.Since(started); waited < 10*time.Millisecond || waited > 5*time.Second {
		t.Errorf("it waited %v, want half of 20 ms", waited)
	}
}
