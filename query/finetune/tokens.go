package finetune

import (
	"sync"

	"github.com/tiktoken-go/tokenizer/codec"
)

// cl100k is made at the first use, which takes some 20 ms. Its vocabulary is part
// of the program: no file is read and nothing is fetched.
var cl100k = sync.OnceValue(codec.NewCl100kBase)

// Tokens returns the number of tokens of a text in the cl100k_base encoding.
// Names of special tokens, such as <|endoftext|>, count as the text they are. What
// a service adds around each message is not counted. It is safe for concurrent use.
func Tokens(text string) int {
	n, _ := cl100k().Count(text) // fails where a match has a time limit; this one has none
	return n
}
