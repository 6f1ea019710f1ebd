package event

import (
	"strings"
	"testing"

	"github.com/google/uuid"
)

func TestScalesAreExact(t *testing.T) {
	for _, tc := range []struct{ scale, given, want string }{
		{"0..100", "86.3", "0.863"},
		{"0..100", "86.30000000000001", "0.8630000000000001"},
		{"0..100", "100", "1"},
		{"0..100", "8.63e1", "0.863"},
		{"0..100", "105", "1.05"},
		{"0..100", "-5", "-0.05"},
		{"100..0", "25", "0.75"},
		{"-1..1", "0", "0.5"},
		{"0..1", "0.1", "0.1"},
		{"1..5", "4", "0.75"},
		{"0..3", "1", "0.33333333333333333"},
		{"0..3", "2", "0.66666666666666667"},
		{"0.5..1.5", "1", "0.5"},
	} {
		s, err := ParseScale(tc.scale)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Apply([]byte(tc.given)); err != nil || string(got) != tc.want {
			t.Errorf("%s of %s: %s %v, want %s", tc.given, tc.scale, got, err, tc.want)
		}
	}
	for _, bad := range []string{"", "100", "0..", "..1", "a..b", "1..1", "0-100", "0..1e999999", "0..NaN", "0..1..2"} {
		if _, err := ParseScale(bad); err == nil {
			t.Errorf("%q is taken for a scale", bad)
		}
	}
}

// A scaled record is the one that the scaled score itself would have made.
func TestAScaledRecordHasTheIDOfTheScaledScore(t *testing.T) {
	scale, err := ParseScale("0..100")
	if err != nil {
		t.Fatal(err)
	}
	key := func(raw string, s *Scale) (Saved, error) {
		d, err := ParseDraft([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		return d.Complete(Defaults{
			Client: "c", Run: "r", Timestamp: "2026-04-07T09:30:00Z", EmptyCollections: true, Scale: s,
			NewID: func(content func() uuid.UUID) uuid.UUID { return content() },
		})
	}
	scaled, err1 := key(`{"problem":"p","solution":"s","score":86.3}`, scale)
	plain, err2 := key(`{"problem":"p","solution":"s","score":0.863}`, nil)
	if err1 != nil || err2 != nil || scaled.ID() != plain.ID() {
		t.Errorf("%v %v, %v %v", scaled.ID(), err1, plain.ID(), err2)
	}
	if given, clamped := scaled.ScoreGiven(); given != "0.863" || clamped {
		t.Errorf("score %s, clamped: %v", given, clamped)
	}
	for score, want := range map[string]string{`1e9999`: "cannot be scaled", `"86.3"`: "want a number"} {
		if _, err := key(`{"problem":"p","solution":"s","score":`+score+`}`, scale); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", score, err)
		}
	}
}
