package config

import (
	"fmt"
	"io"
)

// Secret is a text that must not be seen. Wherever it is printed or encoded, it is
// three stars; only Reveal gives it away. The zero value holds nothing.
type Secret struct {
	text *string // a pointer, so that printing a struct around it shows an address at most
}

// NewSecret hides a text.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal returns the text.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

const stars = "***"

// Format prints three stars, whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, stars) }

// MarshalText returns three stars; JSON and YAML encode by it.
func (Secret) MarshalText() ([]byte, error) { return []byte(stars), nil }
