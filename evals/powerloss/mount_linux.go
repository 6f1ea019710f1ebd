package powerloss

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// The file system is kept in memory. What it does not know (links, copying within
// the kernel, renames between folders) it refuses, so that nothing happens that is
// not in the record. Locks and mapped memory are the kernel's business: nobody
// asks for them to be passed on. There is no write-back cache: each write reaches
// the record before the program goes on.

// mount puts a recording file system onto a folder. Its root has the number
// rootFolder; what it has at first is durable, and stands in the record too.
func mount(ctx context.Context, dir string, rec *record, has image) (unmount func() error, err error) {
	// The device is opened here, and not by the library, to be closed in programs
	// that are started: if this process dies, theirs must not keep it alive.
	fd, err := syscall.Open("/dev/fuse", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/fuse: %w", err)
	}
	const most = 1 << 17 // bytes in one request
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=%d,group_id=%d,max_read=%d", fd, os.Geteuid(), os.Getegid(), most)
	if err := syscall.Mount("powerloss", dir, "fuse.powerloss", syscall.MS_NOSUID|syscall.MS_NODEV, options); err != nil {
		return nil, errors.Join(fmt.Errorf("mount: %w", err), syscall.Close(fd))
	}
	root := &folder{rec: rec, id: rec.number()}
	server, err := fs.Mount(fmt.Sprintf("/dev/fd/%d", fd), root, &fs.Options{MountOptions: fuse.MountOptions{
		MaxWrite: most, ExplicitDataCacheControl: true, DisableXAttrs: true,
	}})
	if err != nil {
		_ = syscall.Unmount(dir, syscall.MNT_DETACH)
		return nil, fmt.Errorf("serve the mount: %w", err)
	}
	root.fill(ctx, has)
	return func() error {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			return err
		}
		server.Wait()
		return nil
	}, nil
}

// fill puts files and folders into the root. In memory none of this can fail.
func (d *folder) fill(ctx context.Context, has image) {
	for _, path := range slices.Sorted(maps.Keys(has)) {
		parent := d
		names := strings.Split(path, "/")
		last := len(names) - 1
		for _, name := range names[:last] {
			parent = parent.GetChild(name).Operations().(*folder)
		}
		var inode *fs.Inode
		if has[path] == nil {
			inode, _ = parent.Mkdir(ctx, names[last], 0, nil)
		} else {
			inode, _, _, _ = parent.Create(ctx, names[last], 0, 0, nil)
			f := inode.Operations().(*file)
			_, _ = f.Write(ctx, nil, has[path], 0)
			_ = f.Fsync(ctx, nil, 0)
		}
		parent.AddChild(names[last], inode, false)
		_ = parent.Fsync(ctx, nil, 0)
	}
}

// folder is a folder of the file system.
type folder struct {
	fs.Inode
	rec *record
	id  int
}

var (
	_ fs.NodeCreater  = (*folder)(nil)
	_ fs.NodeMkdirer  = (*folder)(nil)
	_ fs.NodeUnlinker = (*folder)(nil)
	_ fs.NodeRmdirer  = (*folder)(nil)
	_ fs.NodeRenamer  = (*folder)(nil)
	_ fs.NodeFsyncer  = (*folder)(nil)
)

func (d *folder) Create(ctx context.Context, name string, _, _ uint32, _ *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	d.rec.mu.Lock()
	defer d.rec.mu.Unlock()
	f := &file{rec: d.rec, id: d.rec.number(), role: roleOf(name)}
	if f.role == stored {
		d.rec.add(op{kind: opCreate, file: f.id, dir: d.id, name: name})
	}
	return d.NewPersistentInode(ctx, f, fs.StableAttr{Mode: fuse.S_IFREG, Ino: uint64(f.id)}), nil, 0, 0
}

func (d *folder) Mkdir(ctx context.Context, name string, _ uint32, _ *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	d.rec.mu.Lock()
	defer d.rec.mu.Unlock()
	sub := &folder{rec: d.rec, id: d.rec.number()}
	d.rec.add(op{kind: opMkdir, file: sub.id, dir: d.id, name: name})
	return d.NewPersistentInode(ctx, sub, fs.StableAttr{Mode: fuse.S_IFDIR, Ino: uint64(sub.id)}), 0
}

func (d *folder) Unlink(_ context.Context, name string) syscall.Errno { return d.remove(name) }

func (d *folder) Rmdir(_ context.Context, name string) syscall.Errno {
	if child := d.GetChild(name); child != nil && len(child.Children()) > 0 {
		return syscall.ENOTEMPTY
	}
	return d.remove(name)
}

func (d *folder) remove(name string) syscall.Errno {
	d.rec.mu.Lock()
	defer d.rec.mu.Unlock()
	if id := d.storedChild(name); id != 0 {
		d.rec.add(op{kind: opRemove, file: id, dir: d.id, name: name})
	}
	return 0
}

func (d *folder) Rename(_ context.Context, name string, parent fs.InodeEmbedder, to string, flags uint32) syscall.Errno {
	d.rec.mu.Lock()
	defer d.rec.mu.Unlock()
	if parent != fs.InodeEmbedder(d) || flags != 0 {
		return syscall.EXDEV
	}
	id := d.storedChild(name)
	if id == 0 || roleOf(to) != stored {
		return syscall.EXDEV // between what is recorded and what is not
	}
	d.rec.add(op{kind: opRename, file: id, dir: d.id, name: name, to: to})
	return 0
}

func (d *folder) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	d.rec.mu.Lock()
	defer d.rec.mu.Unlock()
	d.rec.add(op{kind: opSyncDir, dir: d.id})
	return 0
}

// storedChild returns the number of an entry that the record knows, else 0.
func (d *folder) storedChild(name string) int {
	child := d.GetChild(name)
	if child == nil {
		return 0
	}
	switch n := child.Operations().(type) {
	case *folder:
		return n.id
	case *file:
		if n.role == stored {
			return n.id
		}
	}
	return 0
}

// role is what a file is for.
type role uint8

const (
	stored role = iota // it is recorded
	// shared memory of SQLite's processes: it is written by mapping it, and what
	// is left of it means nothing to the next one that opens the database.
	shared
	voice // what programs say goes here
)

// voiceName is the file, in the root, that programs speak into.
const voiceName = "said"

func roleOf(name string) role {
	switch {
	case name == voiceName:
		return voice
	case strings.HasSuffix(name, "-shm"):
		return shared
	}
	return stored
}

// file is a file of the file system.
type file struct {
	fs.Inode
	rec     *record
	id      int
	role    role
	data    []byte
	changes uint64 // stands for the time of the last change
}

var (
	_ fs.NodeOpener    = (*file)(nil)
	_ fs.NodeGetattrer = (*file)(nil)
	_ fs.NodeSetattrer = (*file)(nil)
	_ fs.NodeReader    = (*file)(nil)
	_ fs.NodeWriter    = (*file)(nil)
	_ fs.NodeFsyncer   = (*file)(nil)
)

func (f *file) Open(_ context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	if flags&syscall.O_TRUNC != 0 {
		f.truncate(0)
	}
	return nil, fuse.FOPEN_KEEP_CACHE, 0
}

func (f *file) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	f.rec.mu.Lock()
	defer f.rec.mu.Unlock()
	f.attributes(out)
	return 0
}

func (f *file) attributes(out *fuse.AttrOut) {
	out.Mode, out.Size, out.Nlink = 0o644, uint64(len(f.data)), 1
	out.Mtime, out.Mtimensec = 1+f.changes/1e9, uint32(f.changes%1e9)
}

func (f *file) Setattr(_ context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if size, ok := in.GetSize(); ok {
		f.truncate(int64(size))
	}
	return f.Getattr(context.Background(), nil, out)
}

func (f *file) truncate(size int64) {
	f.rec.mu.Lock()
	defer f.rec.mu.Unlock()
	f.data = resized(f.data, size)
	f.changes++
	if f.role == stored {
		f.rec.add(op{kind: opTruncate, file: f.id, offset: size})
	}
}

func (f *file) Read(_ context.Context, _ fs.FileHandle, dest []byte, offset int64) (fuse.ReadResult, syscall.Errno) {
	f.rec.mu.Lock()
	defer f.rec.mu.Unlock()
	if offset >= int64(len(f.data)) {
		return fuse.ReadResultData(nil), 0
	}
	return fuse.ReadResultData(dest[:copy(dest, f.data[offset:])]), 0
}

func (f *file) Write(_ context.Context, _ fs.FileHandle, data []byte, offset int64) (uint32, syscall.Errno) {
	f.rec.mu.Lock()
	defer f.rec.mu.Unlock()
	f.data = written(f.data, data, offset)
	f.changes++
	switch f.role {
	case stored:
		f.rec.add(op{kind: opWrite, file: f.id, offset: offset, data: bytes.Clone(data)})
	case voice:
		f.rec.add(op{kind: opSaid, data: bytes.Clone(data)})
	}
	return uint32(len(data)), 0
}

func (f *file) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	f.rec.mu.Lock()
	defer f.rec.mu.Unlock()
	if f.role == stored {
		f.rec.add(op{kind: opSync, file: f.id})
	}
	return 0
}
