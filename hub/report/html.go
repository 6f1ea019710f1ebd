package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"

	"github.com/explog/explog/hub/metrics"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string
)

// HTML writes one page that needs nothing else: no network, no script, no font. Its
// content security policy lets a browser apply the page's own style sheet and load
// nothing at all, so that text of others stays text even where escaping were to fail.
func HTML(w io.Writer, list []Summary) error {
	page, err := template.New("page").Funcs(template.FuncMap{"bar": newBar, "stack": stack, "visible": visible}).Parse(pageHTML)
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte(pageCSS))
	return page.Execute(w, struct {
		Style    template.CSS // the page's own, never somebody else's text
		Policy   string
		Headline string
		List     []Summary
	}{
		template.CSS(pageCSS),
		"default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) + "'; base-uri 'none'; form-action 'none'",
		Headline(list), list,
	})
}

// bar is a measure as it is drawn, from 0 to 100 units wide.
type bar struct {
	Label            string // for those who do not see it
	Width, Low, High string // Low and High are empty where there is no interval
}

// newBar returns what is drawn for a measure from 0 to 1; nil: nothing, for it is
// undefined.
func newBar(name string, e metrics.Estimate) *bar {
	x, ok := e.Point.Float64()
	if !ok {
		return nil
	}
	b := &bar{Label: name + " " + e.Point.Text(3), Width: units(max(x, 0))}
	low, ok := e.Low.Float64()
	if high, _ := e.High.Float64(); ok {
		b.Low, b.High = units(low), units(high)
		b.Label += ", 95 % from " + e.Low.Text(3) + " to " + e.High.Text(3)
	}
	return b
}

// part is one outcome's share of a bar.
type part struct {
	Outcome
	X, Width string
}

// stack lays the outcomes of an experiment side by side.
func stack(s Summary) []part {
	var parts []part
	x := 0.0
	for _, o := range s.Outcomes.List() {
		share := float64(o.Count) / float64(max(s.Total, 1))
		parts = append(parts, part{o, units(x), units(share)})
		x += share
	}
	return parts
}

func units(share float64) string { return fmt.Sprintf("%.2f", 100*share) }
