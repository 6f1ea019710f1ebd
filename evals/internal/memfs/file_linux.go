package memfs

import (
	"bytes"
	"context"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// file is a file of the file system.
type file struct {
	fs.Inode
	*volume
	id      int
	role    role
	data    []byte
	changes uint64 // stands for the time of the last change
	locks   map[*handle]uint32
}

// handle is one opening of a file.
type handle struct {
	file  *file
	flags uint32 // of open(2)
}

var (
	_ fs.NodeOpener    = (*file)(nil)
	_ fs.NodeGetattrer = (*file)(nil)
	_ fs.NodeSetattrer = (*file)(nil)
	_ fs.NodeReader    = (*file)(nil)
	_ fs.NodeWriter    = (*file)(nil)
	_ fs.NodeFsyncer   = (*file)(nil)
	_ fs.FileReleaser  = (*handle)(nil)
)

// opened notes an opening. The caller has the journal's lock.
func (f *file) opened(flags uint32) *handle {
	f.open++
	return &handle{f, flags}
}

// Release ends an opening, and its lock with it.
func (h *handle) Release(context.Context) syscall.Errno {
	h.file.mu.Lock()
	defer h.file.mu.Unlock()
	delete(h.file.locks, h)
	h.file.open--
	h.file.idle.Broadcast()
	return 0
}

// flagsOf returns the flags that a file was opened with.
func flagsOf(fh fs.FileHandle) uint32 {
	if h, ok := fh.(*handle); ok {
		return h.flags
	}
	return 0
}

// caching says how the kernel caches an opened file: not at all where requests are
// intercepted, because each read is to be seen. Memory that is mapped, and SQLite's
// shared memory, is always cached.
func (f *file) caching() uint32 {
	if f.judging() && f.role != shared {
		return fuse.FOPEN_DIRECT_IO
	}
	return fuse.FOPEN_KEEP_CACHE
}

// request describes a request for the file.
func (f *file) request(op string, fh fs.FileHandle, offset int64, size int) Request {
	return Request{Op: op, Name: f.names[f.id], Offset: offset, Size: size, Flags: flagsOf(fh)}
}

func (f *file) Open(_ context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := f.ask(Request{Op: "open", Name: f.names[f.id], Flags: flags})
	if v.Errno != 0 {
		return nil, 0, v.Errno
	}
	defer v.done()
	if flags&syscall.O_TRUNC != 0 {
		f.truncate(0)
	}
	return f.opened(flags), f.caching(), 0
}

func (f *file) Getattr(_ context.Context, fh fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := f.ask(f.request("stat", fh, 0, 0))
	if v.Errno == 0 {
		f.attributes(&out.Attr)
		v.done()
	}
	return v.Errno
}

// attributes fills in what stat(2) returns. The caller has the journal's lock.
func (f *file) attributes(out *fuse.Attr) {
	out.Mode, out.Size, out.Nlink = 0o644, uint64(len(f.data)), 1
	out.Mtime, out.Mtimensec = 1+f.changes/1e9, uint32(f.changes%1e9)
}

func (f *file) Setattr(_ context.Context, fh fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	f.mu.Lock()
	defer f.mu.Unlock()
	if size, ok := in.GetSize(); ok {
		v := f.ask(f.request("truncate", fh, int64(size), 0))
		if v.Errno != 0 {
			return v.Errno
		}
		defer v.done()
		f.truncate(int64(size))
	}
	f.attributes(&out.Attr)
	return 0
}

// truncate sets the size. The caller has the journal's lock.
func (f *file) truncate(size int64) {
	f.data = Resized(f.data, size)
	f.changes++
	if f.role == stored {
		f.add(Op{Kind: Truncate, File: f.id, Offset: size})
	}
}

func (f *file) Read(_ context.Context, fh fs.FileHandle, dest []byte, offset int64) (fuse.ReadResult, syscall.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := f.ask(f.request("read", fh, offset, len(dest)))
	if v.Errno != 0 {
		return nil, v.Errno
	}
	defer v.done()
	if v.Bytes > 0 {
		dest = dest[:v.Bytes]
	}
	if offset >= int64(len(f.data)) {
		return fuse.ReadResultData(nil), 0
	}
	return fuse.ReadResultData(dest[:copy(dest, f.data[offset:])]), 0
}

func (f *file) Write(_ context.Context, fh fs.FileHandle, data []byte, offset int64) (uint32, syscall.Errno) {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := f.ask(f.request("write", fh, offset, len(data)))
	if v.Errno != 0 {
		return 0, v.Errno
	}
	defer v.done()
	if v.Bytes > 0 {
		data = data[:v.Bytes]
	}
	f.data = written(f.data, data, offset)
	f.changes++
	switch f.role {
	case stored:
		f.add(Op{Kind: Write, File: f.id, Offset: offset, Data: bytes.Clone(data)})
	case voice:
		f.add(Op{Kind: Said, Data: bytes.Clone(data)})
	}
	return uint32(len(data)), 0
}

func (f *file) Fsync(_ context.Context, fh fs.FileHandle, _ uint32) syscall.Errno {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := f.ask(f.request("sync", fh, 0, 0))
	if v.Errno != 0 {
		if v.Lost && f.role == stored {
			f.add(Op{Kind: SyncLost, File: f.id})
		}
		return v.Errno
	}
	defer v.done()
	if f.role == stored {
		f.add(Op{Kind: Sync, File: f.id})
	}
	return 0
}
