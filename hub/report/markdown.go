package report

import (
	"fmt"
	"io"
	"regexp"
	"strings"
)

// Markdown writes a table of all experiments in the order given, and a section for
// each. Text of others is escaped, so that it neither breaks a table nor becomes
// markup (CommonMark 0.31, section 2.4, and GitHub's tables).
func Markdown(w io.Writer, list []Summary) error {
	var b strings.Builder
	b.WriteString("# Experiments\n\n" + Headline(list) + "\n")
	if len(list) > 0 {
		b.WriteString("\n| # | experiment | F1 | 95 % | precision | recall | accuracy | MCC | judged |\n|--:|---|--:|---|--:|--:|--:|--:|--:|\n")
	}
	for _, s := range list {
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | %s | %s | %s | %d of %d |\n", s.ID, markdownText(s.Name), s.F1.Point.Text(3), interval(s.F1, 3),
			s.Precision.Point.Text(3), s.Recall.Point.Text(3), s.Accuracy.Point.Text(3), s.MCC.Text(3), s.Matrix.N(), s.Labelled)
	}
	for _, s := range list {
		markdownSection(&b, s)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func markdownSection(b *strings.Builder, s Summary) {
	fmt.Fprintf(b, "\n## %d. %s\n\n", s.ID, markdownText(s.Name))
	for _, f := range s.Facts() {
		fmt.Fprintf(b, "- %s: %s\n", f.Name, markdownText(f.Text))
	}
	m := s.Matrix
	fmt.Fprintf(b, "\n| | model TRUE | model FALSE |\n|---|--:|--:|\n| **manual TRUE** | %d | %d |\n| **manual FALSE** | %d | %d |\n", m.TP, m.FN, m.FP, m.TN)
	if reason := s.Accuracy.Point.Reason(); reason != "" {
		b.WriteString("\nNo measures: " + reason + ".\n")
	} else {
		markdownMeasures(b, s)
	}
	if parameters := s.ParametersText(); parameters != "" {
		b.WriteString("\nParameters:\n\n" + fenced(parameters))
	}
	b.WriteString("\nPrompt:\n\n" + fenced(s.Prompt))
}

func markdownMeasures(b *strings.Builder, s Summary) {
	b.WriteString("\n| measure | value | 95 % | strict |\n|---|--:|---|--:|\n")
	strict := s.Strict.Measures()
	for i, m := range s.Measures() {
		value := m.Point.Text(3)
		if reason := m.Point.Reason(); reason != "" {
			value += " (" + reason + ")"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", m.Name, value, m.Interval(3), strict[i].Point.Text(3))
	}
}

// markdownText puts text into one line without any markup.
func markdownText(s string) string {
	line := strings.Join(strings.Fields(visible(s)), " ")
	return colon.ReplaceAllString(markup.ReplaceAllString(line, `\$0`), `\:$1`)
}

var (
	markup = regexp.MustCompile("[\\\\`*_\\[\\]<>#|~&$@]")
	colon  = regexp.MustCompile(`:([^\s\d])`) // of a URL, say, which GitHub would make a link
)

// fenced sets text as a block of code, in a fence longer than any in it.
func fenced(s string) string {
	fence := "```"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	return fence + "text\n" + strings.TrimRight(visible(s), "\n") + "\n" + fence + "\n"
}
