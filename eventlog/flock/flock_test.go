package flock

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open opens the file anew: a lock belongs to one opening of it.
func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestLockWaitsItsTurn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first := open(t, path)
	if err := Lock(context.Background(), first, time.Second); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	time.AfterFunc(50*time.Millisecond, func() { first.Close() })
	second := open(t, path)
	if err := Lock(context.Background(), second, 10*time.Second); err != nil || time.Since(begin) < 40*time.Millisecond {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
	second.Close()
}

func TestLockEndsWithTimeOrContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	holder := open(t, path)
	if err := Lock(context.Background(), holder, time.Second); err != nil {
		t.Fatal(err)
	}
	if err := Lock(context.Background(), open(t, path), 20*time.Millisecond); !errors.Is(err, ErrTimeout) {
		t.Errorf("after the time: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := Lock(ctx, open(t, path), time.Minute); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after the context: %v", err)
	}
	holder.Close()
	// Those that gave up get the lock in the end, and give it back.
	last := open(t, path)
	if err := Lock(context.Background(), last, 10*time.Second); err != nil {
		t.Error(err)
	}
	last.Close()
}

func TestAFileSystemWithoutLocks(t *testing.T) {
	for _, refusal := range []syscall.Errno{syscall.ENOLCK, syscall.EOPNOTSUPP, syscall.ENOSYS} {
		if err := explain(refusal); !errors.Is(err, ErrUnsupported) || !errors.Is(err, refusal) {
			t.Errorf("%v: %v", refusal, err)
		}
	}
	if err := explain(syscall.EIO); errors.Is(err, ErrUnsupported) || !errors.Is(err, syscall.EIO) {
		t.Error(err)
	}
}
