package hub

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/uuid"

	"github.com/explog/explog/eventlog/flock"
)

// ErrBusy means that another process is asking the same questions.
var ErrBusy = errors.New("another process is asking the same of the same")

// Lock keeps other processes from asking the same questions. It is a lock on a file
// named by the definition, hub-UUID.lock, which is removed when it is given back.
type Lock struct {
	file *os.File
}

// Acquire takes the lock of a definition in the folder of a store, or returns an
// error that wraps [ErrBusy]. It does not wait.
func Acquire(dir string, definition uuid.UUID) (*Lock, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "hub-"+definition.String()+".lock")
	for {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, err
		}
		if free, err := flock.Try(file); err != nil || !free {
			file.Close()
			if err == nil {
				err = fmt.Errorf("%w (%s is locked)", ErrBusy, path)
			}
			return nil, err
		}
		if isAt(file, path) {
			return &Lock{file}, nil
		}
		file.Close() // who had the lock has just removed the file
	}
}

// isAt reports whether a file is the one that stands under a path.
func isAt(file *os.File, path string) bool {
	own, err := file.Stat()
	there, err2 := os.Stat(path)
	return err == nil && err2 == nil && os.SameFile(own, there)
}

// Release gives the lock back.
func (l *Lock) Release() error {
	return errors.Join(os.Remove(l.file.Name()), l.file.Close())
}
