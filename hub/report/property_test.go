package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/explog/explog/hub/metrics"
	"github.com/explog/explog/query"
)

// dangerous draws text with what means something to one of the documents.
var dangerous = rapid.Custom(func(t *rapid.T) string {
	return strings.Join(rapid.SliceOf(rapid.OneOf(
		rapid.SampledFrom([]string{
			"<", ">", "\"", "'", "&", "|", "\\", "`", "```", "*", "[", "](", "\n", "\t", "#", "</style>", "</pre>", "</bdi>", "<script>", "{{", "=", "http://x",
			"\x1b[2J", "\u009b", "\u202e", "\x00", "&lt;", "-->", "]]>", "\u2028",
		}),
		rapid.String(),
	)).Draw(t, "parts"), "")
})

// written returns a document of one experiment whose texts are all this one.
func written(t *rapid.T, write func(io.Writer, []Summary) error, text string) string {
	parameters, err := json.Marshal(map[string]string{"p": text})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	err = write(&b, []Summary{Summarize(query.HubExperiment{
		ID: 1, Name: text, Author: text, Model: text, Provider: text, Label: text, Prompt: text, Parameters: parameters,
		Status: "aborted", Reason: text, TP: 3, TN: 2, Labelled: 5, Total: 5,
	})})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// orSomething is for fields that are left out where they are empty or of another form:
// several lines, for parameters.
func orSomething(text string) string { return "x" + text + "x" }

func TestNoTextBecomesMarkupInHTML(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := orSomething(dangerous.Draw(t, "text"))
		got, plain := written(t, HTML, text), written(t, HTML, "x")
		for _, c := range []string{"<", ">", "\"", "'"} {
			if strings.Count(got, c) != strings.Count(plain, c) {
				t.Fatalf("%d of %s, not %d, in\n%s", strings.Count(got, c), c, strings.Count(plain, c), got)
			}
		}
		if i := strings.IndexAny(got, "\x1b\x00\u009b\u202e"); i >= 0 {
			t.Fatalf("a control character at byte %d", i)
		}
	})
}

func TestNoTextBreaksMarkdown(t *testing.T) {
	unescaped := regexp.MustCompile("(^|[^\\\\])(\\\\\\\\)*[|<>`\\[\\]*_]")
	rapid.Check(t, func(t *rapid.T) {
		text := markdownText(dangerous.Draw(t, "text"))
		if strings.ContainsAny(text, "\n\r\x1b\x00\u009b\u202e") || unescaped.MatchString(text) || strings.Contains(text, "http://") {
			t.Fatalf("%q", text)
		}
	})
}

func TestNoPromptLeavesItsFence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := strings.Split(strings.TrimSuffix(fenced(dangerous.Draw(t, "text")), "\n"), "\n")
		fence := lines[len(lines)-1]
		if strings.Trim(fence, "`") != "" || lines[0] != fence+"text" {
			t.Fatalf("%q", lines)
		}
		for _, line := range lines[1 : len(lines)-1] {
			if strings.HasPrefix(strings.TrimLeft(line, " "), fence) {
				t.Fatalf("%q closes %s", line, fence)
			}
		}
	})
}

func TestDataGivesTextBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := orSomething(strings.ReplaceAll(dangerous.Draw(t, "text"), "\r", "")) // CSV has no \r\n in a field
		rows, err := csv.NewReader(strings.NewReader(written(t, CSV, text))).ReadAll()
		if err != nil || len(rows) != 2 || rows[1][2] != text {
			t.Fatalf("%v: %q", err, rows)
		}
		var list []struct {
			Name  string           `json:"name"`
			F1    map[string]any   `json:"f1"`
			Count map[string]int64 `json:"matrix"`
		}
		if err := json.Unmarshal([]byte(written(t, JSON, text)), &list); err != nil || list[0].Name != text || list[0].Count["tp"] != 3 {
			t.Fatalf("%v: %+v", err, list)
		}
	})
}

func TestBarsStayInTheirFrame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 300)
		c := metrics.Counts{TP: n.Draw(t, "tp"), FN: n.Draw(t, "fn"), FP: n.Draw(t, "fp"), TN: n.Draw(t, "tn")}
		for _, m := range ScoresOf(c).Measures() {
			b := newBar(m.Name, m.Estimate)
			if _, ok := m.Point.Float64(); ok != (b != nil) {
				t.Fatalf("%s %v: %+v", m.Name, m.Point, b)
			}
			if b == nil {
				continue
			}
			for _, x := range []string{b.Width, b.Low, b.High} {
				if strings.HasPrefix(x, "-") || len(x) > len("100.00") || len(x) == len("100.00") && x != "100.00" {
					t.Fatalf("%s: %+v", m.Name, b)
				}
			}
		}
	})
}
