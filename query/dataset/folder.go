package dataset

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// makeFolder makes a folder with those above it, and makes the names that lead to it
// durable: a power cut that takes away a folder takes away the versions in it. A
// folder that is there already may have been made by a build that was killed before
// it made the name durable. Folders of another device, or that may not be read, are
// left out.
func makeFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil { // less the umask
		return err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	for parent := filepath.Dir(dir); parent != dir && sameDevice(dir, parent); dir, parent = parent, filepath.Dir(parent) {
		if err := syncFolder(parent); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return nil
}

func sameDevice(a, b string) bool {
	var sa, sb syscall.Stat_t
	return syscall.Stat(a, &sa) == nil && syscall.Stat(b, &sb) == nil && sa.Dev == sb.Dev
}

// syncFolder makes the names in a folder durable.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
