package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog"
	"github.com/explog/explog/query/dataset"
	"github.com/explog/explog/query/finetune"
)

func newDatasetBuildCommand(c *console) *cli.Command {
	d := dataset.DefaultParameters()
	return &cli.Command{
		Name:  "build",
		Usage: "make the next version of training files",
		Description: `Takes the records of a client that score well, drops exact and near-duplicate
solutions (the better one stays), holds out a part of the problems, and writes, in
the folder of the client, vN.jsonl, vN_eval.jsonl, vN.provenance.jsonl and
vN.manifest.json. Each step and each gate is printed with its figure; if a gate
fails, nothing is written and the exit code is 1.

The problems that are held out are chosen by a hash, so an example stays on its side
from one version to the next. The same records give the same bytes. With --delta a
version has what no earlier one of its format has: what was logged since, and is no
duplicate of what was there, even if it scores better.

Records with the same problem and solution of which some score at least --min-score and
some do not contradict each other. They are named in a warning, in the manifest and in
the provenance; the best one stays in.

Problems are compared without case, white space and the form of Unicode. A dataset that
an earlier explog began keeps the way in which it compared them.

In the formats of pairs (openai-dpo, trl-dpo) an example is the best answer to a
problem and the worst one, whatever that scores. In kto every record is an example,
wanted if it scores at least --min-score.

With --from hub:NAME the examples are answers of a benchmark that agree with the
manual flag: its prompt, the narrative, the reply. NAME is a name, an id or latest;
of several benchmarks with a name the last one is meant. Duplicates are told by
narrative and reply together.

Formats: ` + formatNames() + `.

Examples:
  explog dataset build --client hre
  explog dataset build --client hre --format trl --system-prompt prompt.txt
  explog dataset build --client hre --min-score 0.9 --holdout 0.2 --dry-run
  explog dataset build --from "hub:Negation, prompt with context" --max-system-tokens 1000`,
		Flags: append(sourceFlags(" (required)"), []cli.Flag{
			&cli.StringFlag{Name: "format", Value: string(d.Format), Usage: "the `FORMAT` of the examples"},
			&cli.FloatFlag{Name: "min-score", Value: d.MinScore, Usage: "only scores of at least this `SCORE`"},
			&cli.FloatFlag{Name: "similarity", Value: d.Similarity, Usage: "the `COSINE` from which two solutions are near-duplicates"},
			&cli.StringFlag{Name: "system-prompt", Usage: "put the text of this `FILE` before each example"},
			&cli.IntFlag{Name: "max-system-tokens", Value: d.MaxSystemTokens, Usage: "the most `TOKENS` that it may have"},
			&cli.IntFlag{Name: "min-examples", Value: d.MinExamples, Usage: "gate: at least `N` examples, with those held out"},
			&cli.FloatFlag{Name: "max-duplicate-rate", Value: d.MaxDuplicates, Usage: "gate: at most this `SHARE` of duplicates"},
			&cli.FloatFlag{Name: "holdout", Value: d.Holdout, Usage: "hold out this `SHARE` of the problems"},
			&cli.BoolFlag{Name: "delta", Usage: "only what was logged since the last version of the format"},
			&cli.BoolFlag{Name: "dry-run", Usage: "write nothing"},
			&cli.BoolFlag{Name: "json", Usage: "print the manifest as JSON"},
		}...),
		Action: func(ctx context.Context, cmd *cli.Command) error { return runDatasetBuild(ctx, c, cmd) },
	}
}

func runDatasetBuild(ctx context.Context, c *console, cmd *cli.Command) error {
	o := explog.DatasetOptions{Dir: cmd.String("out"), Delta: cmd.Bool("delta"), DryRun: cmd.Bool("dry-run"), Version: version()}
	var err error
	if o.Source, err = requiredSource(cmd); err != nil {
		return err
	}
	if o.Source.OfHub() && cmd.IsSet("system-prompt") {
		return usagef("--system-prompt: the answers of a benchmark stand behind its own prompt")
	}
	if o.Parameters, err = datasetParameters(ctx, c, cmd); err != nil {
		return err
	}
	spareMemory()
	var m dataset.Manifest
	err = withLogger(c, cmd, func(l *explog.Logger) error {
		m, err = l.BuildDataset(ctx, o)
		if noRecords(m, err) && !o.Source.OfHub() {
			return noClient(ctx, l, o.Source.Client)
		}
		return err
	})
	failed := errors.Is(err, explog.ErrGate)
	if err != nil && !failed {
		return err
	}
	if cmd.Bool("json") {
		err = printJSON(c.out, m)
	} else {
		err = printBuilt(c, o, m, failed)
	}
	if noRecords(m, nil) {
		c.note("the log has nothing of %s", printable(m.Name()))
	}
	warnContradictions(c, m)
	if m.Outdated() {
		c.note("this dataset keeps the folding of its first version: problems that differ in the form of Unicode only can be on both sides; build it into another folder with --out to fold them")
	}
	if err == nil && failed {
		return errors.New("nothing is written, because of the gates that failed")
	}
	return err
}

// noRecords reports whether a dataset had no record to be made from.
func noRecords(m dataset.Manifest, err error) bool {
	return (err == nil || errors.Is(err, explog.ErrGate)) && m.Steps.Found == 0 && m.Log.After == 0
}

// noClient returns the error for a client without records: most likely the name is
// mistyped. If the clients cannot be listed, that is the error.
func noClient(ctx context.Context, l *explog.Logger, client string) error {
	clients, err := l.Clients(ctx)
	if err != nil {
		return err
	}
	return fmt.Errorf("the log has no client %q; %s", client, thereAre(client, clients))
}

// warnContradictions names records that contradict each other.
func warnContradictions(c *console, m dataset.Manifest) {
	if m.Contradictions == nil {
		return
	}
	const shown = 3
	for _, x := range m.Contradictions.First[:min(len(m.Contradictions.First), shown)] {
		c.warn("the same problem and solution score %s (%s) and %s (%s)", scoreText(x.Better.Score), x.Better.ID, scoreText(x.Worse.Score), x.Worse.ID)
	}
	if more := m.Contradictions.Count - shown; more > 0 {
		c.warn("and %d more; vN.provenance.jsonl names all", more)
	}
}

// datasetParameters reads the flags, and the system prompt from its file.
func datasetParameters(ctx context.Context, c *console, cmd *cli.Command) (dataset.Parameters, error) {
	p := dataset.Parameters{
		Format: finetune.Format(cmd.String("format")), MinScore: cmd.Float("min-score"), Similarity: cmd.Float("similarity"),
		MaxSystemTokens: cmd.Int("max-system-tokens"), MinExamples: cmd.Int("min-examples"),
		MaxDuplicates: cmd.Float("max-duplicate-rate"), Holdout: cmd.Float("holdout"),
	}
	if _, err := finetune.ParseFormat(string(p.Format)); err != nil {
		return p, usagef("--format: %v", err)
	}
	if err := p.Check(); err != nil {
		return p, usagef("%v", err)
	}
	path := cmd.String("system-prompt")
	if path == "" {
		return p, nil
	}
	in, err := openInput(ctx, c, explog.ImportOptions{Source: path})
	if err != nil {
		return p, err
	}
	text, err := io.ReadAll(in)
	if err := errors.Join(err, in.Close()); err != nil {
		return p, fmt.Errorf("read %s: %w", path, err)
	}
	p.SystemPrompt = strings.TrimRight(strings.ReplaceAll(strings.TrimPrefix(string(text), "\ufeff"), "\r\n", "\n"), "\n")
	if strings.TrimSpace(p.SystemPrompt) == "" {
		return p, fmt.Errorf("%s has no text", path)
	}
	if err := p.Check(); err != nil {
		return p, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

func printBuilt(c *console, o explog.DatasetOptions, m dataset.Manifest, failed bool) error {
	var b strings.Builder
	from := fmt.Sprintf("events %d to %d", m.Log.After+1, m.Log.Through)
	if m.Log.After == m.Log.Through {
		from = fmt.Sprintf("no events after %d", m.Log.After)
	}
	fmt.Fprintf(&b, "%s\n", c.bold(fmt.Sprintf("Dataset %s v%d: %s, %s", printable(m.Name()), m.Version, m.Parameters.Format, from)))
	writeSteps(&b, m)
	if n := m.Contradictions; n != nil && n.Count > 0 {
		fmt.Fprintf(&b, "  contradictions    %7d  same problem and solution, scores on both sides of %v\n", n.Count, m.Parameters.MinScore)
	}
	for _, g := range m.Gates {
		fmt.Fprintf(&b, "  gate  %s  %s\n", verdict(g), gateText(g, m))
		for _, f := range g.Faults {
			fmt.Fprintf(&b, "        %s\n", printable(f))
		}
	}
	shelf := dataset.NewShelf(o.Dir, m.Source)
	for _, f := range m.Files[:2] {
		if failed {
			break
		}
		verb := "wrote"
		if o.DryRun {
			verb = "would write"
		}
		fmt.Fprintf(&b, "%s %s: %s, %d tokens\n", verb, printable(shelf.Path(f.Name)), plural(int64(f.Lines), "example"), f.Tokens)
	}
	return c.printf("%s", b.String())
}

func writeSteps(b *strings.Builder, m dataset.Manifest) {
	s, p := m.Steps, m.Parameters
	filter := fmt.Sprintf("score at least %v", p.MinScore)
	switch {
	case p.Format.Labelled():
		filter = fmt.Sprintf("wanted from score %v on", p.MinScore)
	case m.OfHub():
		filter = "agree with the manual flag"
	}
	steps := []struct {
		name   string
		figure int
		note   string
	}{
		{"found", s.Found, ""},
		{"pass the filter", s.Passed, filter},
		{"exact duplicates", s.ExactDuplicates, ""},
		{"near-duplicates", s.NearDuplicates, fmt.Sprintf("cosine at least %v", p.Similarity)},
		{"without a pair", s.Unpaired, ""},
		{"held out", s.HeldOut, fmt.Sprintf("%v of the problems", p.Holdout)},
		{"written", s.Written, ""},
	}
	for _, step := range steps {
		if step.name == "without a pair" && !p.Format.Paired() {
			continue
		}
		fmt.Fprintln(b, strings.TrimRight(fmt.Sprintf("  %-16s  %7d  %s", step.name, step.figure, step.note), " "))
	}
}

func verdict(g dataset.Gate) string {
	if g.Passed {
		return "pass"
	}
	return "FAIL"
}

// gateText says what a gate found, and what it wants.
func gateText(g dataset.Gate, m dataset.Manifest) string {
	switch g.Name {
	case dataset.GateExamples:
		return fmt.Sprintf("%v examples, at least %v", g.Figure, g.Limit)
	case dataset.GateDuplicates:
		return fmt.Sprintf("%.3f of the records are duplicates, at most %v", g.Figure, g.Limit)
	}
	return fmt.Sprintf("%s by the rules of %s", plural(int64(g.Figure), "fault"), m.Parameters.Format)
}
