package neardup

import "math/bits"

// index finds, of the texts that were added, those that share a band with another.
// For each band it is a hash table with chains.
type index struct {
	*sketches
	heads []int32 // per band and bucket: the last text added, plus 1
	next  []int32 // per text and band: the one added before it, plus 1
	shift int     // of a key: to its bucket
	seen  []int32 // per text: the last one, plus 1, with which it shared a band
	found []int32 // reused
}

func newIndex(s *sketches) *index {
	texts := len(s.samples)
	size := bits.Len(uint(texts))
	return &index{
		sketches: s, next: make([]int32, len(s.keys)), seen: make([]int32, texts),
		heads: make([]int32, bands<<size), shift: 32 - size,
	}
}

// head returns where the chain of a key begins.
func (x *index) head(band int, key uint32) *int32 {
	return &x.heads[uint64(band)<<(32-x.shift)|uint64(key)>>x.shift]
}

// add adds a text.
func (x *index) add(text int) {
	for band := range bands {
		at := text*bands + band
		head := x.head(band, x.keys[at])
		x.next[at], *head = *head, int32(text+1)
	}
}

// candidates returns the texts that were added, share a band with a text, and can be
// similar to it. They are valid until the next call.
func (x *index) candidates(text int) []int32 {
	x.found = x.found[:0]
	for band := range bands {
		key := x.keys[text*bands+band]
		for other := *x.head(band, key); other != 0; {
			at := int(other-1)*bands + band
			if x.keys[at] == key && x.seen[other-1] != int32(text+1) {
				x.seen[other-1] = int32(text + 1)
				if x.alike(text, int(other-1)) {
					x.found = append(x.found, other-1)
				}
			}
			other = x.next[at]
		}
	}
	return x.found
}
