//go:build linux

package faults

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// id is the nth record's.
func id(n int) string { return fmt.Sprintf("7d9f3c1e-0f4b-4a65-9d5e-%012x", n) }

// line is the nth record, as an export writes it. Its solution is of the kind that
// compression makes little of and that resembles no other one.
func line(n int) string {
	rng := rand.New(rand.NewPCG(uint64(n), 7))
	solution := make([]byte, 300)
	for i := range solution {
		solution[i] = "abcdefghijklmnopqrstuvwxyz "[rng.IntN(27)]
	}
	return fmt.Sprintf(`{"id":"%s","client_id":"c","run_id":"r","problem":"problem %d","solution":"%s","score":0.9,`+
		`"timestamp":"2026-04-07T09:30:00Z","account_snapshot":{"n":%d},"sources_used":["gtm"]}`, id(n), n, solution, n)
}

// lines is records as JSONL. Padding is white space in each: it counts for the size of
// a batch (4 MiB) and is not stored.
func lines(records []int, padding int) string {
	var b strings.Builder
	for _, n := range records {
		fmt.Fprintf(&b, "%s%s}\n", strings.TrimSuffix(line(n), "}"), strings.Repeat(" ", padding))
	}
	return b.String()
}

// numbers lists the numbers from one to before another.
func numbers(from, to int) []int {
	var all []int
	for n := from; n < to; n++ {
		all = append(all, n)
	}
	return all
}

// The numbers of the records that a prepared store has: in its older backup, and in all.
const (
	inOldBackup = 52
	inStore     = 56
)
