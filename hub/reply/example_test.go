package reply_test

import (
	"fmt"

	"github.com/explog/explog/hub/reply"
)

func ExampleParse() {
	for _, text := range []string{
		`{"detected": true, "confidence": 0.9, "rationale": "She names her husband."}`,
		"<think>Who hit her?</think>Sure!\n{'detected': True, 'confidence': '90%',}",
		"No.",
		"No evidence of violence can be excluded.",
	} {
		r, err := reply.Parse(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(r.Flag, "by", r.Step)
	}
	// Output:
	// true by strict
	// true by lenient
	// false by words
	// no flag in the reply: there is no object with detected or flag, and no plain yes or no
}
