package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// options are what the command line says.
type options struct {
	scales    []int // records
	runs      int
	cases     *regexp.Regexp
	json      bool
	guard     bool
	keep      bool
	reference string
	binary    string // empty: it is built
}

// What a guard measures: enough to see a gross loss, little enough for every change.
const (
	guardScale = 10_000
	guardRuns  = 3
)

// errUsage: the arguments make no sense; the flag package has said why.
var errUsage = errors.New("wrong usage")

func parseOptions(args []string, diag io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(diag)
	scales := flags.String("scale", "100k", "how many records: `N,N…`, such as 100k,1M,10M")
	flags.IntVar(&o.runs, "runs", 5, "how often each case is measured; at 1M at most 3 times, at 10M once")
	cases := flags.String("case", "", "only cases whose name matches the `REGEXP`")
	flags.BoolVar(&o.json, "json", false, "print one JSON document with all samples")
	flags.BoolVar(&o.guard, "guard", false, "a short run, exit code 1 where a ratio is grossly over what is expected")
	flags.BoolVar(&o.keep, "keep", false, "leave the temporary folder")
	flags.StringVar(&o.reference, "reference", "evals/bench/reference", "the `FOLDER` of the Node program, where npm install was run")
	flags.StringVar(&o.binary, "binary", "", "the explog `FILE` to measure; without it, cmd/explog is built")
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return o, err
	}
	if err == nil {
		err = o.complete(flags, *scales, *cases)
		if err != nil {
			fmt.Fprintln(diag, "bench:", err)
		}
	}
	if err != nil {
		return o, errUsage
	}
	return o, nil
}

// complete checks what the flags say and makes sense of it.
func (o *options) complete(flags *flag.FlagSet, scales, cases string) (err error) {
	if flags.NArg() > 0 {
		return fmt.Errorf("no argument %q is known", flags.Arg(0))
	}
	if o.guard {
		o.scales, o.runs = []int{guardScale}, guardRuns
	} else if o.scales, err = parseScales(scales); err != nil {
		return err
	}
	if o.runs < 1 {
		return fmt.Errorf("--runs: want 1 or more, got %d", o.runs)
	}
	if o.cases, err = regexp.Compile(cases); err != nil {
		return err
	}
	if !slices.ContainsFunc(contests, func(c contest) bool { return o.cases.MatchString(c.name) }) {
		return fmt.Errorf("--case: no case matches %q", cases)
	}
	return nil
}

// parseScales reads numbers of records such as 100k,1M.
func parseScales(text string) ([]int, error) {
	var scales []int
	for part := range strings.SplitSeq(text, ",") {
		digits, times := part, 1
		if n := len(part) - 1; n > 0 {
			switch part[n] {
			case 'k':
				digits, times = part[:n], 1000
			case 'M':
				digits, times = part[:n], 1_000_000
			}
		}
		n, err := strconv.Atoi(digits)
		if err != nil || n < 1 || n > 100_000_000/times {
			return nil, fmt.Errorf("--scale: %q is no number of records such as 500, 100k or 1M, up to 100M", part)
		}
		scales = append(scales, n*times)
	}
	return scales, nil
}

// scaleText is the inverse of parseScales.
func scaleText(records int) string {
	switch {
	case records%1_000_000 == 0:
		return strconv.Itoa(records/1_000_000) + "M"
	case records%1000 == 0:
		return strconv.Itoa(records/1000) + "k"
	}
	return strconv.Itoa(records)
}
