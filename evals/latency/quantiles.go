package latency

import (
	"fmt"
	"slices"
	"time"
)

// Quantiles sums up waits.
type Quantiles struct {
	N             int
	P50, P99, Max time.Duration
}

// QuantilesOf sums up these waits.
func QuantilesOf(waits []time.Duration) Quantiles {
	if len(waits) == 0 {
		return Quantiles{}
	}
	sorted := slices.Sorted(slices.Values(waits))
	at := func(p int) time.Duration { return sorted[(len(sorted)-1)*p/100] }
	return Quantiles{len(sorted), at(50), at(99), at(100)}
}

func (q Quantiles) String() string {
	return fmt.Sprintf("%7d %10s %10s %10s", q.N, millis(q.P50), millis(q.P99), millis(q.Max))
}

// QuantilesHead stands above quantiles in a table.
var QuantilesHead = fmt.Sprintf("%7s %10s %10s %10s", "n", "p50", "p99", "max")

func millis(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000) }
