package explog

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"os"

	"github.com/google/uuid"
)

// ordinals counts how often each content key was met in one input, so that
// identical records without an id get keys of their own, and the same ones each
// time.
//
// It counts in memory up to a bound and then in a temporary file, an
// open-addressed hash table of fixed slots, so that memory does not grow with the
// input.
type ordinals struct {
	counts map[uuid.UUID]uint64
	limit  int
	file   *os.File // once the map is full
	slots  uint64   // of the file, a power of two
	used   uint64
	err    error // sticks; next returns 0 from then on
}

const (
	ordinalsInMemory = 1 << 18
	ordinalSlot      = 24 // 16 bytes key, 8 bytes count; count 0: free
)

func newOrdinals() *ordinals {
	return &ordinals{counts: make(map[uuid.UUID]uint64), limit: ordinalsInMemory}
}

// next returns how often a key was asked for before.
func (o *ordinals) next(key uuid.UUID) uint64 {
	if o.err != nil {
		return 0
	}
	if o.file == nil && len(o.counts) >= o.limit {
		o.grow()
	}
	if o.file == nil {
		n := o.counts[key]
		o.counts[key] = n + 1
		return n
	}
	if o.used > o.slots/2 {
		o.grow()
	}
	return o.add(key, 1)
}

// add adds to a key's count in the file and returns the count before.
func (o *ordinals) add(key uuid.UUID, n uint64) uint64 {
	var slot [ordinalSlot]byte
	for at := binary.LittleEndian.Uint64(key[:8]); o.err == nil; at++ {
		offset := int64(at&(o.slots-1)) * ordinalSlot
		if _, o.err = o.file.ReadAt(slot[:], offset); o.err != nil {
			break
		}
		count := binary.LittleEndian.Uint64(slot[16:])
		if count > 0 && uuid.UUID(slot[:16]) != key {
			continue
		}
		if count == 0 {
			o.used++
		}
		copy(slot[:], key[:])
		binary.LittleEndian.PutUint64(slot[16:], count+n)
		_, o.err = o.file.WriteAt(slot[:], offset)
		return count
	}
	return 0
}

// grow moves all counts into a file of twice the slots.
func (o *ordinals) grow() {
	old := *o
	o.counts, o.used = nil, 0
	o.slots = max(2*old.slots, 1<<bits.Len(uint(8*o.limit)))
	if o.file, o.err = os.CreateTemp("", "explog-import-*"); o.err != nil {
		o.err = fmt.Errorf("count records without an id: %w", o.err)
		return
	}
	os.Remove(o.file.Name()) // it lives as long as it is open
	if o.err = o.file.Truncate(int64(o.slots) * ordinalSlot); o.err != nil {
		return
	}
	for key, n := range old.counts {
		o.add(key, n)
	}
	if old.file == nil {
		return
	}
	defer old.file.Close()
	var slot [ordinalSlot]byte
	for at := uint64(0); at < old.slots && o.err == nil; at++ {
		if _, o.err = old.file.ReadAt(slot[:], int64(at)*ordinalSlot); o.err != nil {
			return
		}
		if n := binary.LittleEndian.Uint64(slot[16:]); n > 0 {
			o.add(uuid.UUID(slot[:16]), n)
		}
	}
}

func (o *ordinals) close() {
	if o.file != nil {
		o.file.Close()
	}
}
