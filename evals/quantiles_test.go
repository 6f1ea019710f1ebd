package main

import (
	"fmt"
	"slices"
	"time"
)

// quantiles sums up waits.
type quantiles struct {
	n             int
	p50, p99, max time.Duration
}

func quantilesOf(waits []time.Duration) quantiles {
	if len(waits) == 0 {
		return quantiles{}
	}
	sorted := slices.Sorted(slices.Values(waits))
	at := func(p int) time.Duration { return sorted[(len(sorted)-1)*p/100] }
	return quantiles{len(sorted), at(50), at(99), at(100)}
}

func (q quantiles) String() string {
	return fmt.Sprintf("%7d %10s %10s %10s", q.n, millis(q.p50), millis(q.p99), millis(q.max))
}

// quantilesHead stands above quantiles in a table.
var quantilesHead = fmt.Sprintf("%7s %10s %10s %10s", "n", "p50", "p99", "max")

func millis(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000) }
