package main

import (
	"flag"
	"math/rand/v2"
	"testing"
)

var seed = flag.Uint64("seed", 0, "of what the rigs do at random; 0: another one each time")

// randomness returns a source whose seed is in the test's log.
func randomness(t *testing.T) *rand.Rand {
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Logf("again with: -seed %d", s)
	return rand.New(rand.NewPCG(s, 0))
}
