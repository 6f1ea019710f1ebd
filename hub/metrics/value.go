package metrics

import (
	"database/sql/driver"
	"encoding/json"
	"math"
	"strconv"
)

// Value is a measure, or the reason why there is none. The zero Value is undefined.
//
// It is null in JSON and NULL in SQL where it is undefined.
type Value struct {
	x       float64
	defined bool
	reason  string
}

func known(x float64) Value { return Value{x: x, defined: true} }

func undefined(reason string) Value { return Value{reason: reason} }

// ratio returns a/b, or the reason why it is undefined where b is 0.
func ratio(a, b float64, reason string) Value {
	if b == 0 {
		return undefined(reason)
	}
	return known(a / b)
}

// Float64 returns the number, and whether there is one.
func (v Value) Float64() (x float64, ok bool) { return v.x, v.defined }

// Reason says in plain words why the value is undefined, and is empty where it is
// not.
func (v Value) Reason() string {
	if !v.defined && v.reason == "" {
		return "it was not measured"
	}
	return v.reason
}

// Text returns the number with so many decimals, or n/a.
func (v Value) Text(decimals int) string {
	if !v.defined {
		return "n/a"
	}
	return strconv.FormatFloat(v.x, 'f', decimals, 64)
}

// String returns the number with four decimals, or n/a and the reason.
func (v Value) String() string {
	if !v.defined {
		return "n/a (" + v.Reason() + ")"
	}
	return v.Text(4)
}

// MarshalJSON returns the number or null.
func (v Value) MarshalJSON() ([]byte, error) {
	if !v.defined {
		return []byte("null"), nil
	}
	return json.Marshal(v.x)
}

// Value implements [driver.Valuer]: the number or NULL.
func (v Value) Value() (driver.Value, error) {
	if !v.defined {
		return nil, nil
	}
	return v.x, nil
}

// Estimate is a measure with its 95 % confidence interval. All three are defined or
// none is.
type Estimate struct {
	Point Value `json:"point"`
	Low   Value `json:"low"`
	High  Value `json:"high"`
}

// z is the 0.975 quantile of the standard normal distribution.
const z = 1.959963984540054

// proportion returns k/n with Wilson's score interval without continuity
// correction (Wilson, "Probable inference, the law of succession, and statistical
// inference", Journal of the American Statistical Association 22, 1927), or the
// reason why it is undefined where n is 0.
func proportion(k, n int, reason string) Estimate {
	if n == 0 {
		none := undefined(reason)
		return Estimate{none, none, none}
	}
	hits, all := float64(k), float64(n)
	center := (hits + z*z/2) / (all + z*z)
	half := z / (all + z*z) * math.Sqrt(hits*(all-hits)/all+z*z/4)
	low, high := center-half, center+half
	if k == 0 { // what rounding would miss
		low = 0
	}
	if k == n {
		high = 1
	}
	return Estimate{known(hits / all), known(low), known(high)}
}
