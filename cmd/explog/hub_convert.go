package main

import (
	"context"
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
data and run, into one configuration. Prompts, templates (<<TEXT>>), model, temperature,
notes, versions and limits are taken over; what has no counterpart is a comment above its
experiment and a note here. Nothing is asked.

A provider that explog does not know (mlx, Ollama, LM Studio) becomes openai, whose
protocol it speaks, with its address as base_url. run.seed is not taken over: it seeds the
program and was not sent to the model.

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
		return usagef("explog hub convert wants the FILE to convert")
	}
	var converter config.Converter
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		notes, err := converter.Add(path, data)
		if err != nil {
			return err
		}
		for _, n := range notes {
			c.note("%s: %s", path, n)
		}
	}
	yaml, err := converter.YAML()
	if err != nil {
		return err
	}
	return output(c, to, func(w io.Writer) error {
		_, err := w.Write(yaml)
		return err
	})
}
