package event

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Scale maps scores of another range onto 0 to 1.
type Scale struct {
	from, width *big.Rat
}

// ParseScale reads a range written as A..B, such as 0..100: A becomes 0 and B
// becomes 1. With A above B, the lower scores are the better ones.
func ParseScale(text string) (*Scale, error) {
	a, b, found := strings.Cut(text, "..")
	from, errFrom := exactNumber([]byte(a))
	to, errTo := exactNumber([]byte(b))
	switch {
	case !found || errFrom != nil || errTo != nil:
		return nil, fmt.Errorf("%q is not a range: want two numbers such as 0..100", text)
	case from.Cmp(to) == 0:
		return nil, fmt.Errorf("%q is not a range: both ends are the same", text)
	}
	return &Scale{from: from, width: to.Sub(to, from)}, nil
}

// Apply maps one JSON number. The result is the exact decimal where there is one
// (86.3 of 0..100 is 0.863), else it has 17 digits behind the point.
func (s *Scale) Apply(number []byte) ([]byte, error) {
	x, err := exactNumber(number)
	if err != nil {
		return nil, err
	}
	x.Sub(x, s.from).Quo(x, s.width)
	digits, exact := x.FloatPrec()
	if !exact {
		digits = 17
	}
	return []byte(x.FloatString(digits)), nil
}

// mostExponent bounds the size of exact numbers.
const mostExponent = 1000

// exactNumber reads a JSON number.
func exactNumber(number []byte) (*big.Rat, error) {
	if v := jsontext.Value(number); !v.IsValid() || v.Kind() != '0' {
		return nil, errors.New("not a number")
	}
	if i := bytes.IndexAny(number, "eE"); i >= 0 {
		if exponent, err := strconv.Atoi(string(number[i+1:])); err != nil || max(exponent, -exponent) > mostExponent {
			return nil, fmt.Errorf("its exponent is beyond %d", mostExponent)
		}
	}
	if len(number) > 4*mostExponent {
		return nil, fmt.Errorf("it has more than %d digits", 4*mostExponent)
	}
	x, ok := new(big.Rat).SetString(string(number))
	if !ok {
		return nil, errors.New("not a number")
	}
	return x, nil
}

// scale maps the score of a draft, where it has a number there.
func (d *Draft) scale(s *Scale, f *faults) {
	score := d.values[fieldScore]
	if s == nil || score == nil || !isNumber(score) {
		return
	}
	mapped, err := s.Apply(score)
	if err != nil {
		f.add(ReasonInvalid, fieldScore.String(), "cannot be scaled: %v", err)
		return
	}
	d.values[fieldScore] = mapped
}
