package finetune_test

import (
	"fmt"
	"strings"

	"github.com/explog/explog/query/finetune"
)

func Example() {
	e := finetune.Example{Problem: "2 + 2?", Solution: "4"}
	line := finetune.OpenAI.AppendJSON(nil, e)
	fmt.Println(string(line))
	fmt.Println(finetune.Tokens(e.Problem+e.Solution), "tokens")

	file := strings.Repeat(string(line)+"\n", 10) + `{"messages":[{"role":"user","content":"2 + 3?"}]}`
	report, err := finetune.Check(strings.NewReader(file), finetune.OpenAI)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, fault := range report.Faults {
		fmt.Println(fault)
	}
	// Output:
	// {"messages":[{"role":"user","content":"2 + 2?"},{"role":"assistant","content":"4"}]}
	// 6 tokens
	// line 11: messages[0]: the last message must be of the assistant, not of the user
}
