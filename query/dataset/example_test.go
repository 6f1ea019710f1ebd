package dataset_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/explog/explog"
	"github.com/explog/explog/query/dataset"
	"github.com/explog/explog/query/finetune"
)

func Example() {
	dir, err := os.MkdirTemp("", "explog")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	logger, err := explog.Open(filepath.Join(dir, "data"), explog.Options{})
	if err != nil {
		panic(err)
	}
	defer logger.Close()
	_, err = logger.SaveBatch(ctx, []explog.Record{
		{ClientID: "hre", RunID: "r1", Problem: "Leads count twice.", Solution: "Count one conversion per click.", Score: 0.9},
		{ClientID: "hre", RunID: "r1", Problem: "Leads count twice.", Solution: "count one conversion per click. ", Score: 0.8},
		{ClientID: "hre", RunID: "r1", Problem: "Leads count twice.", Solution: "Pause the campaign.", Score: 0.3},
	})
	if err != nil {
		panic(err)
	}

	p := dataset.DefaultParameters()
	p.Format, p.MinExamples, p.Holdout, p.MaxDuplicates = finetune.Alpaca, 1, 0, 0.5
	m, err := logger.BuildDataset(ctx, explog.DatasetOptions{Dir: filepath.Join(dir, "datasets"), Source: dataset.Source{Client: "hre"}, Parameters: p})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%+v\n", m.Steps)
	examples, err := os.ReadFile(filepath.Join(dir, "datasets", "hre", m.Files[0].Name))
	if err != nil {
		panic(err)
	}
	fmt.Print(string(examples))
	// Output:
	// {Found:3 Passed:2 ExactDuplicates:0 NearDuplicates:1 Unpaired:0 HeldOut:0 Written:1}
	// {"instruction":"Leads count twice.","input":"","output":"Count one conversion per click."}
}
