package eventlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/explog/explog/eventlog/failpoint"
	"github.com/explog/explog/eventlog/flock"
	"github.com/explog/explog/internal/durable"
)

// Compacted says what compacting a log won.
type Compacted struct {
	Events        uint64
	Blocks        int   // that the events are in now
	Before, After int64 // size of the file in bytes
}

// Compact packs the small blocks of single appends into full ones and drops free
// pages, by copying the log into a new file that takes its place. Others append and
// read meanwhile; only for the last of it do they wait. Nothing else changes: the
// events keep their numbers and hashes.
func (l *Log) Compact(ctx context.Context) (Compacted, error) {
	head, err := l.Head(ctx)
	if err != nil {
		return Compacted{}, err
	}
	c, err := l.beginCopy(ctx, head.Identity)
	if err != nil {
		return Compacted{}, err
	}
	defer c.discard()
	r := &reader{log: l, from: 1}
	if err := c.copyUpTo(ctx, r, head.Seq); err != nil {
		return Compacted{}, err
	}
	if err := c.settle(); err != nil {
		return Compacted{}, err
	}
	checked := c.at
	if err := c.check(genesis(head.ID)); err != nil { // most of it, while others work on
		return Compacted{}, fmt.Errorf("compact %s: %w", l.Path(), err)
	}
	h, err := l.acquire(ctx, false)
	if err != nil {
		return Compacted{}, err
	}
	defer h.release()
	report := Compacted{Before: head.FileSize}
	err = l.session(ctx, h, replacing, func(s *session) error {
		report.Before = s.size
		if err := s.copyRest(c, r); err != nil {
			return err
		}
		original, err := s.file.Stat()
		if err != nil {
			return err
		}
		if err := c.finish(s.image.txid, original); err != nil {
			return err
		}
		if err := c.check(checked); err != nil {
			return err
		}
		return s.replaceBy(ctx, c)
	})
	if err != nil {
		return Compacted{}, fmt.Errorf("compact %s: %w", l.Path(), err)
	}
	info, err := os.Stat(l.Path())
	if err != nil {
		return Compacted{}, err
	}
	report.Events, report.Blocks, report.After = c.at.seq, c.blocks, info.Size()
	return report, nil
}

// beginCopy makes the file of a copy beside the log, and removes what copies that
// were killed left behind.
func (l *Log) beginCopy(ctx context.Context, id Identity) (*copier, error) {
	if err := l.brokenBy(nil); err != nil {
		return nil, err
	}
	h, err := l.acquire(ctx, false)
	if err != nil {
		return nil, err
	}
	defer h.release()
	path, err := filepath.EvalSymlinks(l.Path()) // a link stays one: what it leads to is replaced
	if err != nil {
		return nil, err
	}
	if err := sweep(path); err != nil {
		return nil, err
	}
	fresh, err := freshName(path)
	if err != nil {
		return nil, err
	}
	return newCopier(fresh, id)
}

// copyRest copies what was appended since the copier last looked.
func (s *session) copyRest(c *copier, r *reader) error {
	if r.at.seq == s.head.seq {
		return nil
	}
	return s.ascend(r.at.seq+1, func(b block, err error) (bool, error) {
		if err != nil {
			return false, s.damage(b.first, "%v", err)
		}
		events, err := r.unpack(b)
		if err == nil {
			err = c.add(b, events)
		}
		return err == nil, err
	})
}

// replaceBy puts a finished copy in the log's place, and seals it. Both files are locked
// meanwhile: whoever reaches the old one under another name, or the new one, waits.
func (s *session) replaceBy(ctx context.Context, c *copier) error {
	if c.at != s.head {
		return fmt.Errorf("the copy ends at event %d, the log at %d", c.at.seq, s.head.seq)
	}
	path, err := filepath.EvalSymlinks(s.log.Path())
	if err != nil {
		return err
	}
	f, err := os.Open(c.path)
	if err != nil {
		return err
	}
	if err := flock.Lock(ctx, f, time.Until(s.lease.deadline)); err != nil {
		return err
	}
	old := s.file
	defer old.Close()
	s.file = f
	if err := os.Rename(c.path, path); err != nil {
		return err
	}
	if err := failpoint.Hit(failpoint.CopyRenamed); err != nil {
		return err
	}
	if err := durable.SyncFolder(filepath.Dir(path)); err != nil {
		return err
	}
	if err := failpoint.Hit(failpoint.CompactRenamed); err != nil {
		return err
	}
	if s.image, s.size, err = readImage(f); err != nil {
		return err
	}
	return s.writeSeal(0)
}

// ErrNotABackup means that a backup would overwrite a file that is no backup of the log.
var ErrNotABackup = errors.New("eventlog: not a backup of this log")

// Backup writes the log, as it is when the call begins, to a file: packed, synced,
// read again in full from there, and only then renamed to its name. Others append
// meanwhile. To go back to it, put it as events.db into a folder without other
// files. An older backup of the same log under that name is replaced, any other
// file is [ErrNotABackup].
func (l *Log) Backup(ctx context.Context, path string) (Head, error) {
	head, err := l.Head(ctx)
	if err != nil {
		return Head{}, err
	}
	if err := l.replaceable(ctx, path, head); err != nil {
		return Head{}, err
	}
	if err := sweep(path); err != nil {
		return Head{}, err
	}
	original, err := os.Stat(l.Path())
	if err != nil {
		return Head{}, err
	}
	fresh, err := freshName(path)
	if err != nil {
		return Head{}, err
	}
	c, err := newCopier(fresh, head.Identity)
	if err != nil {
		return Head{}, err
	}
	defer c.discard()
	if err := c.copyUpTo(ctx, &reader{log: l, from: 1}, head.Seq); err != nil {
		return Head{}, err
	}
	if err := c.finish(0, original); err != nil {
		return Head{}, err
	}
	copied, err := verifyFile(fresh)
	if err == nil && copied.position() != c.at {
		err = fmt.Errorf("it ends at event %d, and event %d was written", copied.Seq, c.at.seq)
	}
	if err != nil {
		return Head{}, fmt.Errorf("the backup is not what was written: %w", err)
	}
	if err := l.replaceable(ctx, path, copied); err != nil { // another backup may have come first
		return Head{}, err
	}
	if err := os.Rename(fresh, path); err != nil {
		return Head{}, err
	}
	if err := failpoint.Hit(failpoint.CopyRenamed); err != nil {
		return Head{}, err
	}
	return copied, durable.SyncFolder(filepath.Dir(path))
}

// replaceable reports whether a backup may have this name: there is no such file,
// or it is an older backup.
func (l *Log) replaceable(ctx context.Context, path string, head Head) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if own, err := os.Stat(l.Path()); err == nil && os.SameFile(own, info) {
		return fmt.Errorf("%w: %s is the log itself; name another file", ErrNotABackup, path)
	}
	old, err := headOfFile(path)
	switch {
	case unreadable(err):
		return err
	case err != nil:
		return fmt.Errorf("%w: %s is there and something else; name another file", ErrNotABackup, path)
	case old.ID != head.ID:
		return fmt.Errorf("%w: %s is a backup of log %s; name another file", ErrNotABackup, path, old.ID)
	case old.Seq > head.Seq:
		return fmt.Errorf("%w: %s has %d events, the log %d; name another file", ErrNotABackup, path, old.Seq, head.Seq)
	}
	hash, err := l.hashAt(ctx, old.Seq)
	if err == nil && hash != old.Hash {
		err = fmt.Errorf("%w: %s has events that the log has not; name another file", ErrNotABackup, path)
	}
	return err
}

// hashAt returns the hash of the chain after an event; 0 is before the first.
func (l *Log) hashAt(ctx context.Context, seq uint64) (hash Hash, err error) {
	err = l.read(ctx, func(s *session) error {
		if hash = genesis(s.identity.ID).hash; seq == 0 {
			return nil
		}
		b, err := s.holding(seq)
		if err != nil {
			return err
		}
		at, err := s.before(seq)
		if err != nil {
			return err
		}
		events, _, err := b.chained(at)
		if err != nil {
			return s.damage(seq, "%v", err)
		}
		hash = events[seq-b.first].Hash
		return nil
	})
	return hash, err
}

// inFile runs fn on a log in a file that nobody writes, under any name.
func inFile(path string, fn func(*session) error) error {
	l := New(filepath.Dir(path), Options{})
	l.name = filepath.Base(path)
	s := &session{log: l, lease: &lease{}}
	defer s.close()
	var err error
	if s.file, err = os.Open(path); err != nil {
		return err
	}
	if err := s.examine(); err != nil {
		return err
	}
	if err := s.open(true); err != nil {
		return err
	}
	return fn(s)
}

func headOfFile(path string) (h Head, err error) {
	err = inFile(path, func(s *session) error {
		h, err = s.headNow()
		return err
	})
	return h, err
}

// verifyFile checks every page and the chain of a log in a file.
func verifyFile(path string) (h Head, err error) {
	err = inFile(path, func(s *session) error {
		if h, err = s.headNow(); err != nil {
			return err
		}
		if err := s.checkPages(); err != nil {
			return err
		}
		return s.walk(genesis(s.identity.ID))
	})
	return h, err
}
