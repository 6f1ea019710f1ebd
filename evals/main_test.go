package main

import (
	"context"
	"strings"
	"testing"
)

// TestEvals runs what go run ./evals runs.
func TestEvals(t *testing.T) {
	var out strings.Builder
	failed, err := run(context.Background(), &out)
	if err != nil || failed > 0 || !strings.Contains(out.String(), "=== Results: 25 passed, 0 failed ===") {
		t.Errorf("%d failed, %v\n%s", failed, err, out.String())
	}
}
