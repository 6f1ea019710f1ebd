package report_test

import (
	"fmt"
	"io"

	"github.com/explog/explog/hub/report"
	"github.com/explog/explog/query"
)

func Example() {
	list := []report.Summary{
		report.Summarize(query.HubExperiment{ID: 1, Name: "careful", TP: 20, FN: 16, FP: 2, TN: 37, Labelled: 75, Total: 78, Repeats: 1}),
		report.Summarize(query.HubExperiment{ID: 2, Name: "never asked", Total: 78, Repeats: 1}),
		report.Summarize(query.HubExperiment{ID: 3, Name: "bold", TP: 30, FN: 6, FP: 9, TN: 30, Labelled: 75, Total: 78, Repeats: 1}),
	}
	report.Rank(list)
	for _, s := range list {
		fmt.Println(s.Name, s.F1.Point)
	}
	if err := report.HTML(io.Discard, list); err != nil {
		fmt.Println(err)
	}
	// Output:
	// bold 0.8000
	// careful 0.6897
	// never asked n/a (no narrative has both a manual flag and a usable answer)
}
