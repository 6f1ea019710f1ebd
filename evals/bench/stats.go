package main

import "slices"

// ratio sums up ours divided by the peer's, round by round.
type ratio struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// ratioOf compares what was measured in the same rounds. A step that was measured
// less often stands for the first rounds. Neither may be empty.
func ratioOf(ours, peer []float64) ratio {
	all := make([]float64, min(len(ours), len(peer)))
	for i := range all {
		all[i] = ours[i] / peer[i]
	}
	return ratio{median(all), slices.Min(all), slices.Max(all)}
}

// median returns the middle value, or the mean of the two middle ones.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
