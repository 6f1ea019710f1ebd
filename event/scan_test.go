package event

import (
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// What the scanners make of a string is what the validating library makes of it.
func FuzzUnquote(f *testing.F) {
	for _, raw := range []string{
		`""`, `"plain"`, `"\n\t\r\b\f\/\\\""`, `"a\u0000b\u2028"`, `"\ud83d\ude00 \uD83D\uDE00"`, `"é\u00e9\u00E9"`, `"\\n\\u0041"`, `"end\\"`,
	} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) == 0 || raw[0] != '"' || !jsontext.Value(raw).IsValid() || isSpace(raw[len(raw)-1]) {
			return
		}
		want, err := jsontext.AppendUnquote(nil, raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := unquote(raw); string(got) != string(want) {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
	})
}
