package eventlog

import (
	"context"
	"errors"
	"fmt"
)

// Report is what [Log.Verify] found.
type Report struct {
	Head
	Blocks      int
	StoredBytes int64 // of all blocks
	RawBytes    int64 // of all payloads before compression
	Faults      []Fault
}

// Fault is one thing that is wrong with the log.
type Fault struct {
	Seq  uint64 `json:"seq,omitzero"` // first event concerned; 0: not one event
	What string `json:"what"`
}

func (f Fault) String() string {
	if f.Seq == 0 {
		return f.What
	}
	return fmt.Sprintf("event %d: %s", f.Seq, f.What)
}

// Verify checks the whole log up to the head that it finds at its start: the
// file against its seal, every page in use or free, the framing, checksum and
// chain of every block, and the index against the events both ways. Each event
// that is sound is handed to visit, and an error from there is a fault of that
// event. Damage is in the report; the error is for what kept Verify from looking.
func (l *Log) Verify(ctx context.Context, visit func(Event) error) (Report, error) {
	v := verifier{log: l, visit: visit}
	if err := v.begin(ctx); err != nil {
		return Report{}, err
	}
	if v.stop || v.report.Format == 0 { // it could not be opened
		return v.report, nil
	}
	for v.at.seq < v.report.Seq {
		if err := v.chunk(ctx); err != nil {
			return Report{}, err
		}
	}
	err := v.index(ctx)
	return v.report, err
}

type verifier struct {
	log    *Log
	visit  func(Event) error
	report Report
	at     position // everything before is checked
	// noIndex: there is no index to be checked.
	noIndex bool
	stop    bool // the pages are damaged, so that the blocks cannot be found
}

func (v *verifier) fault(seq uint64, what string) {
	v.report.Faults = append(v.report.Faults, Fault{seq, what})
}

// record files an error as a fault, if it is damage.
func (v *verifier) record(err error) error {
	var damage *DamageError
	if errors.As(err, &damage) {
		v.fault(damage.Seq, damage.What)
		return nil
	}
	return err
}

// session opens the log even where it is unlike its seal.
func (v *verifier) session(ctx context.Context, fn func(*session) error) error {
	return v.log.unsealed(ctx, func(s *session) error {
		if err := s.open(true); err != nil {
			return err
		}
		return fn(s)
	})
}

// unsealed runs fn on a session that is not open yet.
func (l *Log) unsealed(ctx context.Context, fn func(*session) error) error {
	h, err := l.acquire(ctx, false)
	if err != nil {
		return err
	}
	defer h.release()
	s := &session{log: l, lease: h}
	defer s.close()
	if err := s.inspect(ctx, reading); err != nil {
		return err
	}
	return fn(s)
}

// begin compares the file with its seal and its pages with one another, and only
// then opens it.
func (v *verifier) begin(ctx context.Context) error {
	err := v.log.unsealed(ctx, func(s *session) error {
		if err := v.record(s.checkSeal()); err != nil {
			return err
		}
		sealed := s.seal != nil && len(v.report.Faults) == 0
		if err := s.checkPages(); err != nil {
			v.stop = true
			return err
		}
		if err := s.open(true); err != nil {
			return err
		}
		var err error
		if v.report.Head, err = s.headNow(); err != nil {
			return err
		}
		v.at = genesis(s.identity.ID)
		if !sealed {
			return nil
		}
		return s.compareHead()
	})
	return v.record(err)
}

// chunk checks the next blocks. Behind a block that is damaged it goes on with
// the next one, believing that one's header.
func (v *verifier) chunk(ctx context.Context) error {
	var blocks []block
	err := v.session(ctx, func(s *session) error {
		size, at := 0, v.at.seq
		err := s.ascend(at+1, func(b block, err error) (bool, error) {
			if b.first > at+1 {
				v.fault(at+1, fmt.Sprintf("the events from here to %d are missing", b.first-1))
			}
			if err != nil {
				v.fault(b.first, err.Error())
				b.count = 0
				at = b.first
			} else {
				if err := v.checkIndexed(s, b); err != nil {
					return false, err
				}
				at = b.last()
			}
			blocks = append(blocks, b)
			size += len(b.value)
			return size < chunkSize, nil
		})
		if err != nil {
			return err
		}
		if len(blocks) == 0 {
			v.fault(v.at.seq+1, fmt.Sprintf("the events from here to %d are missing", v.report.Seq))
		}
		return nil
	})
	if err = v.record(err); err != nil {
		return err
	}
	if len(blocks) == 0 {
		v.at.seq = v.report.Seq
	}
	for _, b := range blocks {
		v.block(b)
	}
	return nil
}

// block checks one block's chain and hands its events on. A block of no events
// is a damaged one, named already.
func (v *verifier) block(b block) {
	if b.count == 0 {
		v.at = position{seq: b.first}
		return
	}
	v.report.Blocks++
	v.report.StoredBytes += int64(len(b.value))
	v.report.RawBytes += int64(le.Uint32(b.value[4:]))
	from := v.at
	if b.first > from.seq+1 {
		from = position{seq: b.first - 1}
	}
	events, _, err := b.chained(from)
	if unknown := (from.hash == Hash{}); err != nil && unknown {
		events, err = b.events() // behind damage the chain begins anew
	}
	if err != nil {
		v.fault(b.first, err.Error())
	}
	for i := range events {
		if err := v.visit(events[i]); err != nil {
			v.fault(events[i].Seq, err.Error())
		}
	}
	v.at = position{b.last(), b.end}
}

// checkIndexed finds each event of a block by its UUID.
func (v *verifier) checkIndexed(s *session, b block) error {
	if v.noIndex {
		return nil
	}
	if x, err := s.index(); unreadable(err) {
		return err
	} else if err != nil || x == nil {
		v.noIndex = true // it is missing, and cannot be made from a damaged log
		return nil
	}
	for i := range b.count {
		seq := b.first + uint64(i)
		switch found, err := s.lookup(b.id(i)); {
		case unreadable(err):
			return err
		case err != nil:
			if v.record(err) != nil {
				v.fault(seq, err.Error())
			}
		case found == 0:
			v.fault(seq, fmt.Sprintf("the index lacks its UUID; delete %s to have it made again", IndexFileName))
		case found != seq:
			v.fault(seq, fmt.Sprintf("event %d has the same UUID and counts; salvage makes a log with one of them", found))
		}
	}
	return nil
}

// index counts the entries: with each event found by its UUID, as many entries
// as events means that none is left over. An index that is not there is no damage.
func (v *verifier) index(ctx context.Context) error {
	if v.noIndex {
		return nil
	}
	err := v.session(ctx, func(s *session) error {
		x, err := s.index()
		if err != nil || x == nil {
			return err
		}
		n, err := x.entries()
		if errors.Is(err, errIndex) && s.lease.writable { // as any command that meets such a page does
			x.file.Close()
			if s.idx, err = s.buildIndex(roomFor(s.head.seq)); err == nil {
				n, err = s.idx.entries()
			}
		}
		switch {
		case unreadable(err):
			return err
		case err != nil:
			v.fault(0, fmt.Sprintf("%v; delete %s to have it made again", err, IndexFileName))
		case n != s.head.seq:
			v.fault(0, fmt.Sprintf("the index has %d entries for %d events; delete %s to have it made again", n, s.head.seq, IndexFileName))
		}
		return nil
	})
	return v.record(err)
}

// Accept checks a log that is unlike its seal, because it was put back from a
// copy, and seals it as it is. A log with faults is not accepted.
func (l *Log) Accept(ctx context.Context) error {
	return l.unsealed(ctx, func(s *session) error {
		if err := s.open(true); err != nil {
			return err
		}
		l.forget() // a copy may have another history than the log before
		return s.checkAndSeal(genesis(s.identity.ID))
	})
}
