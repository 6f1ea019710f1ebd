package memfs

import (
	"context"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// folder is a folder of the file system.
type folder struct {
	fs.Inode
	*volume
	id int
}

var (
	_ fs.NodeLookuper  = (*folder)(nil)
	_ fs.NodeOpendirer = (*folder)(nil)
	_ fs.NodeCreater   = (*folder)(nil)
	_ fs.NodeMkdirer   = (*folder)(nil)
	_ fs.NodeUnlinker  = (*folder)(nil)
	_ fs.NodeRmdirer   = (*folder)(nil)
	_ fs.NodeRenamer   = (*folder)(nil)
	_ fs.NodeFsyncer   = (*folder)(nil)
)

func (d *folder) Lookup(_ context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.ask(Request{Op: "lookup", Name: name})
	if v.Errno != 0 {
		return nil, v.Errno
	}
	defer v.done()
	child := d.GetChild(name)
	if child == nil {
		return nil, syscall.ENOENT
	}
	if f, ok := child.Operations().(*file); ok {
		f.attributes(&out.Attr)
	}
	return child, 0
}

func (d *folder) Opendir(context.Context) syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.ask(Request{Op: "open-folder"})
	if v.Errno == 0 {
		v.done()
	}
	return v.Errno
}

func (d *folder) Create(_ context.Context, name string, flags, _ uint32, _ *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.ask(Request{Op: "create", Name: name, Flags: flags})
	if v.Errno != 0 {
		return nil, nil, 0, v.Errno
	}
	defer v.done()
	f := &file{volume: d.volume, id: d.number(), role: roleOf(name)}
	if f.role == stored {
		d.add(Op{Kind: Create, File: f.id, Dir: d.id, Name: name})
	} else {
		d.names[f.id] = name
	}
	inode := d.NewPersistentInode(context.Background(), f, fs.StableAttr{Mode: fuse.S_IFREG, Ino: uint64(f.id)})
	return inode, f.opened(flags), f.caching(), 0
}

func (d *folder) Mkdir(_ context.Context, name string, _ uint32, _ *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.ask(Request{Op: "mkdir", Name: name})
	if v.Errno != 0 {
		return nil, v.Errno
	}
	defer v.done()
	sub := &folder{volume: d.volume, id: d.number()}
	d.add(Op{Kind: Mkdir, File: sub.id, Dir: d.id, Name: name})
	return d.NewPersistentInode(context.Background(), sub, fs.StableAttr{Mode: fuse.S_IFDIR, Ino: uint64(sub.id)}), 0
}

func (d *folder) Unlink(_ context.Context, name string) syscall.Errno {
	return d.remove("unlink", name)
}

func (d *folder) Rmdir(_ context.Context, name string) syscall.Errno {
	if child := d.GetChild(name); child != nil && len(child.Children()) > 0 {
		return syscall.ENOTEMPTY
	}
	return d.remove("rmdir", name)
}

func (d *folder) remove(op, name string) syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.ask(Request{Op: op, Name: name})
	if v.Errno != 0 {
		return v.Errno
	}
	defer v.done()
	if id := d.storedChild(name); id != 0 {
		d.add(Op{Kind: Remove, File: id, Dir: d.id, Name: name})
	}
	return 0
}

func (d *folder) Rename(_ context.Context, name string, parent fs.InodeEmbedder, to string, flags uint32) syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	if parent != fs.InodeEmbedder(d) || flags != 0 {
		return syscall.EXDEV
	}
	id := d.storedChild(name)
	if id == 0 || roleOf(to) != stored {
		return syscall.EXDEV // between what is in the journal and what is not
	}
	v := d.ask(Request{Op: "rename", Name: name, To: to})
	if v.Errno != 0 {
		return v.Errno
	}
	defer v.done()
	d.add(Op{Kind: Rename, File: id, Dir: d.id, Name: name, To: to})
	return 0
}

func (d *folder) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.ask(Request{Op: "sync-folder"})
	if v.Errno != 0 {
		return v.Errno
	}
	defer v.done()
	d.add(Op{Kind: SyncDir, Dir: d.id})
	return 0
}

// storedChild returns the number of an entry that the journal has, else 0.
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
