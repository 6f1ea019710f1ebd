package memfs

import (
	"context"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// Locks of flock(2) belong to an opening of a file and are kept. Locks of fcntl(2)
// belong to a process: they are always granted, because one program at a time works on
// an intercepted file system. Only the requests for them matter here.

var (
	_ fs.NodeGetlker  = (*file)(nil)
	_ fs.NodeSetlker  = (*file)(nil)
	_ fs.NodeSetlkwer = (*file)(nil)
)

func (f *file) Getlk(_ context.Context, _ fs.FileHandle, _ uint64, _ *fuse.FileLock, _ uint32, out *fuse.FileLock) syscall.Errno {
	out.Typ = syscall.F_UNLCK
	return 0
}

func (f *file) Setlk(_ context.Context, fh fs.FileHandle, _ uint64, lk *fuse.FileLock, flags uint32) syscall.Errno {
	if errno := f.askForLock(fh, lk, flags); errno != 0 {
		return errno
	}
	return f.lock(fh, lk, flags)
}

// Setlkw waits for a lock until the program is interrupted.
func (f *file) Setlkw(ctx context.Context, fh fs.FileHandle, _ uint64, lk *fuse.FileLock, flags uint32) syscall.Errno {
	if errno := f.askForLock(fh, lk, flags); errno != 0 {
		return errno
	}
	for {
		errno := f.lock(fh, lk, flags)
		if errno != syscall.EAGAIN {
			return errno
		}
		select {
		case <-ctx.Done():
			return syscall.EINTR
		case <-time.After(time.Millisecond):
		}
	}
}

// askForLock has the request for a lock judged; giving one back cannot fail.
func (f *file) askForLock(fh fs.FileHandle, lk *fuse.FileLock, flags uint32) syscall.Errno {
	if lk.Typ == syscall.F_UNLCK {
		return 0
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	op := "fcntl-lock"
	if flags&fuse.LK_FLOCK != 0 {
		op = "flock"
	}
	v := f.ask(f.request(op, fh, 0, 0))
	if v.Errno == 0 {
		v.done()
	}
	return v.Errno
}

// lock takes, changes or gives back a lock of flock(2), at once or not at all.
func (f *file) lock(fh fs.FileHandle, lk *fuse.FileLock, flags uint32) syscall.Errno {
	f.mu.Lock()
	defer f.mu.Unlock()
	h, ok := fh.(*handle)
	if flags&fuse.LK_FLOCK == 0 || !ok {
		return 0
	}
	if lk.Typ == syscall.F_UNLCK {
		delete(f.locks, h)
		return 0
	}
	for other, typ := range f.locks {
		if other != h && (typ == syscall.F_WRLCK || lk.Typ == syscall.F_WRLCK) {
			return syscall.EAGAIN
		}
	}
	if f.locks == nil {
		f.locks = make(map[*handle]uint32)
	}
	f.locks[h] = lk.Typ
	return 0
}
