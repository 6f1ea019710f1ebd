package latency

import (
	"slices"
	"testing"
	"time"
)

func TestALineThatAKillCutSaysNothing(t *testing.T) {
	got := SavedIn("a 1500 new\nb 20 duplicate\nc 3")
	want := []Saved{{"a", 1500 * time.Microsecond, "new"}, {"b", 20 * time.Microsecond, "duplicate"}}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func TestASaverSaysWhatAllTookTogether(t *testing.T) {
	for out, want := range map[string]time.Duration{
		"a 1500 new\nall 2500\n": 2500 * time.Microsecond,
		"a 1500 new\n":           0, // it was killed
		"":                       0,
	} {
		if got := allIn(out); got != want {
			t.Errorf("%q: %v, want %v", out, got, want)
		}
	}
}

func TestQuantiles(t *testing.T) {
	var waits []time.Duration
	for n := range 101 {
		waits = append(waits, time.Duration(100-n))
	}
	if got, want := QuantilesOf(waits), (Quantiles{101, 50, 99, 100}); got != want {
		t.Errorf("%+v", got)
	}
	if got := QuantilesOf(nil); got != (Quantiles{}) {
		t.Errorf("of nothing: %+v", got)
	}
}

func TestBareIsMeasuredAsOftenAsWanted(t *testing.T) {
	b, err := OpenBare(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	syncs, err := b.Syncs(pages + 1)
	if err != nil || len(syncs) != pages+1 || slices.Min(syncs) <= 0 {
		t.Errorf("%v, %v", syncs, err)
	}
	puts, err := b.Transactions(3, []byte("value"))
	if err != nil || len(puts) != 3 || slices.Min(puts) <= 0 || b.keys != 3 {
		t.Errorf("%v, %v", puts, err)
	}
}
