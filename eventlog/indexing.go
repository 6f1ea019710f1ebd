package eventlog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/uuid"

	"github.com/explog/explog/eventlog/failpoint"
)

// This file keeps the index in step with the log: index.go is the table itself.

// index returns the index, brought up to the head. It is nil where there is none
// to be had because the folder cannot be written.
func (s *session) index() (*index, error) {
	if s.idx != nil {
		return s.idx, nil
	}
	x, err := s.openIndex()
	if x == nil && s.lease.writable && (err == nil || errors.Is(err, errIndex)) {
		x, err = s.buildIndex(roomFor(s.head.seq))
	}
	if errors.Is(err, errIndex) {
		return nil, nil
	}
	s.idx = x
	return x, err
}

// openIndex opens the index that is there, if it leads up to the head.
func (s *session) openIndex() (*index, error) {
	mode := os.O_RDONLY
	if s.lease.writable {
		mode = os.O_RDWR
	}
	f, err := os.OpenFile(s.indexPath(), mode, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errIndex, err)
	}
	x, err := openIndex(f, s.identity.ID)
	if err == nil {
		err = s.catchUpIndex(x)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return x, nil
}

// catchUpIndex adds the events that the index lacks, where it belongs to the log.
func (s *session) catchUpIndex(x *index) error {
	if x.covered == s.head {
		return nil
	}
	if x.covered.seq >= s.head.seq || !s.lease.writable || x.full(s.head.seq) {
		return errIndex
	}
	if at := x.covered; at.seq > 0 {
		b, err := s.holding(at.seq)
		if err != nil {
			return err
		}
		if b.last() != at.seq || b.end != at.hash {
			return errIndex
		}
	}
	return s.fillIndex(x)
}

// fillIndex adds what the blocks behind the covered position hold.
func (s *session) fillIndex(x *index) error {
	const batch = 1 << 17
	entries := make([]indexEntry, 0, min(batch+maxBlockEvents, s.head.seq-x.covered.seq))
	err := s.ascend(x.covered.seq+1, func(b block, err error) (bool, error) {
		if err != nil {
			return false, s.damage(b.first, "%v", err)
		}
		for i := range b.count {
			entries = append(entries, indexEntry{fingerprint(b.id(i)), b.first + uint64(i)})
		}
		if len(entries) >= batch {
			err = x.add(entries)
			entries = entries[:0]
		}
		return err == nil, err
	})
	if err == nil {
		err = x.add(entries)
	}
	if err != nil {
		return err
	}
	return x.cover(s.head)
}

// buildIndex makes the index from the blocks, under another name, and renames it.
func (s *session) buildIndex(pages uint64) (*index, error) {
	return s.replaceIndex(pages, s.fillIndex)
}

// growIndex copies the index into one with room for more entries.
func (s *session) growIndex(old *index, entries uint64) (*index, error) {
	defer old.file.Close()
	return s.replaceIndex(roomFor(2*entries), func(x *index) error {
		batch := make([]indexEntry, 0, indexCached*indexPerPage/4)
		for n := range old.pages {
			p, err := old.page(n)
			if err != nil {
				return err
			}
			for i := range p.count() {
				batch = append(batch, p.entry(i))
			}
			if len(batch)+indexPerPage > cap(batch) || n == old.pages-1 {
				if err := x.add(batch); err != nil {
					return err
				}
				batch = batch[:0]
			}
		}
		return x.cover(old.covered)
	})
}

// replaceIndex makes a new index file and puts it in the old one's place.
func (s *session) replaceIndex(pages uint64, fill func(*index) error) (*index, error) {
	path := s.indexPath() + ".new"
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, err
	}
	x := newIndex(f, s.identity.ID, pages)
	if err = x.clear(); err == nil {
		err = fill(x)
	}
	if err == nil {
		err = failpoint.Hit(failpoint.IndexMade)
	}
	if err == nil {
		err = os.Rename(path, s.indexPath())
	}
	if err != nil {
		f.Close()
		os.Remove(path)
		return nil, fmt.Errorf("make %s: %w", s.indexPath(), err)
	}
	return x, nil
}

// indexed adds events that were just committed. Where that fails the index stays
// behind, and the next session brings it up: the commit counts.
func (s *session) indexed(fresh []Event) {
	x := s.idx
	if x == nil {
		return
	}
	entries := make([]indexEntry, len(fresh))
	for i := range fresh {
		entries[i] = indexEntry{fingerprint(fresh[i].ID), fresh[i].Seq}
	}
	if x.full(s.head.seq) {
		grown, err := s.growIndex(x, s.head.seq)
		if s.idx = grown; err != nil {
			s.idx = nil
			return
		}
		x = grown
	}
	if x.add(entries) == nil {
		_ = x.cover(s.head) // see above
	}
}

// preload has the index read at once what requests will need of it.
func (s *session) preload(requests []*request) {
	var ids []uuid.UUID
	for _, r := range requests {
		for i := range r.batch.Events {
			ids = append(ids, r.batch.Events[i].ID)
		}
	}
	if len(ids) < pagesAtOnce {
		return
	}
	if x, err := s.index(); err == nil && x != nil {
		x.preload(ids)
	}
}

func (s *session) indexPath() string { return filepath.Join(s.log.dir, IndexFileName) }

// lookup returns the sequence number of a UUID's event, 0 where there is none.
func (s *session) lookup(id uuid.UUID) (uint64, error) {
	x, err := s.index()
	if err != nil {
		return 0, err
	}
	if x == nil {
		return s.search(id)
	}
	candidates, err := x.candidates(id)
	if errors.Is(err, errIndex) && s.lease.writable {
		x.file.Close()
		if s.idx, err = s.buildIndex(roomFor(s.head.seq)); err != nil {
			return 0, err
		}
		candidates, err = s.idx.candidates(id)
	}
	if errors.Is(err, errIndex) {
		return s.search(id)
	}
	if err != nil {
		return 0, err
	}
	for _, seq := range candidates {
		b, err := s.blockWith(seq)
		if err != nil {
			return 0, err
		}
		if b.id(int(seq-b.first)) == id {
			return seq, nil
		}
	}
	return 0, nil
}

// search looks for a UUID in every block. It is for stores that can be read only
// and have no index.
func (s *session) search(id uuid.UUID) (uint64, error) {
	var found uint64
	err := s.ascend(1, func(b block, err error) (bool, error) {
		if err != nil {
			return false, s.damage(b.first, "%v", err)
		}
		for i := range b.count {
			if b.id(i) == id {
				found = b.first + uint64(i)
			}
		}
		return found == 0, nil
	})
	return found, err
}

// blockWith returns the block that holds an event. Look-ups come in the order of
// the log, mostly, so the last one is kept.
func (s *session) blockWith(seq uint64) (block, error) {
	if s.block.count > 0 && seq >= s.block.first && seq <= s.block.last() {
		return s.block, nil
	}
	if seq == 0 || seq > s.head.seq {
		return block{}, s.damage(0, "its index names event %d, the log ends at %d; delete %s to have it made again", seq, s.head.seq, IndexFileName)
	}
	b, err := s.holding(seq)
	if err == nil {
		s.block, s.events = b, nil
	}
	return b, err
}
