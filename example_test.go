package explog_test

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/explog/explog"
)

func Example() {
	dir, err := os.MkdirTemp("", "explog")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()

	logger, err := explog.Open(dir, explog.Options{})
	if err != nil {
		panic(err)
	}
	defer logger.Close()

	record := explog.Record{
		ID:       "7d9f3c1e-0f4b-4a65-9d5e-2f8b1c6a7e90",
		ClientID: "hre",
		RunID:    "exp-2026-04-07-047",
		Problem:  "Leads count twice since the consent banner was changed.",
		Solution: "Count one conversion per click.",
		Score:    0.92,
	}
	for range 2 {
		result, err := logger.Save(ctx, record)
		if err != nil {
			panic(err)
		}
		fmt.Println(result.ID, result.Status)
	}

	good := 0.9
	for r, err := range logger.Query(ctx, explog.Filter{Client: "hre", MinScore: &good}) {
		if err != nil {
			panic(err)
		}
		fmt.Println(r.Score, r.Solution)
	}
	// Output:
	// 7d9f3c1e-0f4b-4a65-9d5e-2f8b1c6a7e90 new
	// 7d9f3c1e-0f4b-4a65-9d5e-2f8b1c6a7e90 duplicate
	// 0.92 Count one conversion per click.
}

func ExampleLogger_Import() {
	dir, err := os.MkdirTemp("", "explog")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	logger, err := explog.Open(dir, explog.Options{})
	if err != nil {
		panic(err)
	}
	defer logger.Close()

	input := `{"problem":"Leads count twice","solution":"Count one per click","score":1.1}
{"problem":"Leads count twice","score":0.4}
`
	report, err := logger.Import(context.Background(), strings.NewReader(input), explog.ImportOptions{
		Source: "run.jsonl",
		Client: "hre",
		OnResult: func(r explog.ImportResult) {
			if r.Clamped != nil {
				fmt.Printf("line %d: score %s counts as %v\n", r.Line, r.Clamped.Given, r.Clamped.Kept)
			}
			for _, f := range r.Faults {
				fmt.Printf("line %d: %v\n", r.Line, f)
			}
		},
	})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%d new, %d rejected\n", report.New, report.Rejected)
	// Output:
	// line 1: score 1.1 counts as 1
	// line 2: solution: missing
	// 1 new, 1 rejected
}
