package event

import (
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func canonical(s string) string { return string(appendCanonical(nil, []byte(s))) }

func TestCanonicalTellsWhatIsTheSame(t *testing.T) {
	for _, same := range [][]string{
		{`0`, `0.0`, `-0`, `0e10`, `-0.000e-5`},
		{`1`, `1.0`, `10e-1`, `0.1E+1`, `1e0`},
		{`0.5`, `0.50`, `5e-1`, `50.0e-2`},
		{`86.30000000000001`, `8630000000000001e-14`},
		{`12345678901234567890`, `1.234567890123456789e19`},
		{`{"a":1,"b":[1,2]}`, ` { "b" : [ 1.0 , 2 ] , "a" : 1 } `},
		{`"\u2019\n/"`, "\"\u2019\\u000a\\/\""},
		{`"\ud83d\ude00"`, `"😀"`},
		{`{"\u0061":null}`, `{"a":null}`},
		{`[]`, `[ ]`},
		{`{}`, "{\n}"},
		{`true`, ` true `},
	} {
		for _, s := range same[1:] {
			if canonical(same[0]) != canonical(s) {
				t.Errorf("%s and %s: %s, %s; want the same", same[0], s, canonical(same[0]), canonical(s))
			}
		}
	}
	for _, differ := range [][2]string{
		{`12345678901234567890`, `12345678901234567891`},
		{`0.1`, `0.10000000000000000001`},
		{`1`, `-1`},
		{`1`, `"1"`},
		{`1e99999999999999999999`, `1e99999999999999999998`},
		{`[1,2]`, `[2,1]`},
		{`{}`, `[]`},
		{`"a"`, `"A"`},
		{`null`, `false`},
		{`[[],[]]`, `[[[]]]`},
		{`"\u00e9"`, `"e\u0301"`},
	} {
		if canonical(differ[0]) == canonical(differ[1]) {
			t.Errorf("%s and %s are both %s; want them apart", differ[0], differ[1], canonical(differ[0]))
		}
	}
}

func TestClampScoreJudgesTheExactDecimal(t *testing.T) {
	for _, tc := range []struct {
		in, text string
		value    float64
		clamped  bool
	}{
		{"0.75", "0.75", 0.75, false},
		{"0.920", "0.920", 0.92, false},
		{"1", "1", 1, false},
		{"1.0", "1.0", 1, false},
		{"1.000", "1.000", 1, false},
		{"10e-1", "10e-1", 1, false},
		{"-0.0", "-0.0", 0, false},
		{"1e-999", "1e-999", 0, false},
		{"0.1234567890123456789", "0.1234567890123456789", 0.12345678901234568, false},
		{"1.1", "1", 1, true},
		{"1e999", "1", 1, true},
		{"1.00000000000000000001", "1", 1, true},
		{"-0.5", "0", 0, true},
		{"-1e-999", "0", 0, true},
		{"0.1e3", "1", 1, true},
		{"95", "1", 1, true},
	} {
		s := clampScore([]byte(tc.in))
		if s.value != tc.value || string(s.text) != tc.text || s.clamped != tc.clamped {
			t.Errorf("clampScore(%s) = %v %s %v, want %v %s %v", tc.in, s.value, s.text, s.clamped, tc.value, tc.text, tc.clamped)
		}
	}
}

func TestFarExponentsAreExact(t *testing.T) {
	for in, want := range map[string]string{
		"1e99999999999999999":      "0.1e100000000000000000",
		"1e100000000000000000":     "0.1e100000000000000001",
		"0.1e100000000000000000":   "0.1e100000000000000000",
		"0.001e100000000000000000": "0.1e99999999999999998",
		"12e999999999999999999":    "0.12e1000000000000000001",
		"1e-100000000000000000":    "0.1e-99999999999999999",
		"0.01e-100000000000000000": "0.1e-100000000000000001",
		"-1e-1000000000000000000":  "-0.1e-999999999999999999",
	} {
		got := appendCanonical(nil, []byte(in))
		if string(got) != want || string(appendCanonical(nil, got)) != want {
			t.Errorf("%s became %s and then %s, want %s", in, got, appendCanonical(nil, got), want)
		}
	}
}

func FuzzCanonicalIsStable(f *testing.F) {
	for _, s := range []string{validLine, `[1,2.50,-0e1,"\u00e9\n"]`, `{"b":{},"a":[[],{}]}`, `1e-400`, `"\\\""`, "1E100000000000000000"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if !jsontext.Value(in).IsValid() {
			return
		}
		once := appendCanonical(nil, in)
		if !jsontext.Value(once).IsValid() {
			t.Fatalf("%q became %q, which is no JSON", in, once)
		}
		if twice := appendCanonical(nil, once); string(twice) != string(once) {
			t.Fatalf("%q became %q and then %q", in, once, twice)
		}
		compact := appendCompact(nil, in)
		if again := appendCanonical(nil, compact); string(again) != string(once) {
			t.Fatalf("%q without its spaces is %q, which reads as %q instead of %q", in, compact, again, once)
		}
	})
}
