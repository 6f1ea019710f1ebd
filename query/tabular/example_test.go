package tabular_test

import (
	"fmt"
	"os"

	"github.com/explog/explog/event"
	"github.com/explog/explog/query/tabular"
)

func ExampleWriteCSV() {
	rows := func(yield func(event.Row, error) bool) {
		yield(event.Row{
			ID: "7d9f3c1e-0f4b-4a65-9d5e-2f8b1c6a7e90", ClientID: "hre", RunID: "r1", Problem: "Leads count twice", Solution: "once",
			Score: "0.92", Timestamp: "2026-04-07T09:30:00Z", AccountSnapshot: `{}`, SourcesUsed: `["gtm"]`,
		}, nil)
	}
	n, err := tabular.WriteCSV(os.Stdout, rows, tabular.Options{})
	fmt.Println(n, "row", err)
	// Output:
	// id,client_id,run_id,problem,solution,score,timestamp,account_snapshot,sources_used
	// 7d9f3c1e-0f4b-4a65-9d5e-2f8b1c6a7e90,hre,r1,Leads count twice,once,0.92,2026-04-07T09:30:00Z,{},"[""gtm""]"
	// 1 row <nil>
}
