package eventlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/google/uuid"
	bolt "go.etcd.io/bbolt"

	"github.com/explog/explog/eventlog/failpoint"
	"github.com/explog/explog/internal/durable"
)

// Batch is what is appended in one transaction: all of it or none.
type Batch struct {
	// Events to append; only ID, Type, Version and Data are read.
	Events []Event
	// Taken is asked what to do with Events[i], whose UUID the log, or the batch
	// before i, has already with another type, version or data: an event that is
	// there as it is offered is dropped without asking. Nil drops it: the log has that fact. An event is
	// appended in its place, unless that one's UUID is taken too. Without a
	// function, events whose UUID is taken are dropped.
	Taken func(i int, stored Event) (*Event, error)
	// Committed, if not nil, is called with the events that were appended, numbered
	// and hashed, once they are durable and before the lease is let go.
	Committed func([]Event)
	// dated: the events keep their RecordedAt.
	dated bool
}

// Fate is what became of an event of a batch.
type Fate uint8

// The fates.
const (
	Appended Fate = iota // it was new
	Dropped              // its UUID was taken, and Taken dropped it
	Replaced             // its UUID was taken, and another event was appended instead
	Known                // the same, but the log has the other event too
)

// Result tells what became of one event.
type Result struct {
	Fate Fate
	Seq  uint64 // of the event in the log that it became or that it met
}

// Append makes the events durable and returns what became of each. Appends of
// other goroutines that come at the same time share the transaction; each is
// still all or nothing.
//
// An error may leave open whether the batch is in the log (the disk failed in the
// middle of a commit). Appending it again is safe: what is there is not appended
// twice.
func (l *Log) Append(ctx context.Context, b Batch) ([]Result, error) {
	for i := range b.Events {
		if n := len(b.Events[i].Data); n > MaxData {
			return nil, fmt.Errorf("%w: event %s has %d bytes, at most %d", ErrTooLarge, b.Events[i].ID, n, MaxData)
		}
	}
	r := &request{batch: b, done: make(chan struct{})}
	l.enqueue(r)
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-r.done:
		return r.results, r.err
	case <-ctx.Done():
		return l.giveUp(r, ctx.Err())
	}
	select {
	case <-r.done: // an earlier turn took it along
		return r.results, r.err
	default:
	}
	if err := l.makeDir(); err != nil {
		return l.giveUp(r, err)
	}
	h, err := l.acquire(ctx, true)
	if err != nil {
		return l.giveUp(r, err)
	}
	defer h.release()
	l.commit(ctx, h)
	return r.results, r.err
}

// request is a batch that waits for its commit.
type request struct {
	batch   Batch
	results []Result
	fresh   []Event // what the batch adds to the log
	err     error
	done    chan struct{} // closed when results and err stand
}

func (l *Log) enqueue(r *request) {
	l.mu.Lock()
	l.waiting = append(l.waiting, r)
	l.mu.Unlock()
	select {
	case l.arrived <- struct{}{}:
	default:
	}
}

// gather takes all that wait. Those that the last commit answered together are likely
// to come back, each with its next append, while this one was being prepared: they
// get half the time of a commit to do so, and need not wait for two.
func (l *Log) gather() []*request {
	deadline := time.NewTimer(l.group.took / 2)
	defer deadline.Stop()
	for l.queued() < l.group.size {
		select {
		case <-l.arrived:
		case <-deadline.C:
			return l.dequeue()
		}
	}
	return l.dequeue()
}

// group is what appends were committed together.
type group struct {
	size int
	took time.Duration
}

func (l *Log) queued() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting)
}

func (l *Log) dequeue() []*request {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.waiting
	l.waiting = nil
	return all
}

// giveUp takes a request back, unless a commit has it already: then its outcome
// counts.
func (l *Log) giveUp(r *request, err error) ([]Result, error) {
	l.mu.Lock()
	i := slices.Index(l.waiting, r)
	if i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
	}
	l.mu.Unlock()
	if i >= 0 {
		return nil, err
	}
	<-r.done
	return r.results, r.err
}

// commit appends what waits in one transaction and answers each. The caller has the
// turn.
func (l *Log) commit(ctx context.Context, h *lease) {
	started := time.Now()
	var requests []*request
	err := l.ensure(h)
	if err == nil {
		err = l.session(ctx, h, writing, func(s *session) error {
			requests = l.gather()
			return s.append(requests)
		})
	}
	if requests == nil { // it did not come so far
		requests = l.dequeue()
	}
	l.group = group{len(requests), time.Since(started)}
	for _, r := range requests {
		if err != nil && r.err == nil {
			r.results, r.err = nil, err
		}
		close(r.done)
	}
}

// append plans each request, writes what is new, commits and seals.
func (s *session) append(requests []*request) error {
	p := planner{session: s, pending: make(map[uuid.UUID]*Event), now: s.log.opts.Now().UTC().Truncate(time.Microsecond)}
	s.preload(requests)
	var fresh []Event
	var dropped uint64
	next := s.head.seq
	for _, r := range requests {
		if r.err = p.plan(r, next); r.err != nil {
			r.results = nil
			continue
		}
		next += uint64(len(r.fresh))
		fresh = append(fresh, r.fresh...)
		for _, res := range r.results {
			if res.Fate == Dropped || res.Fate == Known {
				dropped++
			}
		}
	}
	if len(fresh) == 0 {
		if dropped == 0 {
			return nil
		}
		return s.writeSeal(dropped)
	}
	if err := s.write(fresh); err != nil {
		return err
	}
	if err := s.commit(); err != nil {
		return err
	}
	s.indexed(fresh)
	for _, r := range requests {
		n := len(r.fresh)
		if r.batch.Committed != nil && n > 0 {
			r.batch.Committed(slices.Clip(fresh[:n]))
		}
		fresh = fresh[n:]
	}
	if err := failpoint.Hit(failpoint.LogIndexed); err != nil {
		return err
	}
	return s.writeSeal(dropped)
}

// commit makes what was written durable, and reads what it has become: nothing is
// acknowledged that is not in the file that has the log's name.
func (s *session) commit() error {
	s.lease.giveUpPlace() // the next wakes up while the disk is at work
	txid := uint64(s.tx.ID())
	if err := s.tx.Commit(); err != nil {
		return fmt.Errorf("commit to %s: %w", s.log.Path(), err)
	}
	if err := failpoint.Hit(failpoint.LogCommitted); err != nil {
		return err
	}
	var err error
	if s.image, s.size, err = readImage(s.file); err != nil {
		return fmt.Errorf("after the commit: %w", s.fault(0, err))
	}
	if s.image.txid != txid {
		return s.damage(0, "after the commit of transaction %d, its newest is %d", txid, s.image.txid)
	}
	if named, err := s.log.named(s.file); err != nil {
		return err
	} else if !named {
		return fmt.Errorf("%w: %s was moved or replaced during a commit", ErrReplaced, s.log.Path())
	}
	return s.log.follows(s)
}

// write puts events behind the head.
func (s *session) write(fresh []Event) error {
	events := s.tx.Bucket(bucketEvents)
	events.FillPercent = 1 // keys only rise
	s.head = s.head.chain(fresh)
	var blocks [][]Event
	for rest := fresh; len(rest) > 0; {
		n := blockOf(rest)
		blocks, rest = append(blocks, rest[:n]), rest[n:]
	}
	for i, value := range packBlocks(blocks) {
		if err := events.Put(seqKey(blocks[i][0].Seq), value); err != nil {
			return fmt.Errorf("write to %s: %w", s.log.Path(), err)
		}
	}
	return failpoint.Hit(failpoint.LogWritten)
}

// planner decides what of each request is new.
type planner struct {
	*session
	pending map[uuid.UUID]*Event // new in this transaction
	now     time.Time
}

// plan fills the request's results and fresh events, numbered after seq. On an
// error the request leaves nothing behind.
func (p *planner) plan(r *request, seq uint64) (err error) {
	r.fresh = make([]Event, 0, len(r.batch.Events))
	r.results = make([]Result, len(r.batch.Events))
	defer func() {
		if err != nil {
			for i := range r.fresh {
				delete(p.pending, r.fresh[i].ID)
			}
		}
	}()
	add := func(ev Event) uint64 {
		ev.Seq = seq + uint64(len(r.fresh)) + 1
		if !r.batch.dated {
			ev.RecordedAt = p.now
		}
		r.fresh = append(r.fresh, ev)
		p.pending[ev.ID] = &r.fresh[len(r.fresh)-1]
		return ev.Seq
	}
	for i, ev := range r.batch.Events {
		stored, found, err := p.find(ev.ID)
		if err != nil {
			return err
		}
		if !found {
			r.results[i] = Result{Appended, add(ev)}
			continue
		}
		r.results[i] = Result{Dropped, stored.Seq}
		if r.batch.Taken == nil || stored.Type == ev.Type && stored.Version == ev.Version && bytes.Equal(stored.Data, ev.Data) {
			continue
		}
		instead, err := r.batch.Taken(i, stored)
		if err != nil {
			return err
		}
		if instead == nil {
			continue
		}
		if other, found, err := p.find(instead.ID); err != nil {
			return err
		} else if found {
			r.results[i] = Result{Known, other.Seq}
		} else {
			r.results[i] = Result{Replaced, add(*instead)}
		}
	}
	return nil
}

// find returns the event that has a UUID, in the log or in this transaction.
func (p *planner) find(id uuid.UUID) (Event, bool, error) {
	if ev := p.pending[id]; ev != nil {
		return *ev, true, nil
	}
	seq, err := p.lookup(id)
	if err != nil || seq == 0 {
		return Event{}, false, err
	}
	ev, err := p.stored(seq)
	return ev, err == nil, err
}

// ensure makes the log if there is none. It is written under another name, synced
// and renamed, so that events.db is never half a log. The caller has the lease.
func (l *Log) ensure(h *lease) error {
	if exists, err := l.Exists(); exists || err != nil {
		return err
	}
	if err := l.gone(); err != nil {
		return err
	}
	if err := sweep(l.Path()); err != nil {
		return err
	}
	id, err := uuid.NewRandom()
	if err != nil {
		return err
	}
	path, err := freshName(l.Path())
	if err != nil {
		return err
	}
	defer os.Remove(path)
	_, err = guarded(path, func() error {
		db, err := initialise(path, Identity{ID: id, Format: 1, Created: l.opts.Now()}, false)
		if err != nil {
			return err
		}
		return db.Close()
	})
	if err == nil {
		err = failpoint.Hit(failpoint.LogMade)
	}
	if err != nil {
		return fmt.Errorf("make %s: %w", l.Path(), err)
	}
	if err := os.Rename(path, l.Path()); err != nil {
		return err
	}
	if err := failpoint.Hit(failpoint.LogRenamed); err != nil {
		return err
	}
	if err := durable.SyncPath(l.dir); err != nil {
		return err
	}
	h.made = true
	return nil
}

// initialise writes an empty log and leaves it open. With noSync set it is the
// caller who syncs it.
func initialise(path string, id Identity, noSync bool) (*bolt.DB, error) {
	db, err := bolt.Open(path, 0o644, &bolt.Options{FreelistType: bolt.FreelistArrayType, NoSync: noSync})
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		if _, err := tx.CreateBucket(bucketEvents); err != nil {
			return err
		}
		meta, err := tx.CreateBucket(bucketMeta)
		if err != nil {
			return err
		}
		return meta.Put(keyIdentity, encodeIdentity(id))
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// makeDir makes the log's folder, unless it exists. [Log.ensure] makes it durable.
func (l *Log) makeDir() error {
	info, err := os.Stat(l.dir)
	switch {
	case err == nil && !info.IsDir():
		return fmt.Errorf("%s is not a folder", l.dir)
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		if err := l.gone(); err != nil {
			return err
		}
	}
	return os.MkdirAll(l.dir, 0o755)
}
