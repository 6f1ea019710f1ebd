package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// report is all that came out of a run.
type report struct {
	Machine machine       `json:"machine"`
	Scales  []scaleReport `json:"scales"`
}

// scaleReport is what came out at one scale.
type scaleReport struct {
	Records int      `json:"records"`
	Bytes   int64    `json:"bytes"`
	Results []result `json:"results"`
}

func (r report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

func (r report) writeTable(w io.Writer) error {
	if _, err := io.WriteString(w, r.Machine.String()); err != nil {
		return err
	}
	for _, s := range r.Scales {
		if _, err := io.WriteString(w, "\n"); err != nil {
			return err
		}
		if err := s.writeTable(w); err != nil {
			return err
		}
	}
	return nil
}

// guard returns an error that names each gross loss.
func (r report) guard() error {
	var lost []error
	for _, s := range r.Scales {
		for _, res := range s.Results {
			if res.lost() {
				lost = append(lost, fmt.Errorf("%s against %s: the best ratio of %d rounds is %s to %s, and the bound is %v",
					res.Case, res.Peer.Step, len(res.Ours.values), digits(res.Ratio.Min), digits(res.Ratio.Max), res.contest.guard))
			}
		}
	}
	return errors.Join(lost...)
}
