package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog/event"
	"github.com/explog/explog/hub/metrics"
	"github.com/explog/explog/hub/report"
	"github.com/explog/explog/query"
)

func newHubCompareCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "compare",
		Usage:     "two experiments, on the narratives that both judged",
		ArgsUsage: "A B",
		Description: `A and B are named as for hub show. Compared are narratives with the same id, text and
manual flag to which both gave a usable answer; what is left out is counted. With
repeats, the first answer of the one is paired with the first of the other, and so on,
and p is too small, for answers about one narrative are not independent.

p is that of McNemar's exact two-sided test: how likely the two are right alone as
unequally often as here, if neither is better; the chi-squared test, with continuity
correction, approximates it. Of the narratives of which one alone was right, a table
shows 20 with both rationales, or --all; csv (a row for each) and json have all of them.

Examples:
  explog hub compare 1 2
  explog hub compare 1 latest --format csv > discordant.csv`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Usage: "show all narratives of which one alone was right"},
			&cli.StringFlag{Name: "format", Value: "table", Usage: "table, json or csv"},
			jsonFlag("the same as --format json"),
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			format := cmd.String("format")
			if cmd.Bool("json") {
				format = "json"
			}
			if format != "table" && format != "json" && format != "csv" {
				return usagef("--format: unknown format %q; want table, json or csv", format)
			}
			a, b, compared, err := compareExperiments(ctx, c, cmd)
			if err != nil {
				return err
			}
			switch format {
			case "json":
				return printJSON(c.out, newComparisonJSON(a, b, compared))
			case "csv":
				return compareCSV(c.out, compared)
			}
			most := discordantShown
			if cmd.Bool("all") {
				most = len(compared.Discordant)
			}
			return showComparison(c, a, b, compared, most)
		},
	}
}

// discordantShown is how many narratives a table shows.
const discordantShown = 20

func compareExperiments(ctx context.Context, c *console, cmd *cli.Command) (a, b query.HubExperiment, compared report.Comparison, err error) {
	err = readingHub(ctx, c, cmd, func(h *query.Hub) (err error) {
		if a, err = h.Experiment(ctx, cmd.Args().Get(0)); err != nil {
			return err
		}
		if b, err = h.Experiment(ctx, cmd.Args().Get(1)); err != nil {
			return err
		}
		compared, err = report.Compare(h.Results(ctx, a.ID), h.Results(ctx, b.ID))
		return err
	})
	return a, b, compared, err
}

func showComparison(c *console, a, b query.HubExperiment, compared report.Comparison, most int) error {
	var s strings.Builder
	fmt.Fprintf(&s, "A  %s\nB  %s\n\n", heading(a.ID, a.Name), heading(b.ID, b.Name))
	noun := "narrative"
	if repeated := a.Repeats > 1 || b.Repeats > 1; repeated {
		noun = "answer"
	}
	fmt.Fprintf(&s, "%s compared, %d left out%s\n\n", plural(int64(compared.N()), noun), compared.Left.N(), leftOut(compared.Left))
	writeMatrix(&s, [2]string{"A right", "A wrong"}, [2]string{"B right", "B wrong"},
		[2][2]int{{compared.BothRight, compared.OnlyA}, {compared.OnlyB, compared.BothWrong}})
	fmt.Fprintf(&s, "\nMcNemar, exact: p = %.4g\n%s\n", compared.P(), chiSquaredText(compared))
	if noun == "answer" {
		fmt.Fprintln(&s, "Repeated answers about a narrative are not independent: p is too small.")
	}
	fmt.Fprintf(&s, "\n%s\n", c.bold(fmt.Sprintf("%-4s %6s  %9s  %6s  %8s", "", "F1", "PRECISION", "RECALL", "ACCURACY")))
	for i, m := range []report.Scores{report.ScoresOf(compared.A), report.ScoresOf(compared.B)} {
		fmt.Fprintf(&s, "%-4c %6s  %9s  %6s  %8s\n", 'A'+i, m.F1.Point.Text(3), m.Precision.Point.Text(3), m.Recall.Point.Text(3), m.Accuracy.Point.Text(3))
	}
	some := compared.Some(most)
	for _, side := range []struct {
		name  string
		right bool // A is
	}{{"A alone is right", true}, {"B alone is right", false}} {
		writePairs(c, &s, side.name, some, side.right, noun == "answer")
	}
	if left := len(compared.Discordant) - len(some); left > 0 {
		fmt.Fprintf(&s, "\n%s not shown: --all shows all, --format csv has a row for each\n", plural(int64(left), noun))
	}
	return c.printf("%s", s.String())
}

func chiSquaredText(compared report.Comparison) string {
	statistic, p := compared.ChiSquared()
	if reason := statistic.Reason(); reason != "" {
		return "McNemar, chi-squared with continuity correction: n/a, " + reason
	}
	x, _ := statistic.Float64()
	y, _ := p.Float64()
	return fmt.Sprintf("McNemar, chi-squared with continuity correction: %.4g, p = %.4g", x, y)
}

// leftOut says why answers were left out.
func leftOut(l report.LeftOut) string {
	var parts []string
	for _, reason := range []struct {
		n    int
		text string
	}{
		{l.MissingInA, "not asked by A"},
		{l.MissingInB, "not asked by B"},
		{l.OtherText, "with two texts"},
		{l.NoFlag, "without a manual flag"},
		{l.OtherFlag, "with two manual flags"},
		{l.UnusableA, "without a usable answer of A"},
		{l.UnusableB, "without a usable answer of B"},
	} {
		if reason.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", reason.n, reason.text))
		}
	}
	if parts == nil {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}

func writePairs(c *console, s *strings.Builder, name string, pairs []report.Pair, right, repeated bool) {
	first := true
	for _, p := range pairs {
		if p.RightA() != right {
			continue
		}
		if first {
			fmt.Fprintf(s, "\n%s\n", c.bold(name))
			first = false
		}
		which := ""
		if repeated {
			which = fmt.Sprintf(", repeat %d", p.A.Repeat+1)
		}
		fmt.Fprintf(s, "%s%s is %s by hand\n", oneLine(p.A.NarrativeID), which, flagText(p.A.Manual))
		fmt.Fprintf(s, "  A  %s\n  B  %s\n", verdictText(p.A), verdictText(p.B))
	}
}

// verdictText is what an experiment said, in one line.
func verdictText(r query.HubResult) string {
	if r.Flag == nil {
		return outcomeText(r.Outcome, r.Problem)
	}
	text := flagText(r.Flag)
	if r.Confidence != nil {
		text += fmt.Sprintf(" (%.2f)", *r.Confidence)
	}
	if r.Rationale != "" {
		text += ": " + oneLine(r.Rationale)
	}
	return text
}

// outcomeText is an outcome with its reason, in one line.
func outcomeText(outcome event.ResultOutcome, problem string) string {
	text := strings.ReplaceAll(string(outcome), "_", " ")
	if problem != "" {
		text += ": " + oneLine(problem)
	}
	return text
}

// comparisonJSON is a comparison as it is printed with --json.
type comparisonJSON struct {
	A experimentJSON `json:"a"`
	B experimentJSON `json:"b"`
	N int            `json:"compared"`
	report.Comparison
	P          float64       `json:"mcnemar_p"`
	ChiSquared metrics.Value `json:"mcnemar_chi_squared"` // null: there is no discordant pair
	ChiP       metrics.Value `json:"mcnemar_chi_squared_p"`
	Discordant []pairJSON    `json:"discordant"`
}

type experimentJSON struct {
	ID     int64          `json:"id"`
	UUID   string         `json:"uuid"`
	Name   string         `json:"name"`
	Matrix metrics.Counts `json:"matrix"` // on what was compared
}

type pairJSON struct {
	NarrativeID string   `json:"narrative_id"`
	Repeat      int      `json:"repeat"`
	Text        string   `json:"narrative_text"`
	Manual      *bool    `json:"manual_flag"`
	A           saidJSON `json:"a"`
	B           saidJSON `json:"b"`
}

type saidJSON struct {
	Flag       *bool    `json:"model_flag"`
	Confidence *float64 `json:"confidence"`
	Indicators []string `json:"indicators"`
	Rationale  string   `json:"rationale"`
}

func newComparisonJSON(a, b query.HubExperiment, compared report.Comparison) comparisonJSON {
	j := comparisonJSON{
		A: experimentJSON{a.ID, a.UUID.String(), a.Name, compared.A}, B: experimentJSON{b.ID, b.UUID.String(), b.Name, compared.B},
		N: compared.N(), Comparison: compared, P: compared.P(), Discordant: []pairJSON{},
	}
	j.ChiSquared, j.ChiP = compared.ChiSquared()
	said := func(r query.HubResult) saidJSON {
		return saidJSON{r.Flag, r.Confidence, append([]string{}, r.Indicators...), r.Rationale}
	}
	for _, p := range compared.Discordant {
		j.Discordant = append(j.Discordant, pairJSON{p.A.NarrativeID, p.A.Repeat, p.A.Text, p.A.Manual, said(p.A), said(p.B)})
	}
	return j
}

// compareCSV writes a row for each narrative of which one alone was right.
func compareCSV(w io.Writer, compared report.Comparison) error {
	out := csv.NewWriter(w)
	err := out.Write([]string{
		"narrative_id", "repeat", "narrative_text", "manual_flag", "right",
		"a_flag", "a_confidence", "a_rationale", "b_flag", "b_confidence", "b_rationale",
	})
	if err != nil {
		return err
	}
	for _, p := range compared.Discordant {
		right := "B"
		if p.RightA() {
			right = "A"
		}
		err := out.Write([]string{
			p.A.NarrativeID, fmt.Sprint(p.A.Repeat), p.A.Text, flagCell(p.A.Manual), right,
			flagCell(p.A.Flag), cell(p.A.Confidence), p.A.Rationale, flagCell(p.B.Flag), cell(p.B.Confidence), p.B.Rationale,
		})
		if err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
