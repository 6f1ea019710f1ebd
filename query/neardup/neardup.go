// Package neardup finds texts that say nearly the same in nearly the same words.
//
// A text is the set of the runs of five characters (grams) that stand in it, after
// letters have become lower-case and white space one space, with one space at both
// ends. The similarity of two texts is the cosine of the two sets, taken as vectors
// of zeros and ones: how many grams they share, by the root of the product of how
// many each has. It is 0 to 1 and depends on the two texts alone: no other text, no
// language and no dictionary has a say in it.
//
// What it catches: other spacing or capitals, corrected typing errors, sentences in
// another order, a word or number changed in a text of some length: at 0.92 one word
// in 250 characters. What it does not: the same said in other words, translations,
// letters that only look alike (nothing is normalised in Unicode's sense), a short
// text with a word changed. It does not see how often something is repeated. And it
// cannot know what matters: two long solutions that differ in one decisive number are
// near-duplicates.
//
// Not all pairs are compared. Each text has a sketch of numbers, of which two texts
// share as large a part as the Jaccard similarity of their sets is; texts are
// compared where all numbers of one of 64 bands of their sketches are the same, unless
// a sample of all numbers says that they are far from similar. This is MinHash
// (Broder, "On the resemblance and containment of documents", 1997) with banding
// (Indyk and Motwani, "Approximate nearest neighbors", 1998); the sketch is that of
// Dahlgaard, Knudsen and Thorup, "Fast Similarity Sketching" (FOCS 2017). A pair right
// at the threshold is found with a probability of about 0.999, one above it more
// surely, and the similarity of what is found is exact. Nothing is random: the same
// texts give the same result everywhere.
package neardup

import (
	"context"
	"fmt"
	"math"
)

// Match is a text that is similar to one before it.
type Match struct {
	Text, Of   int     // indices
	Similarity float64 // at least the threshold
}

// Thin goes through the texts in order and drops each that is similar to one that it
// kept: whose cosine with it is at least the threshold, above 0 and at most 1. It
// returns what it dropped, in order, each with the most similar of the texts kept
// before it, the first of them if several are.
//
// A text of white space has no grams, and is similar to none.
func Thin(ctx context.Context, texts []string, threshold float64) ([]Match, error) {
	var dropped []Match
	err := search(ctx, texts, threshold, func(similar []Match) (keep bool) {
		if len(similar) == 0 {
			return true
		}
		most := similar[0]
		for _, m := range similar[1:] {
			if m.Similarity > most.Similarity || m.Similarity == most.Similarity && m.Of < most.Of {
				most = m
			}
		}
		dropped = append(dropped, most)
		return false
	})
	return dropped, err
}

// Similarity returns the cosine of two texts.
func Similarity(a, b string) float64 {
	return cosine(set(appendGrams(nil, a)), set(appendGrams(nil, b)))
}

// search calls visit for each text, in order, with those kept before it that are
// similar to it; visit says whether the text is kept.
func search(ctx context.Context, texts []string, threshold float64, visit func(similar []Match) (keep bool)) error {
	if !(threshold > 0 && threshold <= 1) {
		return fmt.Errorf("neardup: the threshold is %v, want above 0 and at most 1", threshold)
	}
	if len(texts) > math.MaxInt32/bands {
		return fmt.Errorf("neardup: %d texts are more than %d", len(texts), math.MaxInt32/bands)
	}
	sketches, err := newSketches(ctx, texts, threshold)
	if err != nil {
		return err
	}
	x := newIndex(sketches)
	var grams, others []gram // reused
	for i, text := range texts {
		if err := ctx.Err(); err != nil {
			return err
		}
		var similar []Match
		candidates := x.candidates(i)
		if len(candidates) > 0 {
			grams = set(appendGrams(grams[:0], text))
		}
		for _, other := range candidates {
			others = set(appendGrams(others[:0], texts[other]))
			if s := cosine(grams, others); s >= threshold {
				similar = append(similar, Match{Text: i, Of: int(other), Similarity: s})
			}
		}
		if visit(similar) {
			x.add(i)
		}
	}
	return nil
}
