// Package flock takes advisory locks on open files: at once, or waiting in the
// kernel's fair queue, bounded by a context and a timeout.
package flock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// ErrTimeout is wrapped by the error of a Lock whose time ran out.
var ErrTimeout = errors.New("locked by another process")

// ErrUnsupported is wrapped by the errors of all calls on a file system without locks.
var ErrUnsupported = errors.New("the file system has no working locks, so a store there would not be safe; use a local disk")

// Lock takes the exclusive lock on a file; closing the file gives it back. On an
// error Lock closes the file itself.
//
// Where the lock is not free, a goroutine of its own blocks in flock(2): the
// kernel's queue is fair, where trying and sleeping starves. If nobody waits any
// more when the goroutine gets the lock, it gives it back.
func Lock(ctx context.Context, f *os.File, timeout time.Duration) error {
	return lock(ctx, f, syscall.LOCK_EX, timeout)
}

// LockShared is [Lock] for a lock that several may hold at once, while nobody holds
// the exclusive one.
func LockShared(ctx context.Context, f *os.File, timeout time.Duration) error {
	return lock(ctx, f, syscall.LOCK_SH, timeout)
}

func lock(ctx context.Context, f *os.File, how int, timeout time.Duration) error {
	if err := ctx.Err(); err != nil {
		f.Close()
		return err
	}
	free, err := try(f, how)
	if err != nil {
		f.Close()
		return err
	}
	if free {
		return nil
	}
	got := make(chan struct{})
	go func() {
		defer close(got)
		err = flock(f, how)
	}()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-got:
		if err != nil {
			f.Close()
			return fmt.Errorf("lock %s: %w", f.Name(), err)
		}
		return nil
	case <-ctx.Done():
		go giveBack(f, got)
		return ctx.Err()
	case <-timer.C:
		go giveBack(f, got)
		return fmt.Errorf("%w: %s, for %v", ErrTimeout, f.Name(), timeout)
	}
}

// Try takes the exclusive lock on a file if it is free; closing the file gives it
// back.
func Try(f *os.File) (bool, error) { return try(f, syscall.LOCK_EX) }

func try(f *os.File, how int) (bool, error) {
	err := flock(f, how|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return true, nil
}

// giveBack closes a file whose lock nobody waits for any more, once it is got.
func giveBack(f *os.File, got <-chan struct{}) {
	<-got
	f.Close()
}

func flock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			return explain(err)
		}
	}
}

// explain names what a network or FUSE file system means that refuses to lock at all.
func explain(err error) error {
	for _, refusal := range []error{syscall.ENOLCK, syscall.EOPNOTSUPP, syscall.ENOSYS} {
		if errors.Is(err, refusal) {
			return fmt.Errorf("%w (%w)", ErrUnsupported, err)
		}
	}
	return err
}
