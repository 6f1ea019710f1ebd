package eventlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/explog/explog/eventlog/flock"
)

// lease is the right to touch the log's file, held by one process (and one
// goroutine of it) at a time.
type lease struct {
	file     *os.File // the locked lock file; nil: there is none and the folder is read-only
	writable bool
	place    *os.File  // at the head of the queue; nil: it was given up
	deadline time.Time // of what else has to be waited for
}

// acquire waits for the lease, fairly.
func (l *Log) acquire(ctx context.Context, create bool) (*lease, error) {
	deadline := time.Now().Add(l.opts.LockTimeout)
	for {
		h, err := l.tryAcquire(ctx, create, deadline)
		if err != nil {
			return nil, err
		}
		if h.file == nil || h.current() || time.Now().After(deadline) {
			return h, nil
		}
		h.release() // somebody removed the lock file meanwhile
	}
}

// current reports whether the lock file still has its name: others that come now wait
// for this lease, and find the seal that is written into it.
func (h *lease) current() bool {
	locked, err := h.file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(h.file.Name())
	return err == nil && os.SameFile(locked, named)
}

func (l *Log) tryAcquire(ctx context.Context, create bool, deadline time.Time) (*lease, error) {
	file, writable, err := l.openLock(create)
	if errors.Is(err, ErrNoLog) {
		if gone := l.gone(); gone != nil {
			return nil, gone
		}
	}
	if err != nil {
		return nil, err
	}
	if file == nil {
		return &lease{deadline: deadline}, nil
	}
	h := &lease{file: file, writable: writable, place: l.queue(ctx), deadline: deadline}
	err = flock.Lock(ctx, file, time.Until(deadline))
	if err == nil {
		return h, nil
	}
	h.giveUpPlace()
	if errors.Is(err, flock.ErrTimeout) {
		err = fmt.Errorf("%w: %w: %s, for %v", ErrLocked, flock.ErrTimeout, file.Name(), l.opts.LockTimeout)
	}
	return nil, err
}

// queue waits until the caller is the next for the lease: it has the folder locked
// then. A lock that is let go is free until the first of those who wait for it has
// woken up, and who comes along just then gets it: most often whoever had the lease
// before, with the next save. So the folder is let go in the middle of a commit (see
// [lease.giveUpPlace]), when that one stands in the queue again. It is a courtesy: where
// the folder cannot be locked soon, because a program that knows nothing of this holds it,
// the caller goes on without, and does not try again.
func (l *Log) queue(ctx context.Context) *os.File {
	if l.unqueued.Load() {
		return nil
	}
	dir, err := os.Open(l.dir)
	if err != nil {
		return nil
	}
	if err := flock.Lock(ctx, dir, min(l.opts.LockTimeout/2, maxQueue)); err != nil {
		l.unqueued.Store(true)
		return nil
	}
	return dir
}

// maxQueue bounds the wait for the folder. Among sixteen processes that save, the slowest
// one waits a tenth of a second.
const maxQueue = 2 * time.Second

// openLock opens the lock file, read-only where nothing more is permitted. A
// store without one, in a folder that cannot be written, is read without.
func (l *Log) openLock(create bool) (f *os.File, writable bool, err error) {
	path := filepath.Join(l.dir, LockFileName)
	f, err = os.OpenFile(path, os.O_RDWR, 0)
	if err == nil {
		return f, true, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		if _, statErr := os.Stat(l.Path()); statErr != nil && !create {
			if errors.Is(statErr, fs.ErrNotExist) {
				return nil, false, ErrNoLog
			}
			return nil, false, statErr
		}
		f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if err == nil {
			return f, true, nil
		}
		if !create && readOnly(err) {
			return nil, false, nil
		}
		return nil, false, err
	}
	if !readOnly(err) {
		return nil, false, err
	}
	f, err = os.Open(path)
	return f, false, err
}

func readOnly(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}

// giveUpPlace lets the next in the queue come to its head, and wait for the lease.
func (h *lease) giveUpPlace() {
	if h.place != nil {
		h.place.Close()
		h.place = nil
	}
}

// release gives the lease back: closing the file drops the lock.
func (h *lease) release() {
	h.giveUpPlace()
	if h.file != nil {
		h.file.Close()
	}
}

// writeSeal replaces the seal.
func (h *lease) writeSeal(s seal) error {
	if !h.writable {
		return nil
	}
	if _, err := h.file.WriteAt(s.encode(), 0); err != nil {
		return fmt.Errorf("write the seal: %w", err)
	}
	return nil
}
