// Package scratch makes folders for temporary files that do not pile up: what a
// process leaves that was killed, the next one removes that makes such a folder.
//
// Whoever uses a folder has it locked (flock), and a folder that nobody has locked is
// nobody's. Folders of other users are left alone.
package scratch

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Folder is a temporary folder. It is safe to use until [Folder.Remove].
type Folder struct {
	Path string
	lock *os.File // open and locked
}

// New makes a folder in the folder for temporary files, whose name begins with a
// prefix, and removes those of the same prefix that were left behind.
func New(prefix string) (*Folder, error) {
	sweep(prefix)
	for {
		path, err := os.MkdirTemp("", prefix)
		if err != nil {
			return nil, err
		}
		lock, err := hold(path, syscall.LOCK_EX)
		if err == nil {
			return &Folder{path, lock}, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, errors.Join(err, os.RemoveAll(path))
		}
		// Another process took it for one that was left behind, before it was locked.
	}
}

// Remove removes the folder with all that is in it.
func (f *Folder) Remove() error {
	return errors.Join(os.RemoveAll(f.Path), f.lock.Close())
}

// sweep removes folders that were left behind. What it cannot remove stays.
func sweep(prefix string) {
	entries, err := os.ReadDir(os.TempDir())
	if err != nil {
		return
	}
	for _, e := range entries {
		path := filepath.Join(os.TempDir(), e.Name())
		if !e.IsDir() || !strings.HasPrefix(e.Name(), prefix) || !own(e) {
			continue
		}
		if lock, err := hold(path, syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
			_ = os.RemoveAll(path) // the next one tries again
			lock.Close()
		}
	}
}

// own reports whether a folder belongs to the user of this process.
func own(e fs.DirEntry) bool {
	info, err := e.Info()
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// hold opens a folder and locks it. A folder that was removed in between is
// [fs.ErrNotExist].
func hold(path string, how int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	for err = syscall.EINTR; errors.Is(err, syscall.EINTR); {
		err = syscall.Flock(int(f.Fd()), how)
	}
	if err != nil {
		return nil, errors.Join(&fs.PathError{Op: "lock", Path: path, Err: err}, f.Close())
	}
	locked, err := f.Stat()
	if err == nil {
		var named fs.FileInfo
		if named, err = os.Lstat(path); err == nil && !os.SameFile(locked, named) {
			err = fs.ErrNotExist
		}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
