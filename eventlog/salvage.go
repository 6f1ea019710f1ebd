package eventlog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Salvaged says what was got out of a damaged log.
type Salvaged struct {
	Events  uint64 // that are in the new log now
	Doubled uint64 // that had the UUID of another one and were left out
	// End is the last event that the damaged log should have; 0: nothing tells.
	End uint64
	// Missing are the events that could not be read, by their old numbers.
	Missing []Range
	// Doubtful are events of which two versions were found, of which nothing tells
	// which one was committed.
	Doubtful []Range
}

// Range is a range of events, both ends included.
type Range struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
}

func (r Range) String() string {
	if r.From == r.To {
		return fmt.Sprintf("event %d", r.From)
	}
	return fmt.Sprintf("events %d to %d", r.From, r.To)
}

// ErrNotEmpty means that there is a log where a salvage was to make one.
var ErrNotEmpty = errors.New("eventlog: there is a log already")

// ErrNothing means that a salvage found no events at all.
var ErrNothing = errors.New("eventlog: nothing of a log can be found")

// Salvage copies what can still be read out of a damaged log into a new one, whose
// events keep their UUIDs, times and order but get numbers without gaps. It does
// not believe the file's structure: it looks for blocks at every byte, and for the
// chain among them. The damaged log stays as it is.
func (l *Log) Salvage(ctx context.Context, to *Log) (Salvaged, error) {
	if exists, err := to.Exists(); err != nil || exists {
		return Salvaged{}, errors.Join(err, fmt.Errorf("%w: %s", ErrNotEmpty, to.dir))
	}
	to.forget() // a salvage that failed before may have removed what it had made
	h, err := l.acquire(ctx, false)
	if err != nil {
		return Salvaged{}, err
	}
	defer h.release()
	f, err := os.Open(l.Path())
	if err != nil {
		return Salvaged{}, err
	}
	defer f.Close()
	found, err := findBlocks(ctx, f)
	if err != nil {
		return Salvaged{}, err
	}
	s := newSalvager(f, found)
	chosen := s.choose(s.onward(l.endOf(ctx, h), found))
	if len(chosen) == 0 {
		return Salvaged{}, fmt.Errorf("%w: %s", ErrNothing, l.Path())
	}
	s.doubt(chosen, found)
	if err = s.append(ctx, to, chosen); err != nil { // half a log would only be in the way of another try
		for _, name := range []string{FileName, IndexFileName, LockFileName} {
			os.Remove(filepath.Join(to.dir, name))
		}
	}
	byNumber := func(a, b Range) int { return cmp.Compare(a.From, b.From) }
	slices.SortFunc(s.report.Missing, byNumber)
	slices.SortFunc(s.report.Doubtful, byNumber)
	s.report.Doubtful = slices.Compact(s.report.Doubtful)
	return s.report, err
}

// endOf returns where the log should end, by its seal or by its tree, whichever
// knows more; zero: neither tells.
func (l *Log) endOf(ctx context.Context, h *lease) position {
	var end position
	s := &session{log: l, lease: h}
	defer s.close()
	if s.inspect(ctx, reading) == nil && s.open(true) == nil {
		end = s.head
	}
	if s.seal != nil && s.seal.head.seq > end.seq {
		end = s.seal.head
	}
	return end
}

// foundBlock is a block whose checksum holds, and where it lies.
type foundBlock struct {
	block  // without its value
	offset int64
	size   int
}

// salvageWindow is how much of the file is looked at in one piece.
const salvageWindow = 1 << 20

// findBlocks looks for blocks at every byte of a file. A block stands behind its
// key, as bbolt puts them; its checksum covers both.
func findBlocks(ctx context.Context, f *os.File) ([]foundBlock, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	var found []foundBlock
	window := make([]byte, salvageWindow+8+blockHeader)
	for at := int64(0); at < info.Size(); {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := readWhatCanBe(f, window, at)
		next := at + salvageWindow
		for i := 0; i+8+blockHeader <= n && i < salvageWindow; i++ {
			if !likeBlock(window[i+8 : n]) {
				continue
			}
			if b, ok := readBlock(f, at+int64(i), info.Size()); ok {
				found = append(found, b)
				next = b.offset + int64(b.size)
				i += 8 + b.size - 1
			}
		}
		at = max(at+salvageWindow, next)
	}
	return found, nil
}

// likeBlock reports whether a block's header might stand here.
func likeBlock(b []byte) bool {
	count := le.Uint16(b[2:])
	return b[0] == blockFormat && b[1] <= codecZstd && count >= 1 && count <= maxBlockEvents &&
		le.Uint32(b[4:]) <= maxBlockSize && le.Uint32(b[8:]) <= maxBlockSize
}

// readBlock reads the block behind the key at an offset, if it is one.
func readBlock(f *os.File, offset, fileSize int64) (foundBlock, bool) {
	var head [8 + blockHeader]byte
	if _, err := f.ReadAt(head[:], offset); err != nil {
		return foundBlock{}, false
	}
	size := blockHeader + 16*int(le.Uint16(head[10:])) + int(le.Uint32(head[16:]))
	if offset+8+int64(size) > fileSize {
		return foundBlock{}, false
	}
	value := make([]byte, size)
	if _, err := f.ReadAt(value, offset+8); err != nil {
		return foundBlock{}, false
	}
	b, err := openBlock(head[:8], value)
	if err != nil {
		return foundBlock{}, false
	}
	b.value = nil
	return foundBlock{block: b, offset: offset + 8, size: size}, true
}

// readWhatCanBe reads a piece of a file. What the disk does not give is zero.
func readWhatCanBe(f *os.File, b []byte, at int64) int {
	const sector = 4096
	n, err := f.ReadAt(b, at)
	if err == nil || errors.Is(err, io.EOF) {
		return n
	}
	for i := 0; i < len(b); i += sector {
		piece := b[i:min(i+sector, len(b))]
		if _, err := f.ReadAt(piece, at+int64(i)); err != nil {
			clear(piece)
		}
	}
	return len(b)
}

// salvager finds out which of the blocks are the log.
type salvager struct {
	file   *os.File
	byEnd  map[uint64][]foundBlock // by last event
	ends   []uint64                // the keys of byEnd that were there at first, rising
	pinned map[int64]bool          // by offset: blocks of which the chain says that they are the log
	report Salvaged
}

func newSalvager(f *os.File, found []foundBlock) *salvager {
	s := &salvager{file: f, byEnd: make(map[uint64][]foundBlock), pinned: make(map[int64]bool)}
	for _, b := range found {
		s.byEnd[b.last()] = append(s.byEnd[b.last()], b)
	}
	s.ends = slices.Sorted(maps.Keys(s.byEnd))
	return s
}

// onward follows the chain from where the log is known to end over blocks that
// were committed after that: a seal can be behind.
func (s *salvager) onward(end position, found []foundBlock) position {
	if end.seq == 0 {
		return end
	}
	for {
		i := slices.IndexFunc(found, func(b foundBlock) bool { return b.first == end.seq+1 && s.leads(end, b) })
		if i < 0 {
			return end
		}
		end = position{found[i].last(), found[i].end}
	}
}

// leads reports whether the chain leads from a position through a block.
func (s *salvager) leads(from position, through foundBlock) bool {
	full, err := s.load(through)
	if err != nil {
		return false
	}
	_, _, err = full.chained(from)
	return err == nil
}

// choose goes back from the end of the log along the chain and returns its blocks
// from the first on. A file holds blocks too that were never committed, because the
// process died; the chain tells them apart, for each hash has one past. Behind
// damage there is no hash to go by, and the next block before it is taken.
func (s *salvager) choose(end position) []foundBlock {
	s.report.End = end.seq
	at := end
	if at.seq == 0 {
		at.seq = s.lastBefore(^uint64(0))
	}
	var chosen []foundBlock
	known := end.hash != Hash{}
	for at.seq > 0 {
		b, ok := s.pick(at)
		if !ok {
			known = false
			before := s.lastBefore(at.seq)
			s.report.Missing = append(s.report.Missing, Range{before + 1, at.seq})
			at = position{seq: before}
			continue
		}
		chosen = append(chosen, b)
		s.pinned[b.offset] = known
		at = s.before(b)
	}
	slices.Reverse(chosen)
	return chosen
}

// doubt reports where other blocks claim the numbers of chosen ones, and no chain
// leads from the log's end to those.
func (s *salvager) doubt(chosen, found []foundBlock) {
	slices.SortFunc(found, func(a, b foundBlock) int { return cmp.Compare(a.first, b.first) })
	for _, b := range chosen {
		if s.pinned[b.offset] {
			continue
		}
		least := b.first - min(b.first, maxBlockEvents-1)
		i, _ := slices.BinarySearchFunc(found, least, func(f foundBlock, seq uint64) int { return cmp.Compare(f.first, seq) })
		for ; i < len(found) && found[i].first <= b.last(); i++ {
			other := found[i]
			same := other.first == b.first && other.end == b.end
			if !same && other.first <= b.last() && other.last() >= b.first {
				s.report.Doubtful = append(s.report.Doubtful, Range{max(b.first, other.first), min(b.last(), other.last())})
			}
		}
	}
}

// pick returns the block that ends at a position.
func (s *salvager) pick(at position) (foundBlock, bool) {
	options := s.byEnd[at.seq]
	if at.hash != (Hash{}) {
		i := slices.IndexFunc(options, func(b foundBlock) bool { return b.end == at.hash })
		if i < 0 {
			return foundBlock{}, false
		}
		return options[i], true
	}
	if len(options) == 0 {
		return foundBlock{}, false
	}
	return options[0], true
}

// lastBefore returns the greatest last event of a block that is less than seq.
func (s *salvager) lastBefore(seq uint64) uint64 {
	i, _ := slices.BinarySearch(s.ends, seq)
	for i--; i >= 0; i-- {
		if len(s.byEnd[s.ends[i]]) > 0 {
			return s.ends[i]
		}
	}
	return 0
}

// before returns the position before a block, as far as it can be known: it is
// where the block before ends that the chain leads from, through this one.
func (s *salvager) before(b foundBlock) position {
	at := position{seq: b.first - 1}
	for _, option := range s.byEnd[at.seq] {
		if p := (position{at.seq, option.end}); s.leads(p, b) {
			return p
		}
	}
	delete(s.byEnd, at.seq) // no block that is there leads here: the one that did is damaged
	return at
}

func (s *salvager) load(b foundBlock) (block, error) {
	full := b.block
	full.value = make([]byte, b.size)
	_, err := s.file.ReadAt(full.value, b.offset)
	return full, err
}

// append writes the events of the chosen blocks into the new log.
func (s *salvager) append(ctx context.Context, to *Log, chosen []foundBlock) error {
	const batchBytes = 4 << 20
	batch := Batch{dated: true}
	size := 0
	flush := func() error {
		results, err := to.Append(ctx, batch)
		for _, r := range results {
			if r.Fate == Appended {
				s.report.Events++
			} else {
				s.report.Doubled++
			}
		}
		batch.Events, size = nil, 0
		return err
	}
	if err := to.makeDir(); err != nil {
		return err
	}
	for _, b := range chosen {
		full, err := s.load(b)
		if err != nil {
			return err
		}
		events, err := full.events()
		if err != nil { // its checksum holds, and yet it cannot be unpacked
			s.report.Missing = append(s.report.Missing, Range{b.first, b.last()})
			continue
		}
		batch.Events = append(batch.Events, events...)
		if size += len(full.value); size >= batchBytes {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}
