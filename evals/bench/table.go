package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"
)

// unit is what a step's values are.
type unit int

const (
	seconds unit = iota
	perRecord
	perSecond
	bytes
)

func (u unit) String() string {
	return [...]string{"seconds", "seconds per record", "records per second", "bytes"}[u]
}

// text returns a value with three digits, in the unit that suits its size.
func (u unit) text(v float64) string {
	switch u {
	case perSecond:
		return scaled(v, "/s", []string{"", "k", "M"}, 1000)
	case bytes:
		return scaled(v/mega, "B", []string{"M", "G"}, 1024)
	}
	return scaled(v*1e6, "s", []string{"µ", "m", ""}, 1000)
}

// scaled writes a value that counts in the first of some prefixes of a unit, each
// step times the one before.
func scaled(v float64, unit string, prefixes []string, step float64) string {
	i := 0
	for ; v >= 999.5 && i < len(prefixes)-1; i++ {
		v /= step
	}
	return digits(v) + " " + prefixes[i] + unit
}

// digits writes a number with three digits where it has a fraction.
func digits(v float64) string {
	switch {
	case v < 9.995:
		return fmt.Sprintf("%.2f", v)
	case v < 99.95:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", math.Round(v))
}

func (m mark) String() string {
	switch m.kind {
	case atMost:
		return fmt.Sprintf("≤ %v", m.limit)
	case atLeast:
		return fmt.Sprintf("≥ %v", m.limit)
	case below:
		if m.limit >= mega {
			return fmt.Sprintf("< %v MB", m.limit/mega)
		}
		return fmt.Sprintf("< %v ms", m.limit*1000)
	}
	return ""
}

// The columns of the table.
var (
	tableHead   = []string{"case", "ours", "peer", "", "ratio (min–max)", "mark", "met", "MB ours/peer"}
	tableWidths = []int{19, 8, 8, 11, 18, 8, 3, 12}
	tableRight  = []bool{false, true, true, false, true, false, false, true}
)

// writeTable writes the rows of one scale, at most 100 columns wide.
func (s scaleReport) writeTable(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s records, %s\n", scaleText(s.Records), bytes.text(float64(s.Bytes)))
	writeRow(&b, tableHead)
	for _, r := range s.Results {
		writeRow(&b, r.row())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeRow(b *strings.Builder, cells []string) {
	var line strings.Builder
	for i, cell := range cells {
		fill := strings.Repeat(" ", max(0, tableWidths[i]-utf8.RuneCountInString(cell)))
		if tableRight[i] {
			line.WriteString(fill + cell + " ")
		} else {
			line.WriteString(cell + fill + " ")
		}
	}
	b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
}

func (r result) row() []string {
	row := []string{r.Case, r.Ours.unit.text(r.Ours.Median), "", "", "", r.Mark, "", megabytes(r.Ours.Peak)}
	if r.Peer != nil {
		row[2], row[3] = r.Peer.unit.text(r.Peer.Median), r.Peer.Step
		row[4] = fmt.Sprintf("%s (%s–%s)", digits(r.Ratio.Median), digits(r.Ratio.Min), digits(r.Ratio.Max))
		if r.Peer.Peak > 0 {
			row[7] += "/" + megabytes(r.Peer.Peak)
		}
	}
	if r.Met != nil {
		row[6] = map[bool]string{true: "yes", false: "NO"}[*r.Met]
	}
	return row
}

// megabytes writes a peak; there is none of what is no process of its own.
func megabytes(peak int64) string {
	if peak == 0 {
		return ""
	}
	return fmt.Sprint(peak / mega)
}
