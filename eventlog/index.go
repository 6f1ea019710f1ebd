package eventlog

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"math/bits"
	"os"
	"slices"

	"github.com/google/uuid"

	"github.com/explog/explog/eventlog/failpoint"
)

// IndexFileName is the file that finds events by their UUID. It is derived: it can
// be deleted at any time, and is made again from the UUIDs in the blocks. FORMAT.md
// has its layout, docs/decisions/0002-index.md says why it is a file of its own.
const IndexFileName = "events.index"

const (
	indexMagic     = "explogX3"
	indexPageSize  = 512
	indexPageHead  = 16
	indexEntrySize = 16
	indexPerPage   = (indexPageSize - indexPageHead) / indexEntrySize
	indexMinPages  = 128
	indexCached    = 8192 // pages kept in memory, 4 MiB
)

// index is an open-addressed hash table of pages: an entry lies in the page that
// the first bits of its fingerprint name, or, where that is full, in the next that
// is not.
//
// No sync separates the pages from the header, so a disk that goes away may keep any
// part of them. The header holds the root of a tree of checksums over all pages: a page
// that is not the one that the header was written for is noticed when it is read.
type index struct {
	file    *os.File
	log     uuid.UUID
	pages   uint64   // a power of two
	covered position // there is an entry for each event up to here
	cache   map[uint64]*indexPage
	sums    sumTree
}

// newIndex returns an index without a header or pages, for a file.
func newIndex(f *os.File, log uuid.UUID, pages uint64) *index {
	return &index{
		file: f, log: log, pages: pages, covered: genesis(log),
		cache: make(map[uint64]*indexPage), sums: newSumTree(f, log, pages),
	}
}

type indexPage struct {
	data  [indexPageSize]byte
	dirty bool
}

// indexEntry says that an event's UUID has this fingerprint. Others may have it
// too: the UUID in the block decides.
type indexEntry struct {
	fingerprint uint64
	seq         uint64
}

// fingerprint mixes a UUID into 64 bits that are evenly spread, also where UUIDs
// are made by counting (the finalizer of MurmurHash3, Austin Appleby, on both
// halves).
func fingerprint(id uuid.UUID) uint64 {
	mix := func(h uint64) uint64 {
		h ^= h >> 33
		h *= 0xff51afd7ed558ccd
		h ^= h >> 33
		h *= 0xc4ceb9fe1a85ec53
		return h ^ h>>33
	}
	return mix(mix(be.Uint64(id[:8])) + be.Uint64(id[8:]))
}

func (x *index) home(fingerprint uint64) uint64 {
	return fingerprint >> (64 - bits.TrailingZeros64(x.pages))
}

func (p *indexPage) count() int { return int(le.Uint16(p.data[:])) }

func (p *indexPage) entry(i int) indexEntry {
	at := p.data[indexPageHead+i*indexEntrySize:]
	return indexEntry{le.Uint64(at), le.Uint64(at[8:])}
}

func (p *indexPage) append(e indexEntry) {
	n := p.count()
	at := p.data[indexPageHead+n*indexEntrySize:]
	le.PutUint64(at, e.fingerprint)
	le.PutUint64(at[8:], e.seq)
	le.PutUint16(p.data[:], uint16(n+1))
	p.dirty = true
}

// errIndex means that the index is not what was written; it is then made again.
var errIndex = errors.New("the index is damaged")

// page returns a page, read and checked once.
func (x *index) page(n uint64) (*indexPage, error) {
	if p := x.cache[n]; p != nil {
		return p, nil
	}
	if len(x.cache) >= indexCached {
		if err := x.flush(); err != nil {
			return nil, err
		}
	}
	want, err := x.sums.of(0, n)
	if err != nil {
		return nil, err
	}
	p := new(indexPage)
	if err := x.read(n, p, want); err != nil {
		return nil, err
	}
	x.cache[n] = p
	return p, nil
}

func (x *index) read(n uint64, p *indexPage, want uint32) error {
	if err := x.sums.read(0, n, &p.data, want); err != nil {
		return err
	}
	if p.count() > indexPerPage {
		return fmt.Errorf("%w: page %d", errIndex, n)
	}
	return nil
}

// preload reads the pages where many UUIDs are looked for, in order and in parallel. One
// that cannot be read is left to whoever needs it.
func (x *index) preload(ids []uuid.UUID) {
	numbers := make([]uint64, len(ids))
	for i, id := range ids {
		numbers[i] = x.home(fingerprint(id))
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	if len(numbers) < pagesAtOnce || len(x.cache)+len(numbers) > indexCached {
		return
	}
	want := make([]uint32, len(numbers))
	for i, n := range numbers {
		var err error
		if want[i], err = x.sums.of(0, n); err != nil {
			return
		}
	}
	pages := make([]indexPage, len(numbers))
	failed := make([]bool, len(numbers))
	inPieces(len(numbers), func(i int) { failed[i] = x.read(numbers[i], &pages[i], want[i]) != nil })
	for i, n := range numbers {
		if !failed[i] && x.cache[n] == nil {
			x.cache[n] = &pages[i]
		}
	}
}

// flush writes what has changed, in order and in parallel, and empties the cache.
func (x *index) flush() error {
	var dirty []uint64
	for n, p := range x.cache {
		if p.dirty {
			dirty = append(dirty, n)
		}
	}
	slices.Sort(dirty)
	written := make([]uint32, len(dirty))
	failed := make([]error, len(dirty))
	inPieces(len(dirty), func(i int) {
		written[i], failed[i] = x.sums.write(0, dirty[i], &x.cache[dirty[i]].data)
	})
	clear(x.cache)
	if err := errors.Join(failed...); err != nil {
		return err
	}
	for i, n := range dirty {
		if err := x.sums.set(0, n, written[i]); err != nil {
			return err
		}
	}
	return nil
}

// pagesAtOnce is how many pages one processor reads or writes before it looks for more.
const pagesAtOnce = 64

// inPieces is inParallel for what takes no longer than a page.
func inPieces(n int, do func(i int)) {
	inParallel((n+pagesAtOnce-1)/pagesAtOnce, func(piece int) {
		for i := piece * pagesAtOnce; i < min((piece+1)*pagesAtOnce, n); i++ {
			do(i)
		}
	})
}

// candidates returns the events that may have a UUID: those with its fingerprint.
func (x *index) candidates(id uuid.UUID) ([]uint64, error) {
	var found []uint64
	want := fingerprint(id)
	err := x.probe(want, func(p *indexPage) bool {
		for i := range p.count() {
			if e := p.entry(i); e.fingerprint == want {
				found = append(found, e.seq)
			}
		}
		return p.count() < indexPerPage
	})
	return found, err
}

// probe visits the pages where a fingerprint may lie until visit returns true.
func (x *index) probe(fingerprint uint64, visit func(*indexPage) bool) error {
	for i := range x.pages {
		p, err := x.page((x.home(fingerprint) + i) & (x.pages - 1))
		if err != nil || visit(p) {
			return err
		}
	}
	return fmt.Errorf("%w: every page is full", errIndex)
}

// add puts entries in, those that are there already once.
func (x *index) add(entries []indexEntry) error {
	slices.SortFunc(entries, func(a, b indexEntry) int { return cmp.Compare(a.fingerprint, b.fingerprint) })
	for _, e := range entries {
		err := x.probe(e.fingerprint, func(p *indexPage) bool {
			n := p.count()
			for i := range n {
				if p.entry(i) == e {
					return true
				}
			}
			if n == indexPerPage {
				return false
			}
			p.append(e)
			return true
		})
		if err != nil {
			return err
		}
	}
	return x.flush()
}

// entries counts what all pages hold.
func (x *index) entries() (n uint64, err error) {
	for at := range x.pages {
		p, err := x.page(at)
		if err != nil {
			return 0, err
		}
		n += uint64(p.count())
	}
	return n, nil
}

// full reports whether so many entries are more than the pages are meant for:
// seven tenths of what they hold.
func (x *index) full(entries uint64) bool { return entries > x.pages*indexPerPage*7/10 }

// roomFor returns the pages for so many entries: they fill at most seven tenths.
func roomFor(entries uint64) uint64 {
	pages := uint64(indexMinPages)
	for pages*indexPerPage*7/10 < entries {
		pages *= 2
	}
	return pages
}

// header returns the index's first page.
func (x *index) header() []byte {
	b := make([]byte, 0, indexPageSize)
	b = append(b, indexMagic...)
	b = append(b, x.log[:]...)
	b = le.AppendUint64(b, x.pages)
	b = le.AppendUint64(b, x.covered.seq)
	b = append(b, x.covered.hash[:]...)
	for _, sum := range x.sums.top {
		b = le.AppendUint32(b, sum)
	}
	b = b[:indexPageSize-4]
	return le.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// cover says up to where the index goes, once its pages are written.
func (x *index) cover(at position) error {
	if err := failpoint.Hit(failpoint.IndexFilled); err != nil {
		return err
	}
	if err := x.sums.flush(); err != nil {
		return err
	}
	x.covered = at
	_, err := x.file.WriteAt(x.header(), 0)
	return err
}

// clear makes all pages empty.
func (x *index) clear() error {
	size := int64(1+x.sums.size()) * indexPageSize
	if err := x.file.Truncate(size); err != nil {
		return err
	}
	x.sums.reset(x.pages)
	var empty indexPage
	for n := range x.pages {
		if err := x.sums.set(0, n, x.sums.sum(0, n, &empty.data)); err != nil {
			return err
		}
	}
	return nil
}

// openIndex reads the header of an index that can be used for a log: it is whole and
// of this log.
func openIndex(f *os.File, log uuid.UUID) (*index, error) {
	b := make([]byte, indexPageSize)
	if _, err := f.ReadAt(b, 0); err != nil {
		return nil, fmt.Errorf("%w: %w", errIndex, err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	pages := le.Uint64(b[24:])
	if !bytes.HasPrefix(b, []byte(indexMagic)) || crc32.Checksum(b[:indexPageSize-4], castagnoli) != le.Uint32(b[indexPageSize-4:]) ||
		uuid.UUID(b[8:24]) != log || bits.OnesCount64(pages) != 1 || pages < indexMinPages || pages > 1<<40 {
		return nil, errIndex
	}
	x := newIndex(f, log, pages)
	if uint64(info.Size()) != (1+x.sums.size())*indexPageSize {
		return nil, errIndex
	}
	x.covered = position{seq: le.Uint64(b[32:]), hash: Hash(b[40:72])}
	for i := range x.sums.top {
		x.sums.top[i] = le.Uint32(b[72+4*i:])
	}
	return x, nil
}
