package neardup

import (
	"math"
	"slices"
	"unicode"
)

// gramLength is how many characters a gram has. A text that has fewer is one gram.
const gramLength = 5

// gram is a hash, of 64 bits, of a run of characters. That two runs of the texts have
// the same one need not be reckoned with.
type gram uint64

// roller hashes the last characters of a text: the polynomial in base whose
// coefficients they are, modulo 2^64.
type roller struct {
	last  [gramLength]rune // a ring
	count int
	hash  uint64
}

const base uint64 = 0x9e3779b97f4a7c15

// leaving is the power of base that a character has when it leaves.
var leaving = func() uint64 {
	p := uint64(1)
	for range gramLength {
		p *= base
	}
	return p
}()

// take takes one more character and returns the gram that ends with it; ok: there
// are characters enough.
func (r *roller) take(c rune) (g gram, ok bool) {
	slot := &r.last[r.count%gramLength]
	r.hash = r.hash*base + uint64(c) - uint64(*slot)*leaving
	*slot = c
	r.count++
	return r.gram(), r.count >= gramLength
}

func (r *roller) gram() gram { return gram(mix(r.hash)) }

// mix spreads a number over all bits: the finalizer of SplitMix64 (Steele, Lea and
// Flood, "Fast splittable pseudorandom number generators", 2014).
func mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// appendGrams appends the grams of a text, each as often as it stands there.
func appendGrams(grams []gram, text string) []gram {
	var r roller
	take := func(c rune) {
		if g, ok := r.take(c); ok {
			grams = append(grams, g)
		}
	}
	spaced := true // a space is due
	for _, c := range text {
		if isSpace(c) {
			spaced = true
			continue
		}
		if spaced {
			take(' ')
			spaced = false
		}
		take(lower(c))
	}
	if r.count == 0 {
		return grams
	}
	take(' ')
	if r.count < gramLength {
		grams = append(grams, r.gram())
	}
	return grams
}

func isSpace(c rune) bool {
	return c == ' ' || c < ' ' && c >= '\t' && c <= '\r' || c >= 0x80 && unicode.IsSpace(c)
}

func lower(c rune) rune {
	switch {
	case c >= 0x80:
		return unicode.ToLower(c)
	case 'A' <= c && c <= 'Z':
		return c + 'a' - 'A'
	}
	return c
}

// set sorts grams and drops repeated ones, in place.
func set(grams []gram) []gram {
	slices.Sort(grams)
	return slices.Compact(grams)
}

// cosine returns the cosine of two sets; 0 where one is empty.
func cosine(a, b []gram) float64 {
	common := 0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] < b[j]:
			i++
		case a[i] > b[j]:
			j++
		default:
			common++
			i++
			j++
		}
	}
	if common == 0 {
		return 0
	}
	return float64(common) / math.Sqrt(float64(len(a))*float64(len(b)))
}
