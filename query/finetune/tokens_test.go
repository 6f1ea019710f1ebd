package finetune

import "testing"

// The counts of the first four are those that OpenAI's cookbook prints for
// cl100k_base ("How to count tokens with tiktoken").
func TestTokens(t *testing.T) {
	for text, want := range map[string]int{
		"tiktoken is great!":           6,
		"antidisestablishmentarianism": 6,
		"2 + 2 = 4":                    7,
		"お誕生日おめでとう":                    9,
		"hello world":                  2,
		"":                             0,
		"<|endoftext|>":                7,
	} {
		if got := Tokens(text); got != want {
			t.Errorf("%q has %d tokens, want %d", text, got, want)
		}
	}
}
