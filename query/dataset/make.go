package dataset

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/explog/explog/query"
	"github.com/explog/explog/query/finetune"
)

// Dataset is one version, made and not yet in files.
type Dataset struct {
	Manifest
	contents [][]byte // of the files
}

// Passed reports whether all gates are passed.
func (d Dataset) Passed() bool {
	for _, g := range d.Gates {
		if !g.Passed {
			return false
		}
	}
	return true
}

// Make makes a version of records, in log order, up to the moment of the spec. The same
// spec and the same records give the same bytes. All that is read is held in memory.
func Make(ctx context.Context, attempts iter.Seq2[query.Attempt, error], spec Spec) (Dataset, error) {
	if err := spec.Parameters.Check(); err != nil {
		return Dataset{}, err
	}
	if spec.OfHub() && spec.Parameters.MinScore == 0 {
		return Dataset{}, errors.New("the least score is 0: answers that do not agree with the manual flag would be examples")
	}
	spec = spec.complete()
	if err := spec.Folding.check(); err != nil {
		return Dataset{}, err
	}
	var records []query.Attempt
	for a, err := range attempts {
		if err != nil {
			return Dataset{}, err
		}
		records = append(records, a)
	}
	s, err := choose(ctx, records, spec)
	if err != nil {
		return Dataset{}, err
	}
	return write(ctx, s, spec)
}

// complete fills what may be left out.
func (s Spec) complete() Spec {
	if s.Form == 0 {
		s.Form = currentForm
	}
	if s.Folding == 0 {
		s.Folding = currentFolding
	}
	return s
}

// write writes what was chosen.
func write(ctx context.Context, s selection, spec Spec) (Dataset, error) {
	d := Dataset{Manifest: Manifest{
		Dataset: spec.Form, Source: spec.Source, Version: spec.Version, Explog: spec.Explog,
		Log:        Log{ID: spec.Moment.LogID, After: spec.After, Through: spec.Moment.Seq, HeadHash: spec.Moment.Hash},
		Parameters: spec.Parameters, Steps: s.steps,
	}}
	if spec.Form > firstForm {
		d.Folding = spec.Folding
		d.Contradictions = summary(s.disputed)
	}
	var reports []finetune.Report
	for _, side := range []struct {
		suffix   string
		examples []example
		check    func([]byte, finetune.Format) (finetune.Report, error)
	}{{"", s.train, checkTrain}, {evalSuffix, s.eval, checkEval}} {
		content, tokens, err := writeExamples(ctx, side.examples, spec.Parameters)
		if err != nil {
			return Dataset{}, err
		}
		report, err := side.check(content, spec.Parameters.Format)
		if err != nil {
			return Dataset{}, err
		}
		reports = append(reports, report)
		d.add(fileName(spec.Version, side.suffix+".jsonl"), content, len(side.examples), tokens)
	}
	origins := s.provenance()
	content, err := encodeProvenance(origins)
	if err != nil {
		return Dataset{}, err
	}
	d.add(fileName(spec.Version, provenanceSuffix), content, len(origins), 0)
	d.Gates = gates(spec.Parameters, s.steps, reports)
	return d, nil
}

func checkTrain(content []byte, f finetune.Format) (finetune.Report, error) {
	return finetune.Check(bytes.NewReader(content), f)
}

func checkEval(content []byte, f finetune.Format) (finetune.Report, error) {
	return finetune.CheckHeldOut(bytes.NewReader(content), f)
}

// add adds a file.
func (d *Dataset) add(name string, content []byte, lines, tokens int) {
	sum := sha256.Sum256(content)
	d.Files = append(d.Files, File{Name: name, SHA256: hex.EncodeToString(sum[:]), Bytes: len(content), Lines: lines, Tokens: tokens})
	d.contents = append(d.contents, content)
}

// writeExamples writes examples in a format and counts the tokens of their texts.
func writeExamples(ctx context.Context, examples []example, p Parameters) (lines []byte, tokens int, err error) {
	const around = 128 // bytes of a line that are not its texts, or somewhat more
	size := 0
	for _, e := range examples {
		size += len(p.SystemPrompt) + len(e.Problem) + len(e.Solution) + around
	}
	lines = make([]byte, 0, size)
	for _, e := range examples {
		x := finetune.Example{System: p.SystemPrompt, Problem: e.Problem, Solution: e.Solution, Wanted: e.Score >= p.MinScore}
		if e.rejected != nil {
			x.Rejected = e.rejected.Solution
		}
		lines = append(p.Format.AppendJSON(lines, x), '\n')
	}
	tokens = countTokens(ctx, examples) + len(examples)*finetune.Tokens(p.SystemPrompt)
	return lines, tokens, ctx.Err()
}

// countTokens counts the tokens of problems and answers, on all processors.
func countTokens(ctx context.Context, examples []example) int {
	var next, tokens atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(examples) {
					return
				}
				e := examples[i]
				n := finetune.Tokens(e.Problem) + finetune.Tokens(e.Solution)
				if e.rejected != nil {
					n += finetune.Tokens(e.rejected.Solution)
				}
				tokens.Add(int64(n))
			}
		})
	}
	workers.Wait()
	return int(tokens.Load())
}

const (
	evalSuffix       = "_eval"
	provenanceSuffix = ".provenance.jsonl"
	manifestSuffix   = ".manifest.json"
)

func fileName(version int, suffix string) string { return fmt.Sprintf("v%d%s", version, suffix) }
