package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v3"

	"github.com/explog/explog/hub/config"
)

func newHubConvertCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "convert",
		Usage:     "make a configuration of files in another form",
		ArgsUsage: "FILE…",
		Description: `Converts files with one experiment each, in the sections experiment, model, prompt,
data and run, into one configuration for explog hub run. Prompts, templates (<<TEXT>>),
model, temperature, notes, versions and limits are kept. Everything without a counterpart
becomes a comment above its experiment and a note on standard error. No calls are made.

An unknown provider (mlx, Ollama, LM Studio) becomes openai, whose protocol it speaks,
with its address as base_url. run.seed is not kept: it seeds the program and was not sent
to the model. Keys are not copied.

Narratives are one row each here. Of a workbook with two texts in a row, in NarrativeLE
and NarrativeCME, make two experiments that differ in text_column and flag_column. Where
one incident has several rows, id_column is a list: [incident_id, narrative_type].

Examples:
  explog hub convert study.yaml
  explog hub convert study.yaml -o experiments.yml`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "-", Usage: "the `FILE` to write; - is standard output"},
		},
		Action: func(_ context.Context, cmd *cli.Command) error {
			return runHubConvert(c, cmd.Args().Slice(), cmd.String("output"))
		},
	}
}

func runHubConvert(c *console, files []string, to string) error {
	if len(files) == 0 {
		return usagef("explog hub convert requires the FILE to convert")
	}
	var converter config.Converter
	var notes convertNotes
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		found, err := converter.Add(path, data)
		if err != nil {
			return err
		}
		notes.add(path, found)
	}
	notes.print(c)
	yaml, err := converter.YAML()
	if err != nil {
		return err
	}
	err = output(c, to, func(w io.Writer) error {
		_, err := w.Write(yaml)
		return err
	})
	if err == nil && to != "-" {
		c.note("%s has %s; explog hub run --dry-run %s checks the file and makes no calls", to, plural(int64(len(files)), "experiment"), to)
	}
	return err
}

// convertNotes collects the notes of many files, of which most are the same.
type convertNotes struct {
	order []string
	files map[string][]string // that have the note
}

func (n *convertNotes) add(path string, notes []string) {
	if n.files == nil {
		n.files = make(map[string][]string)
	}
	for _, note := range notes {
		if n.files[note] == nil {
			n.order = append(n.order, note)
		}
		n.files[note] = append(n.files[note], path)
	}
}

func (n *convertNotes) print(c *console) {
	for _, note := range n.order {
		where := n.files[note][0]
		if more := len(n.files[note]) - 1; more > 0 {
			where += fmt.Sprintf(" and %d more", more)
		}
		c.note("%s: %s", where, note)
	}
}
