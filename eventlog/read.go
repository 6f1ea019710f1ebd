package eventlog

import (
	"context"
	"iter"

	"github.com/google/uuid"
)

// chunkSize is how many bytes of blocks a reader copies under one lease: enough
// to make the lease cheap, little enough that writers wait only milliseconds.
const chunkSize = 4 << 20

// Events yields the events from sequence number from (1 is the first) to the
// head, in order, each checked by checksum and hash chain. Events that are
// appended meanwhile may be among them. After an error nothing follows.
//
// The log is read in chunks, with no lease held while the caller has an event.
func (l *Log) Events(ctx context.Context, from uint64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		r := reader{log: l, from: max(from, 1)}
		for {
			blocks, err := r.chunk(ctx)
			if err != nil {
				yield(Event{}, err)
				return
			}
			if len(blocks) == 0 {
				return
			}
			for _, b := range blocks {
				events, err := r.unpack(b)
				if err != nil {
					yield(Event{}, err)
					return
				}
				for _, ev := range events {
					if ev.Seq >= from && !yield(ev, nil) {
						return
					}
				}
			}
		}
	}
}

// reader goes through the log a chunk at a time.
type reader struct {
	log  *Log
	from uint64
	at   *position // after the last event read; nil: nothing is read yet
}

// chunk copies the next blocks out of the log; none are left at the head.
func (r *reader) chunk(ctx context.Context) ([]block, error) {
	var blocks []block
	err := r.log.read(ctx, func(s *session) error {
		if r.at == nil {
			at, err := s.before(r.from)
			if err != nil {
				return err
			}
			r.at = &at
		}
		if r.at.seq >= s.head.seq {
			return nil
		}
		size := 0
		err := s.ascend(r.at.seq+1, func(b block, err error) (bool, error) {
			if err != nil {
				return false, s.damage(b.first, "%v", err)
			}
			blocks = append(blocks, b)
			size += len(b.value)
			return size < chunkSize, nil
		})
		if err != nil {
			return err
		}
		if len(blocks) == 0 {
			return s.damage(r.at.seq+1, "the events from here to %d are missing", s.head.seq)
		}
		return nil
	})
	return blocks, err
}

func (r *reader) unpack(b block) ([]Event, error) {
	events, at, err := b.chained(*r.at)
	if err != nil {
		return nil, &DamageError{Path: r.log.Path(), Seq: r.at.seq + 1, What: err.Error()}
	}
	*r.at = at
	return events, nil
}

// before returns the position in front of the block that holds an event; for an
// event beyond the head it is the head.
func (s *session) before(seq uint64) (position, error) {
	if seq > s.head.seq {
		return s.head, nil
	}
	b, err := s.holding(seq)
	if err != nil || b.first == 1 {
		return genesis(s.identity.ID), err
	}
	if b, err = s.holding(b.first - 1); err != nil {
		return position{}, err
	}
	return position{b.last(), b.end}, nil
}

// holding returns the block that holds an event.
func (s *session) holding(seq uint64) (block, error) {
	b, ok, err := s.floor(seqKey(seq))
	if err != nil {
		return b, err
	}
	if !ok || seq > b.last() {
		return b, s.damage(seq, "its block is missing")
	}
	return b, nil
}

// walk follows the chain from a position to the head inside one transaction.
func (s *session) walk(from position) error {
	at := from
	err := s.ascend(from.seq+1, func(b block, err error) (bool, error) {
		if err != nil {
			return false, s.damage(b.first, "%v", err)
		}
		if _, at, err = b.chained(at); err != nil {
			return false, s.damage(b.first, "%v", err)
		}
		return true, nil
	})
	if err == nil && at != s.head {
		return s.damage(at.seq+1, "the chain ends before the head, event %d", s.head.seq)
	}
	return err
}

// Get returns the event with a UUID; ok is false where the log has none.
func (l *Log) Get(ctx context.Context, id uuid.UUID) (ev Event, ok bool, err error) {
	err = l.read(ctx, func(s *session) error {
		found, err := s.lookup(id)
		if err != nil || found == 0 {
			return err
		}
		b, err := s.holding(found)
		if err != nil {
			return err
		}
		at, err := s.before(found)
		if err != nil {
			return err
		}
		events, _, err := b.chained(at)
		if err != nil {
			return s.damage(found, "%v", err)
		}
		ev, ok = events[found-b.first], true
		return nil
	})
	return ev, ok, err
}

// Find returns those of the events whose UUIDs the log has, as it has them. Only
// their IDs are read.
func (l *Log) Find(ctx context.Context, events []Event) (map[uuid.UUID]Event, error) {
	found := make(map[uuid.UUID]Event)
	err := l.read(ctx, func(s *session) error {
		p := planner{session: s}
		for i := range events {
			ev, ok, err := p.find(events[i].ID)
			if err != nil {
				return err
			}
			if ok {
				found[ev.ID] = ev
			}
		}
		return nil
	})
	return found, err
}

// stored returns an event as the log has it.
func (s *session) stored(seq uint64) (Event, error) {
	b, err := s.blockWith(seq)
	if err != nil {
		return Event{}, err
	}
	if s.events == nil {
		if s.events, err = b.events(); err != nil {
			return Event{}, s.damage(seq, "%v", err)
		}
	}
	return s.events[seq-b.first], nil
}

func seqKey(seq uint64) []byte { return be.AppendUint64(nil, seq) }
