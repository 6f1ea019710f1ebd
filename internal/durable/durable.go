// Package durable makes folders durable: a power cut that removes a folder removes the
// files in it, even those that were synced.
package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// SyncFolder makes the names in a folder durable.
func SyncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// SyncPath makes the names in a folder durable, and the names that lead to it. It also
// syncs folders that were there before, because a process that was killed may have made
// them. It leaves out parents on another device and parents that the process may not
// open or sync.
func SyncPath(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := SyncFolder(dir); err != nil {
		return err
	}
	for parent := filepath.Dir(dir); parent != dir && sameDevice(dir, parent); dir, parent = parent, filepath.Dir(parent) {
		if err := SyncFolder(parent); err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.EROFS) {
			return err
		}
	}
	return nil
}

func sameDevice(a, b string) bool {
	var sa, sb syscall.Stat_t
	return syscall.Stat(a, &sa) == nil && syscall.Stat(b, &sb) == nil && sa.Dev == sb.Dev
}
