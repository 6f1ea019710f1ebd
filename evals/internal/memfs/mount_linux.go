package memfs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// The file system refuses what it does not know (links, copying within the kernel,
// renames between folders), so that nothing happens that is not in the journal. There
// is no write-back cache: each write is in the journal before the program goes on.

// Options are how a file system behaves.
type Options struct {
	// Intercept, if not nil, is called with every request before it is carried out, under
	// the journal's lock. Programs read and write without the kernel's page cache
	// then, and locks are requests too; without it, reading is cached and locks are the
	// kernel's business.
	Intercept func(Request) Verdict
}

// volume is what all files and folders of a file system share.
type volume struct {
	*Journal
	intercept func(Request) Verdict
	filled    atomic.Bool // from now on requests are judged
}

// Mount puts a file system onto a folder. Its root has the number [RootFolder]; what
// it has at first is durable, and is in the journal too.
func Mount(ctx context.Context, dir string, j *Journal, has Image, o Options) (unmount func() error, err error) {
	// The device is opened here, and not by the library, to be closed in programs
	// that are started: if this process dies, theirs must not keep it alive.
	fd, err := syscall.Open("/dev/fuse", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/fuse: %w", err)
	}
	const most = 1 << 17 // bytes in one request
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=%d,group_id=%d,max_read=%d", fd, os.Geteuid(), os.Getegid(), most)
	if err := syscall.Mount("memfs", dir, "fuse.memfs", syscall.MS_NOSUID|syscall.MS_NODEV, options); err != nil {
		return nil, errors.Join(fmt.Errorf("mount: %w", err), syscall.Close(fd))
	}
	root := &folder{volume: &volume{Journal: j, intercept: o.Intercept}, id: j.number()}
	mountOptions := fuse.MountOptions{MaxWrite: most, ExplicitDataCacheControl: true, DisableXAttrs: true}
	if o.Intercept != nil {
		mountOptions.EnableLocks = true
		mountOptions.MaxReadAhead = 1 // in bytes: a page that is mapped is read for itself, and once
		mountOptions.ExtraCapabilities = fuse.CAP_DIRECT_IO_ALLOW_MMAP
	}
	server, err := fs.Mount(fmt.Sprintf("/dev/fd/%d", fd), root, &fs.Options{MountOptions: mountOptions})
	if err != nil {
		_ = syscall.Unmount(dir, syscall.MNT_DETACH)
		return nil, fmt.Errorf("serve the mount: %w", err)
	}
	unmount = func() error {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			return err
		}
		server.Wait()
		return nil
	}
	if o.Intercept != nil && server.KernelSettings().Flags64()&fuse.CAP_DIRECT_IO_ALLOW_MMAP == 0 {
		return nil, errors.Join(fmt.Errorf("map files without caching them (as Linux does from 6.6 on): %w", syscall.ENODEV), unmount())
	}
	root.fill(ctx, has)
	return unmount, nil
}

// fill puts files and folders into the root, before anybody is told of requests. In
// memory none of this can fail.
func (d *folder) fill(ctx context.Context, has Image) {
	defer d.filled.Store(true)
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
			var fh fs.FileHandle
			inode, fh, _, _ = parent.Create(ctx, names[last], 0, 0, nil)
			f := inode.Operations().(*file)
			_, _ = f.Write(ctx, fh, has[path], 0)
			_ = f.Fsync(ctx, fh, 0)
			_ = fh.(*handle).Release(ctx)
		}
		parent.AddChild(names[last], inode, false)
		_ = parent.Fsync(ctx, nil, 0)
	}
}
