// Package dataset makes training files of scored experiments, in versions that can
// be made again byte for byte.
//
// A [Spec] says what a version is made from and how; with the log it decides every
// byte. [Make] takes records through these steps:
//
//  1. filter: the score is at least the least one, and neither text is blank; best
//     first, ties in log order. (In a format of labels the score makes the label.)
//  2. exact duplicates: of records with the same solution, in whichever form of
//     Unicode, the best one stays.
//  3. near-duplicates: of records with nearly the same solution the best one stays;
//     see package neardup for what that is.
//  4. pairs, in a format of pairs only: of the answers to a problem the best one
//     that is left, and the worst one of all, if its score is lower.
//  5. held-out part: problems are held out by a hash of their folded text, so all
//     examples of a problem are on one side, and stay there in every version. White
//     space, case and the form of Unicode do not tell problems apart; see [Folding].
//
// Records with the same problem and solution of which some pass the filter and some do
// not contradict each other. They are counted and named, and nothing else: the best one
// is an example as it would be without the others. What to do about them depends on how
// the scores came about, which this package cannot know.
//
// Records are what a client saved, or what a benchmark was answered: then the narrative
// is the problem, the reply is the solution, it scores 1 if it agrees with the manual
// flag, else 0, and duplicates are told by both texts together.
//
// A delta has only examples that no earlier version of its format has: of records that
// were logged since, and that are no duplicates of earlier ones. In a format of pairs
// one of the two answers is new. An answer of a benchmark counts as logged when its
// manual flag was corrected last, so one that was corrected and back is there again.
//
// Then it checks the gates. A [Shelf] keeps the versions of a source in files:
//
//	vN.jsonl             the examples, best first
//	vN_eval.jsonl        the held-out part
//	vN.provenance.jsonl  for each example the record that it is from; for each
//	                     duplicate the one that stayed, with their similarity; for each
//	                     record that contradicts a better one, that one
//	vN.manifest.json     all of the above in figures; there is a version N if there
//	                     is this file
//
// The package reads records by package query and knows formats by package finetune.
package dataset

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/explog/explog/query"
	"github.com/explog/explog/query/finetune"
)

// Spec says what a version of a dataset is made from, and how.
type Spec struct {
	Source
	Version int // from 1
	// Moment is the last event of the log that counts.
	Moment query.Moment
	// After makes a delta: only what was logged after this event is taken, and counted.
	// 0: all.
	After      uint64
	Parameters Parameters
	// Folding says which texts are the same problem; 0: as in a dataset that is new.
	// See [Shelf.Folding].
	Folding Folding
	// Form is the form of the manifest, which says what is counted; 0: the current one.
	Form int
	// Explog is the version of the program.
	Explog string
}

// Parameters are what a user decides. Their zero value is not useful: begin with
// [DefaultParameters].
type Parameters struct {
	Format          finetune.Format `json:"format"`
	MinScore        float64         `json:"min_score"`          // the least score, inclusive
	Similarity      float64         `json:"similarity"`         // from which solutions are near-duplicates
	SystemPrompt    string          `json:"system_prompt"`      // put before each example; empty: none. Of a benchmark, its prompt
	MaxSystemTokens int             `json:"max_system_tokens"`  // that the system prompt may have
	MinExamples     int             `json:"min_examples"`       // gate: examples, with those held out
	MaxDuplicates   float64         `json:"max_duplicate_rate"` // gate: duplicates of both kinds by records that pass the filter
	Holdout         float64         `json:"holdout"`            // share of problems held out
}

// DefaultParameters returns the parameters that hold unless a user decides otherwise.
func DefaultParameters() Parameters {
	return Parameters{
		Format: finetune.OpenAI, MinScore: 0.75, Similarity: 0.92, MaxSystemTokens: 800,
		MinExamples: 50, MaxDuplicates: 0.40, Holdout: 0.10,
	}
}

// Check says what is wrong with the parameters.
func (p Parameters) Check() error {
	if _, err := finetune.ParseFormat(string(p.Format)); err != nil {
		return err
	}
	switch {
	case !within(p.MinScore, 0, 1):
		return fmt.Errorf("the least score is %v, want 0 to 1", p.MinScore)
	case p.Format.Labelled() && p.MinScore == 0:
		return fmt.Errorf("the least score is 0, and so every answer is wanted: %s needs some that are not", p.Format)
	case !within(p.Similarity, 0, 1) || p.Similarity == 0:
		return fmt.Errorf("the similarity of near-duplicates is %v, want above 0 and at most 1", p.Similarity)
	case p.MinExamples < 1:
		return fmt.Errorf("the least number of examples is %d, want 1 or more", p.MinExamples)
	case !within(p.MaxDuplicates, 0, 1):
		return fmt.Errorf("the highest rate of duplicates is %v, want 0 to 1", p.MaxDuplicates)
	case !within(p.Holdout, 0, 1) || p.Holdout == 1:
		return fmt.Errorf("the share to hold out is %v, want 0 or more and below 1", p.Holdout)
	}
	return p.checkSystemPrompt()
}

// within is false for what is no number.
func within(v, least, most float64) bool { return v >= least && v <= most }

func (p Parameters) checkSystemPrompt() error {
	if p.SystemPrompt == "" {
		return nil // without loading the vocabulary
	}
	if !utf8.ValidString(p.SystemPrompt) {
		return errors.New("the system prompt has bytes that are not UTF-8")
	}
	if n := finetune.Tokens(p.SystemPrompt); n > p.MaxSystemTokens {
		return fmt.Errorf("the system prompt has %d tokens, of at most %d (max_system_tokens)", n, p.MaxSystemTokens)
	}
	return nil
}
