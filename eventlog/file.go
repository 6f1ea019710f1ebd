package eventlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/explog/explog/eventlog/flock"
	"github.com/explog/explog/internal/durable"
)

// The lock guards the file, not the name. The lease is a lock on a file beside the
// log, so it does not keep out a process that reaches the same file under another
// name (a hard link, a symbolic link, a mount) or that holds another lock file. For
// this reason each session also locks the log's file itself before it reads
// anything from it, and then makes sure that the name still leads to that file.

// ErrReplaced means that the log's file was replaced, moved or removed while it was
// in use.
var ErrReplaced = errors.New("eventlog: the log is no longer in its place")

// openFile opens the log's file and locks it: shared for reading, exclusively for
// anything else. The file that it returns has the log's name at this moment.
func (l *Log) openFile(ctx context.Context, mode access, deadline time.Time) (*os.File, error) {
	flag, lock := os.O_RDONLY, flock.LockShared
	if mode != reading {
		lock = flock.Lock
	}
	if mode == writing {
		flag = os.O_RDWR
	}
	for {
		f, err := os.OpenFile(l.Path(), flag, 0)
		if err != nil {
			return nil, err
		}
		err = lock(ctx, f, time.Until(deadline))
		if errors.Is(err, flock.ErrTimeout) {
			return nil, fmt.Errorf("%w: another process has %s locked", ErrLocked, l.Path())
		}
		if err != nil {
			return nil, err
		}
		named, err := l.named(f)
		if named {
			return f, nil
		}
		f.Close()
		if err != nil {
			return nil, err
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%w: %s", ErrReplaced, l.Path())
		}
	}
}

// named reports whether the log's name leads to an open file. A file that has the
// name but no link left is an error: it was replaced or removed elsewhere, and only a
// mount of this one file keeps it. What is written to it would be lost.
func (l *Log) named(f *os.File) (bool, error) {
	open, err := f.Stat()
	if err != nil {
		return false, err
	}
	now, err := os.Stat(l.Path())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if err != nil || !os.SameFile(open, now) {
		return false, nil
	}
	if links(open) == 0 {
		return false, fmt.Errorf("%w: %s was replaced or removed outside of this mount, and what is written to it would be lost; "+
			"mount the folder, not the file", ErrReplaced, l.Path())
	}
	return true, nil
}

// links returns the number of names that a file has; 1 where the system does not say.
func links(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink) //nolint:unconvert // its type is another one on other systems
	}
	return 1
}

// known is how far a process has seen its log: from there the log can only go on.
type known struct {
	id   Identity
	head position
}

// follows compares a session with what earlier sessions of this process found. A
// long command would otherwise continue in another log when its folder is moved or
// replaced, with half of its events in each.
func (l *Log) follows(s *session) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.known == nil:
	case l.known.id.ID != s.identity.ID:
		return fmt.Errorf("%w: %s is now log %s and was log %s", ErrReplaced, l.Path(), s.identity.ID, l.known.id.ID)
	case s.head.seq < l.known.head.seq, s.head.seq == l.known.head.seq && s.head.hash != l.known.head.hash:
		return fmt.Errorf("%w: %s ends at event %d now, and ended at event %d", ErrReplaced, l.Path(), s.head.seq, l.known.head.seq)
	}
	l.known = &known{s.identity, s.head}
	return nil
}

// gone returns [ErrReplaced] where this process has seen the log that now is missing.
func (l *Log) gone() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil {
		return nil
	}
	return fmt.Errorf("%w: %s was moved or removed", ErrReplaced, l.Path())
}

// forget makes the next session the first.
func (l *Log) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known = nil
}

// persist makes the newest commit durable where nothing says that it is: the process
// that made it may have died, or the disk failed, between writing its meta page and
// syncing it. After a failed sync the kernel may have dropped the page while reads
// still return it, and a further sync would succeed without writing anything; so the
// page is written again first. The pages that it refers to need no such care, because
// bbolt syncs them before it writes the meta page. The names that lead to the file may
// not be durable either.
func (s *session) persist() error {
	f, err := os.OpenFile(s.log.Path(), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if named, err := s.log.named(f); err != nil || !named {
		return errors.Join(err, fmt.Errorf("%w: %s", ErrReplaced, s.log.Path()))
	}
	if _, err := f.WriteAt(s.image.meta[:], s.image.metaAt); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	path, err := filepath.EvalSymlinks(s.log.Path())
	if err != nil {
		return err
	}
	if s.seal != nil {
		return durable.SyncFolder(filepath.Dir(path))
	}
	return durable.SyncPath(filepath.Dir(path)) // the folder may be as new as the log
}

// unreadable reports whether an error says that the system could not read, and not
// that what was read is wrong. The first is not damage, and nothing follows from it.
func unreadable(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno)
}
