package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog/query"
)

func newHubNarrativeCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "narrative",
		Usage:     "what every experiment said of one narrative",
		ArgsUsage: "ID",
		Description: `Examples:
  explog hub narrative S-002
  explog hub narrative S-002 --json`,
		Flags: []cli.Flag{jsonFlag("print JSONL, an object for each answer")},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			var list []query.Verdict
			err := readingHub(ctx, c, cmd, func(h *query.Hub) (err error) {
				list, err = verdicts(ctx, h, cmd.Args().First())
				return err
			})
			if err != nil {
				return err
			}
			if !cmd.Bool("json") {
				return showVerdicts(c, list)
			}
			for _, v := range list {
				if err := printJSON(c.out, newResultJSON(v.Experiment, v.Result)); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

var errNoNarrative = errors.New("no experiment has a narrative of this id")

// verdicts returns what was said of a narrative, at least one verdict.
func verdicts(ctx context.Context, h *query.Hub, id string) ([]query.Verdict, error) {
	var list []query.Verdict
	for v, err := range h.Narrative(ctx, id) {
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	if list == nil {
		return nil, fmt.Errorf("%w: %q; explog hub export has them all", errNoNarrative, id)
	}
	return list, nil
}

// showVerdicts prints verdicts under the text that they are about: an id can stand for
// several, in different sets.
func showVerdicts(c *console, list []query.Verdict) error {
	for i, v := range list {
		e, r := v.Experiment, v.Result
		if i == 0 || r.Text != list[i-1].Result.Text {
			text := indent(r.Text)
			if r.Text == "" {
				text = "  (no text)"
			}
			if err := c.printf("%s\n%s\n\n", c.bold(oneLine(r.NarrativeID)), text); err != nil {
				return err
			}
		}
		which := ""
		if e.Repeats > 1 {
			which = fmt.Sprintf(", repeat %d", r.Repeat+1)
		}
		if err := c.printf("%s%s\n  manual %s; model %s\n", heading(e.ID, e.Name), which, manualText(e, r), verdictText(r)); err != nil {
			return err
		}
	}
	return nil
}

// manualText says how people flagged a narrative, and under which label.
func manualText(e query.HubExperiment, r query.HubResult) string {
	if e.Label == "" {
		return flagText(r.Manual)
	}
	return fmt.Sprintf("%s (%s)", flagText(r.Manual), oneLine(e.Label))
}
