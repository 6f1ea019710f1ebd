package main

import (
	"cmp"
	"slices"
)

// nearest returns the name that someone who typed word most likely meant; empty:
// none is near.
func nearest(word string, names []string) string {
	best, least := "", max(1, len(word)/3)+1
	for _, name := range names {
		if d := editDistance(word, name); d < least {
			best, least = name, d
		}
	}
	return best
}

// nearestFirst returns the names in the order of their distance to a word, and of their
// own where that is the same.
func nearestFirst(word string, names []string) []string {
	distance := make(map[string]int, len(names))
	for _, name := range names {
		distance[name] = editDistance(word, name)
	}
	return slices.SortedFunc(slices.Values(names), func(a, b string) int {
		return cmp.Or(cmp.Compare(distance[a], distance[b]), cmp.Compare(a, b))
	})
}

// editDistance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b (the Damerau-Levenshtein distance, restricted to
// one edit a place).
func editDistance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
