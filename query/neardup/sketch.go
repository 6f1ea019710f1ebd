package neardup

import (
	"context"
	"math"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
)

// bands is the number of bands of a sketch.
const bands = 64

// maxRows is the most numbers in a band.
const maxRows = 16

// rowsFor returns the number of rows of a band: as many as leave a pair at the
// threshold a chance of at least 0.999 to share a band.
//
// If the cosine of two sets is t, their Jaccard similarity is at least t²: it is that
// where one holds the other. A band of r rows is shared with probability t²ʳ.
func rowsFor(threshold float64) int {
	missed := func(rows int) float64 {
		return math.Pow(1-math.Pow(threshold*threshold, float64(rows)), bands)
	}
	rows := 1
	for rows < maxRows && missed(rows+1) <= 0.001 {
		rows++
	}
	return rows
}

// sketches are what is kept of the sketches of all texts.
type sketches struct {
	// keys of the bands, bands for each text: texts with the same numbers in a band
	// have the same key there.
	keys []uint32
	// samples are sampleSize numbers of each text's sketch, of each its last byte:
	// enough to estimate a similarity.
	samples [][sampleSize / 8]uint64
	// least is how many bytes of their samples similar texts share at least.
	least int
}

const sampleSize = 128

// newSketches makes the sketches of texts, on all processors.
func newSketches(ctx context.Context, texts []string, threshold float64) (*sketches, error) {
	const atOnce = 64 // texts
	all := &sketches{
		keys:    make([]uint32, len(texts)*bands),
		samples: make([][sampleSize / 8]uint64, len(texts)),
		least:   leastShared(threshold),
	}
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			s := newSketcher(rowsFor(threshold))
			for ctx.Err() == nil {
				from := int(next.Add(atOnce)) - atOnce
				if from >= len(texts) {
					return
				}
				for i := from; i < min(from+atOnce, len(texts)); i++ {
					s.sketch(texts[i])
					s.keys(all.keys[i*bands : (i+1)*bands])
					s.sample(&all.samples[i])
				}
			}
		})
	}
	workers.Wait()
	return all, ctx.Err()
}

// leastShared returns the number of bytes that samples of similar texts share on
// average at the threshold, less six standard deviations.
func leastShared(threshold float64) int {
	p := threshold * threshold // the least Jaccard similarity, as for rowsFor
	return int(sampleSize*p - 6*math.Sqrt(sampleSize*p*(1-p)))
}

// alike reports whether two texts can be similar by their samples.
func (s *sketches) alike(a, b int) bool {
	shared := 0
	for i, v := range s.samples[a] {
		// A byte of same is 0x80 where both have the same byte, else 0.
		const low = 0x7f7f7f7f7f7f7f7f
		v ^= s.samples[b][i]
		same := ^((v&low + low) | v | low)
		shared += bits.OnesCount64(same)
	}
	return shared >= s.least
}

// sketcher makes sketches.
type sketcher struct {
	rows    int
	grams   []gram   // reused
	numbers []uint64 // of the sketch: of each the round in the upper half, a hash in the lower
}

func newSketcher(rows int) *sketcher {
	return &sketcher{rows: rows, numbers: make([]uint64, rows*bands)}
}

// sketch makes the sketch of a text. Those of texts without grams are the same.
func (s *sketcher) sketch(text string) {
	s.grams = appendGrams(s.grams[:0], text)
	if len(s.grams) == 0 {
		clear(s.numbers)
		return
	}
	s.fill()
}

// keys sets the keys of the bands.
func (s *sketcher) keys(keys []uint32) {
	for b := range keys {
		var h uint64
		for _, v := range s.numbers[b*s.rows : (b+1)*s.rows] {
			h = mix(h ^ v)
		}
		keys[b] = uint32(h)
	}
}

// sample sets a sample of the sketch.
func (s *sketcher) sample(sample *[sampleSize / 8]uint64) {
	for i := range sampleSize {
		v := s.numbers[i*len(s.numbers)/sampleSize]
		sample[i/8] |= v & 0xff << (i % 8 * 8)
	}
}

// fill makes the sketch. In each round every gram is thrown at one place of the
// sketch, and the least hash in the first round that hits a place stays there. From
// round size on, where each place gets one of its own, none is left empty.
func (s *sketcher) fill() {
	const empty = math.MaxUint64
	size := len(s.numbers)
	for i := range s.numbers {
		s.numbers[i] = empty
	}
	for round, left := 0, size; left > 0; round++ {
		seed := uint64(round) * base
		for _, g := range s.grams {
			h := mix(uint64(g) ^ seed)
			place := round - size
			if round < size {
				place = int(h >> 32 * uint64(size) >> 32)
			}
			v := uint64(round)<<32 | h&math.MaxUint32
			if old := s.numbers[place]; v < old {
				if old == empty {
					left--
				}
				s.numbers[place] = v
			}
		}
	}
}
