package finetune

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// lenient checks a line that is not one value of strict JSON. TRL, LLaMA-Factory and
// Axolotl load files with Hugging Face's datasets, which skips empty lines and takes
// several objects on a line, NaN and infinities.
func (c *checker) lenient(raw []byte) {
	if len(bytes.TrimSpace(raw)) == 0 {
		c.note("", "the line is empty")
		return
	}
	line := withNumbers(raw)
	values, err := valuesOf(line)
	if err != nil {
		c.broken(line)
		return
	}
	if !bytes.Equal(line, raw) {
		c.note("", "NaN and Infinity are not JSON: not every reader takes them")
	}
	if len(values) > 1 {
		c.note("", "several examples on a line: not every reader takes them")
	}
	for _, v := range values {
		c.value(v)
	}
}

// valuesOf returns the objects of a line.
func valuesOf(line []byte) ([]jsontext.Value, error) {
	var values []jsontext.Value
	d := jsontext.NewDecoder(bytes.NewReader(line))
	for {
		v, err := d.ReadValue()
		switch {
		case errors.Is(err, io.EOF):
			return values, nil
		case err != nil:
			return nil, err
		case v.Kind() != '{':
			return nil, errNoObject
		}
		values = append(values, v.Clone())
	}
}

var errNoObject = errors.New("not an object")

// withNumbers returns a line with a number of the same length in place of each NaN and
// infinity.
func withNumbers(line []byte) []byte {
	out := bytes.Clone(line)
	text := false
	for i := 0; i < len(line); i++ {
		switch b := line[i]; {
		case b == '"':
			text = !text
		case text && b == '\\':
			i++
		case !text && (b == 'N' || b == 'I') && i > 0 && bytes.IndexByte([]byte(" \t:,[-"), line[i-1]) >= 0:
			n := lengthOfName(line[i:])
			copy(out[i:i+n], "0.500000")
			i += max(n-1, 0)
		}
	}
	return out
}

// lengthOfName returns the length of the name of a number that text begins with, or 0.
func lengthOfName(text []byte) int {
	for _, name := range []string{"NaN", "Infinity", "Inf"} {
		if bytes.HasPrefix(text, []byte(name)) {
			return len(name)
		}
	}
	return 0
}
