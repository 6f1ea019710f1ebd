package provider_test

import (
	"context"
	"fmt"

	"github.com/explog/explog/hub/provider"
)

func ExampleRules() {
	rules, err := provider.ParseRules([]byte(`
threshold: 1
negation: {words: [no, denies], window: 3}
keywords:
  - {term: restraining order, weight: 1}
  - {term: boyfriend, weight: 0.5}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, narrative := range []string{
		"A restraining order against her boyfriend was in place.",
		"Her boyfriend denies any restraining order.",
	} {
		answer, err := rules.Answer(context.Background(), provider.Request{Narrative: narrative})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(answer.Text)
	}
	// Output:
	// {"detected":true,"confidence":0.6,"indicators":["restraining order","boyfriend"],"rationale":"score 1.5, threshold 1; found restraining order (1), boyfriend (0.5)"}
	// {"detected":false,"confidence":0.667,"indicators":["boyfriend"],"rationale":"score 0.5, threshold 1; found boyfriend (0.5); negated: restraining order (1)"}
}
