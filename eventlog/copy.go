package eventlog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/google/uuid"
	bolt "go.etcd.io/bbolt"

	"github.com/explog/explog/eventlog/failpoint"
)

// A log is compacted and backed up by copying its events, in order, into a file of
// their own, where small blocks are packed into full ones. The copy is the same
// log: identity, sequence numbers and hashes are those of the original.

// copier writes the copy.
type copier struct {
	path   string
	db     *bolt.DB
	tx     *bolt.Tx
	at     position // after the last event that is in a block of the copy
	rest   []Event  // behind it; they do not fill a block yet
	bytes  int      // in this transaction
	blocks int
}

// copyTxBytes is how much goes into one transaction of the copy.
const copyTxBytes = 16 << 20

// newCopier begins a copy. Its file is locked until it is closed, so that nobody
// takes it for one that was left behind.
func newCopier(path string, id Identity) (*copier, error) {
	c := &copier{path: path, at: genesis(id.ID)}
	err := c.guard(func() (err error) {
		c.db, err = initialise(path, id, true)
		return err
	})
	if err != nil {
		os.Remove(path)
		return nil, fmt.Errorf("make %s: %w", path, err)
	}
	c.db.AllocSize = copyTxBytes // what is too much is cut off at the end
	return c, nil
}

// guard runs fn on the file that bbolt maps (see [guarded]).
func (c *copier) guard(fn func() error) error {
	abandoned, err := guarded(c.path, fn)
	if abandoned {
		c.db, c.tx = nil, nil
	}
	return err
}

// add takes events that follow the last ones, with the block that they come from.
func (c *copier) add(b block, events []Event) error {
	if b.first == events[0].Seq && b.full() {
		if err := c.flush(); err != nil {
			return err
		}
		return c.put(b.first, b.value, position{b.last(), b.end})
	}
	c.rest = append(c.rest, events...)
	for {
		n := blockOf(c.rest)
		if n == len(c.rest) {
			return nil
		}
		if err := c.pack(n); err != nil {
			return err
		}
	}
}

// flush packs what is left into a block, even if it does not fill one.
func (c *copier) flush() error {
	for len(c.rest) > 0 {
		if err := c.pack(blockOf(c.rest)); err != nil {
			return err
		}
	}
	return nil
}

func (c *copier) pack(n int) error {
	want := position{c.rest[n-1].Seq, c.rest[n-1].Hash}
	value, end := encodeBlock(c.at, c.rest[:n])
	if end != want {
		return fmt.Errorf("copy to %s: event %d changed on the way", c.path, want.seq)
	}
	first := c.at.seq + 1
	c.rest = append(c.rest[:0], c.rest[n:]...)
	return c.put(first, value, end)
}

func (c *copier) put(first uint64, value []byte, end position) error {
	err := c.guard(func() (err error) {
		if c.tx == nil {
			if c.tx, err = c.db.Begin(true); err != nil {
				return err
			}
		}
		events := c.tx.Bucket(bucketEvents)
		events.FillPercent = 1
		return events.Put(seqKey(first), value)
	})
	if err != nil {
		return fmt.Errorf("write to %s: %w", c.path, err)
	}
	c.at = end
	c.blocks++
	if c.bytes += len(value); c.bytes < copyTxBytes {
		return nil
	}
	return c.commit()
}

func (c *copier) commit() error {
	if c.tx == nil {
		return nil
	}
	tx := c.tx
	c.tx, c.bytes = nil, 0
	if err := c.guard(tx.Commit); err != nil {
		return fmt.Errorf("write to %s: %w", c.path, err)
	}
	return nil
}

// finish writes what is left, gives the file a transaction id above another one and
// the rights of the original, cuts off what it does not use, and syncs it.
func (c *copier) finish(above uint64, original fs.FileInfo) error {
	if err := c.settle(); err != nil {
		return err
	}
	if err := c.guard(c.db.Close); err != nil {
		return err
	}
	c.db = nil
	f, err := os.OpenFile(c.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	im, _, err := readImage(f)
	if err == nil {
		err = raiseTxid(f, im, above)
	}
	if err == nil {
		err = giveRights(f, original)
	}
	if err == nil {
		err = f.Truncate(int64(im.highWater) * im.pageSize)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("finish %s: %w", c.path, err)
	}
	return failpoint.Hit(failpoint.CopySynced)
}

// giveRights gives a file the permissions and the owner of another one.
func giveRights(f *os.File, original fs.FileInfo) error {
	if err := f.Chmod(original.Mode().Perm()); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	own, ok := info.Sys().(*syscall.Stat_t)
	wanted, known := original.Sys().(*syscall.Stat_t)
	if !ok || !known || own.Uid == wanted.Uid && own.Gid == wanted.Gid {
		return nil
	}
	return f.Chown(int(wanted.Uid), int(wanted.Gid))
}

// settle commits what the copy holds so far.
func (c *copier) settle() error {
	if err := c.flush(); err != nil {
		return err
	}
	return c.commit()
}

// check reads the copy as it is in the file, from a position to the end of what was
// copied: a copy that is not the log must not take its place.
func (c *copier) check(from position) error {
	return inFile(c.path, func(s *session) error {
		if s.head != c.at {
			return s.damage(s.head.seq, "the copy ends at event %d, and event %d was written", s.head.seq, c.at.seq)
		}
		if err := s.checkPages(); err != nil {
			return err
		}
		return s.walk(from)
	})
}

// discard removes a copy that did not become a file of its own.
func (c *copier) discard() {
	if c.tx != nil {
		_ = c.tx.Rollback() // nothing of it counts
	}
	if c.db != nil {
		_ = c.db.Close()
	}
	os.Remove(c.path)
}

// raiseTxid gives the newest meta page a transaction id above another one, of the
// same parity, by which bbolt knows the page that it writes next. So a copy that
// takes a log's place is ahead of the log's seal, as after any commit.
func raiseTxid(f *os.File, im image, above uint64) error {
	if im.txid > above {
		return nil
	}
	next := above + 1
	next += (next ^ im.txid) & 1
	meta := im.meta[boltPageHeader:]
	ne, sum := binary.NativeEndian, fnv.New64a()
	ne.PutUint64(meta[48:], next)
	sum.Write(meta[:boltMetaSize-8])
	ne.PutUint64(meta[56:], sum.Sum64())
	_, err := f.WriteAt(meta, im.metaAt+boltPageHeader)
	return err
}

// copyUpTo copies the events behind the copy's end up to a sequence number, in
// chunks, with no lease held between them.
func (c *copier) copyUpTo(ctx context.Context, r *reader, seq uint64) error {
	for r.at == nil || r.at.seq < seq {
		blocks, err := r.chunk(ctx)
		if err != nil {
			return err
		}
		if len(blocks) == 0 {
			return nil
		}
		for _, b := range blocks {
			events, err := r.unpack(b)
			if err != nil {
				return err
			}
			if err := c.add(b, events); err != nil {
				return err
			}
		}
	}
	return nil
}

// full reports whether packing the block anew would win nothing.
func (b block) full() bool {
	return b.count == maxBlockEvents || le.Uint32(b.value[4:]) >= targetBlockSize/2
}

// freshName returns the name of a file that is not finished yet.
func freshName(path string) (string, error) {
	id, err := uuid.NewRandom()
	return path + ".new-" + id.String(), err
}

// sweep removes files that were to become one of this name and were never finished:
// whoever still works on one has it locked.
func sweep(path string) error {
	dir := filepath.Dir(path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		id, ok := strings.CutPrefix(e.Name(), filepath.Base(path)+".new-")
		if _, err := uuid.Parse(id); !ok || err != nil {
			continue
		}
		if err := removeUnlocked(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func removeUnlocked(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return nil
	case err != nil:
		return err
	}
	return os.Remove(path)
}
