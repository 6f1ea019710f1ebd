package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
	"github.com/explog/explog/event"
	"github.com/explog/explog/hub/report"
	"github.com/explog/explog/query"
)

func newHubRelabelCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "relabel",
		Usage:     "correct the manual flag of a narrative",
		ArgsUsage: "ID TRUE|FALSE|none",
		Description: `The correction goes to the log, and the measures of all experiments over this narrative
follow, those of later ones too, whatever their file says, until it is corrected again.
It holds for the narrative's id, text and label (the name of the column with the
flags). Where the id has several labels or texts, --label or --experiment says which.

Examples:
  explog hub relabel S-002 FALSE
  explog hub relabel S-002 none --label manual_flag`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "label", Usage: "the flag in the column of this `NAME`"},
			&cli.StringFlag{Name: "experiment", Usage: "the text and the label that this experiment (`NAME|ID`) has"},
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			flag, err := flagOf(cmd.Args().Get(1))
			if err != nil {
				return err
			}
			return withHub(ctx, c, cmd, func(l *explog.Logger, h *query.Hub) error {
				list, err := toRelabel(ctx, cmd, h)
				if err != nil {
					return err
				}
				return relabel(ctx, c, l, list, flag)
			})
		},
	}
}

// flagOf reads a flag as it is given; nil: none.
func flagOf(text string) (*bool, error) {
	yes, no := true, false
	switch strings.ToLower(text) {
	case "true":
		return &yes, nil
	case "false":
		return &no, nil
	case "none":
		return nil, nil
	}
	return nil, usagef("%q is no flag; want TRUE, FALSE or none", text)
}

// toRelabel returns what was said of the narrative that is to be corrected: all of it
// of one text under one label.
func toRelabel(ctx context.Context, cmd *cli.Command, h *query.Hub) ([]query.Verdict, error) {
	id := cmd.Args().First()
	list, err := verdicts(ctx, h, id)
	if err != nil {
		return nil, err
	}
	wanted := list
	if cmd.IsSet("label") {
		wanted = withLabel(wanted, cmd.String("label"))
	}
	if ref := cmd.String("experiment"); ref != "" {
		e, err := h.Experiment(ctx, ref)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(wanted, func(v query.Verdict) bool { return v.Experiment.ID == e.ID })
		if i < 0 {
			return nil, fmt.Errorf("experiment %d %q has no such narrative: %s", e.ID, e.Name, id)
		}
		wanted = withText(withLabel(wanted, e.Label), wanted[i].Result.Text)
	}
	if len(wanted) == 0 {
		return nil, fmt.Errorf("%s has no label %q, but %s", id, cmd.String("label"), labels(list))
	}
	first := wanted[0]
	if len(withLabel(wanted, first.Experiment.Label)) < len(wanted) {
		return nil, fmt.Errorf("%s has several labels, %s; choose one with --label", id, labels(wanted))
	}
	if len(withText(wanted, first.Result.Text)) < len(wanted) {
		return nil, fmt.Errorf("%s stands for several texts, see explog hub narrative %s; choose one with --experiment", id, id)
	}
	return wanted, nil
}

func withLabel(list []query.Verdict, label string) []query.Verdict {
	return slices.DeleteFunc(slices.Clone(list), func(v query.Verdict) bool { return v.Experiment.Label != label })
}

func withText(list []query.Verdict, text string) []query.Verdict {
	return slices.DeleteFunc(slices.Clone(list), func(v query.Verdict) bool { return v.Result.Text != text })
}

// labels names the labels of verdicts.
func labels(list []query.Verdict) string {
	var names []string
	for _, v := range list {
		if name := fmt.Sprintf("%q", v.Experiment.Label); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return joinAnd(names)
}

// relabel logs the correction, and prints what it changed.
func relabel(ctx context.Context, c *console, l *explog.Logger, list []query.Verdict, flag *bool) error {
	of, id := list[0].Experiment, list[0].Result.NarrativeID
	if !slices.ContainsFunc(list, func(v query.Verdict) bool { return flagText(v.Result.Manual) != flagText(flag) }) {
		return c.printf("%s is %s already: nothing was changed\n", oneLine(id), flagText(flag))
	}
	fact, err := event.Relabelled{
		ID: uuid.New(), Label: of.Label, Narrative: id, Text: event.Narrative{Text: list[0].Result.Text}.Key(), Flag: flag, Relabel: time.Now().UTC(),
	}.Fact()
	if err != nil {
		return err
	}
	if err := l.Append(ctx, fact); err != nil {
		return err
	}
	if err := c.printf("%s is now %s\n", oneLine(id), flagText(flag)); err != nil {
		return err
	}
	err = readHub(ctx, l, func(h *query.Hub) error { return printChanged(ctx, c, h, list) })
	if err != nil {
		c.note("the correction is saved; the view will follow: %v", err)
	}
	return nil
}

// printChanged prints what experiments come to, now and as their verdicts had it.
func printChanged(ctx context.Context, c *console, h *query.Hub, before []query.Verdict) error {
	for i, v := range before {
		if i > 0 && v.Experiment.ID == before[i-1].Experiment.ID { // a repeat
			continue
		}
		e, err := h.Experiment(ctx, fmt.Sprint(v.Experiment.ID))
		if err != nil {
			return err
		}
		was, is := report.Summarize(v.Experiment).F1.Point, report.Summarize(e).F1.Point
		if err := c.printf("%s: it was %s; F1 was %s, is %s\n", heading(e.ID, e.Name), flagText(v.Result.Manual), was.Text(3), is.Text(3)); err != nil {
			return err
		}
	}
	return nil
}
