package memfs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
)

// mounted mounts a file system whose requests are judged, with a file "a" in it.
func mounted(t *testing.T, judge func(Request) Verdict) (dir string, j *Journal) {
	t.Helper()
	dir, j = t.TempDir(), NewJournal()
	unmount, err := Mount(t.Context(), dir, j, Image{"a": []byte("0123456789")}, Options{Intercept: judge})
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENODEV) {
		t.Skipf("skipped: a FUSE file system (it needs root, with /dev/fuse): %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unmount(); err != nil {
			t.Error(err)
		}
	})
	return dir, j
}

// openFile is os.OpenFile without Go's poller. That would ask the file system, which this
// process serves, while the goroutine holds its processor: both could wait for ever.
func openFile(path string, flag int, mode uint32) (*os.File, error) {
	fd, err := syscall.Open(path, flag|syscall.O_CLOEXEC, mode)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

func TestEveryRequestIsSeen(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	dir, _ := mounted(t, func(r Request) Verdict {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, r.Op)
		return Verdict{}
	})
	f, err := openFile(filepath.Join(dir, "a"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 4)
	for range 2 { // the second read is not the cache's
		if _, err := f.ReadAt(b, 0); err != nil {
			t.Fatal(err)
		}
	}
	_, err = f.WriteAt([]byte("x"), 0)
	other := filepath.Join(dir, "b")
	err = errors.Join(err, f.Sync(), f.Truncate(5), syscall.Flock(int(f.Fd()), syscall.LOCK_EX), f.Close(),
		os.Rename(f.Name(), other), os.Remove(other))
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	seen = slices.DeleteFunc(seen, func(op string) bool { return op == "lookup" || op == "stat" })
	if want := []string{"open", "read", "read", "write", "sync", "truncate", "flock", "rename", "unlink"}; !slices.Equal(seen, want) {
		t.Errorf("seen: %q, want %q", seen, want)
	}
}

func TestRequestsFailAsTold(t *testing.T) {
	verdicts := map[string]Verdict{
		"open": {Errno: syscall.EIO}, "read": {Bytes: 3}, "write": {Errno: syscall.ENOSPC}, "sync": {Errno: syscall.EIO, Lost: true},
		"flock": {Errno: syscall.ENOLCK}, "unlink": {Errno: syscall.EIO},
	}
	var mu sync.Mutex
	dir, j := mounted(t, func(r Request) Verdict {
		mu.Lock()
		defer mu.Unlock()
		v := verdicts[r.Op]
		delete(verdicts, r.Op) // each fails once
		return v
	})
	path := filepath.Join(dir, "a")
	if _, err := openFile(path, os.O_RDWR, 0); !errors.Is(err, syscall.EIO) {
		t.Errorf("open: %v", err)
	}
	f, err := openFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 8)
	if n, err := syscall.Pread(int(f.Fd()), b, 0); n != 3 || err != nil {
		t.Errorf("read: %d bytes, %v", n, err)
	}
	if _, err := f.WriteAt([]byte("lost"), 0); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("write: %v", err)
	}
	if _, err := f.WriteAt([]byte("seen"), 0); err != nil {
		t.Error(err)
	}
	if err := f.Sync(); !errors.Is(err, syscall.EIO) {
		t.Errorf("sync: %v", err)
	}
	if err := f.Sync(); err != nil {
		t.Error(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); !errors.Is(err, syscall.ENOLCK) {
		t.Errorf("flock: %v", err)
	}
	if err := os.Remove(path); !errors.Is(err, syscall.EIO) {
		t.Errorf("unlink: %v", err)
	}
	now := make([]byte, 16)
	if n, err := f.ReadAt(now, 0); !errors.Is(err, io.EOF) || string(now[:n]) != "seen456789" {
		t.Errorf("the file is now %q, %v", now, err)
	}
	s := NewState()
	for _, o := range j.Ops() {
		s.Apply(o)
	}
	disk := s.Image(nil, func(c *Content) []byte { return c.Synced })["a"]
	if !bytes.Equal(disk, []byte("0123456789")) {
		t.Errorf("the disk has %q: the second sync wrote what the first one lost", disk)
	}
}

// TestLocksExclude takes the lock of flock(2) in two openings of one file.
func TestLocksExclude(t *testing.T) {
	dir, j := mounted(t, func(Request) Verdict { return Verdict{} })
	open := func() *os.File {
		f, err := openFile(filepath.Join(dir, "a"), os.O_RDONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	first, second := open(), open()
	defer second.Close()
	if err := syscall.Flock(int(first.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(second.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); !errors.Is(err, syscall.EWOULDBLOCK) {
		t.Errorf("the second lock: %v", err)
	}
	first.Close()
	if err := syscall.Flock(int(second.Fd()), syscall.LOCK_EX); err != nil {
		t.Error(err)
	}
	second.Close()
	j.WaitIdle()
}
