package dataset

import (
	"os"
	"path/filepath"
	"syscall"

	"github.com/explog/explog/internal/tempfiles"
)

// makeFolder makes a folder and its parents, and makes their names durable: a power cut
// that removes a folder removes the versions in it. It also syncs folders that exist,
// because a build that was killed may have made them. It leaves out folders on another
// device and folders that the process may not read.
func makeFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil { // less the umask
		return err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	for parent := filepath.Dir(dir); parent != dir && sameDevice(dir, parent); dir, parent = parent, filepath.Dir(parent) {
		if err := tempfiles.SyncDir(parent); err != nil {
			return err
		}
	}
	return nil
}

func sameDevice(a, b string) bool {
	var sa, sb syscall.Stat_t
	return syscall.Stat(a, &sa) == nil && syscall.Stat(b, &sb) == nil && sa.Dev == sb.Dev
}
