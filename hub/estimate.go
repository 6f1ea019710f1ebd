package hub

import "github.com/explog/explog/query"

// Estimate is what a run would ask.
type Estimate struct {
	Calls int // without those that would be tried again
	// InputTokens is a guess: one for four bytes of prompt and narrative.
	InputTokens int64
	// MostOutputTokens are what the replies may have at most; nil: there is no limit.
	MostOutputTokens *int64
	// InputCost and MostOutputCost are in US dollars; nil: unknown.
	InputCost, MostOutputCost *float64
}

// Estimate returns what a run with the options would ask. It calls nobody.
func (p Plan) Estimate(o Options) Estimate {
	r := runner{Options: o, plan: p, asked: askedBefore(o.Asked)}
	const bytesOfToken, million = 4, 1e6
	var e Estimate
	var bytes int64
	for q := range p.questions() {
		if r.open(q) {
			e.Calls++
			bytes += int64(len(p.config.Prompt) + p.template.Size() + len(q.text))
		}
	}
	e.InputTokens = bytes / bytesOfToken
	if most := p.config.MaxTokens; most != nil {
		e.MostOutputTokens = new(int64(e.Calls) * int64(*most))
	}
	if p.config.InputPrice != nil {
		e.InputCost = new(float64(e.InputTokens) * *p.config.InputPrice / million)
	}
	if p.config.OutputPrice != nil && e.MostOutputTokens != nil {
		e.MostOutputCost = new(float64(*e.MostOutputTokens) * *p.config.OutputPrice / million)
	}
	return e
}

// askedBefore finds what earlier runs came to.
func askedBefore(list []query.Progress) map[asking]query.Progress {
	m := make(map[asking]query.Progress, len(list))
	for _, p := range list {
		m[asking{p.NarrativeID, p.Repeat}] = p
	}
	return m
}
