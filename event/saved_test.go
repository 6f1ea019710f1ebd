package event

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func complete(t *testing.T, line string, def Defaults) Saved {
	t.Helper()
	d, err := ParseDraft([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.Complete(def)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func importDefaults() Defaults {
	return Defaults{
		Client: "hre", Run: "import-a.json", Timestamp: "2026-01-01T00:00:00Z", EmptyCollections: true,
		NewID: func(content func() uuid.UUID) uuid.UUID { return content() },
	}
}

func TestSavedSurvivesItsPayload(t *testing.T) {
	line := strings.TrimSuffix(validLine, "}") + `,"attempt":1.50,"note":"\u00e9 kept"}`
	s := complete(t, strings.ReplaceAll(line, `:{"cost"`, ` : { "cost"`), Defaults{})
	f := s.Fact()
	back, err := DecodeSaved(f.Version, f.Data)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(back.Row().AppendJSON(nil, true)); got != line {
		t.Errorf("with all fields\n got %s\nwant %s", got, line)
	}
	if got := string(back.Row().AppendJSON(nil, false)); got != validLine {
		t.Errorf("nine fields\n got %s\nwant %s", got, validLine)
	}
	if got := back.Row().Extra; got != `{"attempt":1.50,"note":"\u00e9 kept"}` {
		t.Errorf("unknown fields %s", got)
	}
	if back.ID() != s.ID() || back.Filled() != nil {
		t.Errorf("id %v, filled %v", back.ID(), back.Filled())
	}
}

func TestSavedKeepsTheScoreAsGivenAndShowsItClamped(t *testing.T) {
	s := complete(t, with(t, "score", "1.10"), Defaults{})
	if given, clamped := s.ScoreGiven(); given != "1.10" || !clamped || s.Row().Score != "1" {
		t.Errorf("score given %s, clamped %v", given, clamped)
	}
	if r := s.Record(); r.Score != 1 {
		t.Errorf("record has score %v", r.Score)
	}
	if !strings.Contains(string(s.Fact().Data), `"score":1.10,`) {
		t.Error("the payload does not hold the score as given")
	}
}

func TestCompleteFillsWhatIsLeftOut(t *testing.T) {
	s := complete(t, `{"problem":"p","solution":"s","score":1}`, importDefaults())
	want := []string{"id", "run_id", "timestamp", "account_snapshot", "sources_used"}
	if !slices.Equal(s.Filled(), want) {
		t.Errorf("filled %v, want %v", s.Filled(), want)
	}
	r := s.Record()
	if err := r.Validate(); err != nil {
		t.Error(err)
	}
	if r.ClientID != "hre" || r.RunID != "import-a.json" || string(r.AccountSnapshot) != "{}" || len(r.SourcesUsed) != 0 {
		t.Errorf("completed record %+v", r)
	}
	back, err := DecodeSaved(s.Fact().Version, s.Fact().Data)
	if err != nil || !slices.Equal(back.Filled(), want) {
		t.Errorf("after decoding filled %v, %v", back.Filled(), err)
	}
}

func TestCompleteNamesAllFaultsAtOnce(t *testing.T) {
	d, err := ParseDraft([]byte(`{"id":"x","client_id":"other","run_id":"","score":"0.9","sources_used":[1,2]}`))
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Complete(importDefaults())
	want := []string{
		"invalid_value id", "invalid_value run_id", "wrong_type score", "wrong_type sources_used", "wrong_type sources_used",
		"other_client client_id", "missing_field problem", "missing_field solution",
	}
	if got := faultList(t, err); !slices.Equal(got, want) {
		t.Errorf("faults\n got %q\nwant %q", got, want)
	}
}

func TestCompleteOverridesTheClientOnlyWhenTold(t *testing.T) {
	def := importDefaults()
	def.Client = "other"
	d, _ := ParseDraft([]byte(validLine))
	if _, err := d.Complete(def); err == nil {
		t.Error("a record of another client was taken")
	}
	def.Override = true
	if s := complete(t, validLine, def); s.Client() != "other" {
		t.Errorf("client %q", s.Client())
	}
}

func TestDerivedIDsDependOnContentAlone(t *testing.T) {
	const line = `{"problem":"p","solution":"s","score":0.5}`
	base := complete(t, line, importDefaults()).ID()
	for name, other := range map[string]struct {
		line   string
		change func(*Defaults)
		same   bool
	}{
		"spelling":         {`{ "score":5e-1, "solution":"\u0073", "problem":"p" }`, nil, true},
		"file's name":      {line, func(d *Defaults) { d.Run = "import-b.json" }, true},
		"time":             {line, func(d *Defaults) { d.Timestamp = "2027-01-01T00:00:00Z" }, true},
		"client given":     {`{"client_id":"hre","problem":"p","solution":"s","score":0.5}`, nil, true},
		"other client":     {line, func(d *Defaults) { d.Client = "x" }, false},
		"other text":       {`{"problem":"p","solution":"t","score":0.5}`, nil, false},
		"unknown field":    {`{"problem":"p","solution":"s","score":0.5,"n":1}`, nil, false},
		"run of a capture": {line, func(d *Defaults) { d.RunIdentifies = true }, false},
	} {
		def := importDefaults()
		if other.change != nil {
			other.change(&def)
		}
		if got := complete(t, other.line, def).ID(); (got == base) != other.same {
			t.Errorf("%s: same id %v, want %v", name, got == base, other.same)
		}
	}
	if base.Version() != 5 || Ordinal(base, 0) != base || Ordinal(base, 1) == base || Ordinal(base, 1) == Ordinal(base, 2) {
		t.Error("ordinals do not tell identical records apart")
	}
}

func TestCompareSeparatesContentFromTheRest(t *testing.T) {
	stored := complete(t, validLine, Defaults{})
	for name, tc := range map[string]struct{ line, content, noted string }{
		"the same":           {validLine, "", ""},
		"spelling":           {with(t, "score", "92e-2"), "", ""},
		"id in upper case":   {with(t, "id", `"7D9F3C1E-0F4B-4A65-9D5E-2F8B1C6A7E90"`), "", ""},
		"snapshot reordered": {with(t, "account_snapshot", `{"id":12345678901234567890,"cost":86.30000000000001}`), "", ""},
		"last digit":         {with(t, "account_snapshot", `{"id":12345678901234567891,"cost":86.30000000000001}`), "account_snapshot", ""},
		"sources reordered":  {with(t, "sources_used", `["meta","gtm"]`), "sources_used", ""},
		"same instant":       {with(t, "timestamp", `"2026-04-07T11:30:00+02:00"`), "timestamp", ""},
		"score and text":     {strings.Replace(with(t, "score", "0.1"), "fire once", "fire twice", 1), "solution score", ""},
		"unknown field":      {with(t, "n", "1"), "", "unknown fields"},
	} {
		d := complete(t, tc.line, Defaults{}).Compare(stored)
		if got := strings.Join(d.Content, " "); got != tc.content {
			t.Errorf("%s: content %q, want %q", name, got, tc.content)
		}
		if got := strings.Join(d.Noted, " "); got != tc.noted {
			t.Errorf("%s: noted %q, want %q", name, got, tc.noted)
		}
	}
}

func TestCompareTakesClampedScoresAsEqual(t *testing.T) {
	one := complete(t, with(t, "score", "1"), Defaults{})
	above := complete(t, with(t, "score", "1.7"), Defaults{})
	if above.Compare(one).Differs() || one.Compare(above).Differs() {
		t.Error("1.7 counts as 1 and is in conflict with it")
	}
}

func TestCompareIgnoresWhatDefaultsFilled(t *testing.T) {
	def := Defaults{Timestamp: "2026-01-01T00:00:00Z", Run: "import-a"}
	bare := with(t, "timestamp", "")
	stored := complete(t, bare, def)
	later := complete(t, bare, Defaults{Timestamp: "2027-01-01T00:00:00Z"})
	if d := later.Compare(stored); d.Differs() || d.Noted != nil {
		t.Errorf("a later default differs: %+v", d)
	}
	given := complete(t, validLine, Defaults{})
	if d := given.Compare(stored); d.Differs() || !slices.Equal(d.Noted, []string{"timestamp"}) {
		t.Errorf("a given timestamp against a default: %+v", d)
	}
}

func TestRecordDraftGoesThroughTheSameDoor(t *testing.T) {
	r, err := Parse([]byte(validLine))
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Draft().Complete(Defaults{})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(s.Row().AppendJSON(nil, false)); got != validLine {
		t.Errorf("\n got %s\nwant %s", got, validLine)
	}
	for _, tc := range []struct {
		name string
		r    Record
		want string
	}{
		{"NaN", Record{ClientID: "c", RunID: "r", Score: math.NaN()}, "invalid_value score"},
		{"NaN and more", Record{ClientID: "c", Score: math.NaN(), Timestamp: "x"}, "invalid_value score,invalid_value run_id,invalid_value timestamp"},
		{"not UTF-8", Record{ClientID: "c", RunID: "r", Problem: "\xff", Solution: "\xfe"}, "not_utf8 problem,not_utf8 solution"},
		{"sources not UTF-8", Record{ClientID: "c", RunID: "r", SourcesUsed: []string{"a", "\xff"}}, "not_utf8 sources_used"},
		{"snapshot an array", Record{ClientID: "c", RunID: "r", AccountSnapshot: []byte("[]")}, "wrong_type account_snapshot"},
		{"snapshot cut", Record{ClientID: "c", RunID: "r", AccountSnapshot: []byte(`{"a":`)}, "wrong_type account_snapshot"},
	} {
		d := tc.r.Draft()
		if d.Faithful() {
			t.Errorf("%s: the draft claims to say all", tc.name)
		}
		_, err := d.Complete(Defaults{Timestamp: "2026-01-01T00:00:00Z", EmptyCollections: true, NewID: func(c func() uuid.UUID) uuid.UUID { return c() }})
		if got := strings.Join(faultList(t, err), ","); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
	r.Score = math.Inf(1)
	if s, err = r.Draft().Complete(Defaults{}); err != nil || s.Record().Score != 1 {
		t.Errorf("+Inf: %v, %v", s, err)
	}
}

func TestRejectedSurvivesItsPayload(t *testing.T) {
	raw := []byte("{\"score\": \xff}\n")
	r := Rejected{
		Faults: []Fault{{ReasonNotUTF8, "score", "bytes that are not UTF-8"}},
		Source: "runs.jsonl", Line: 7, Offset: 1234, Raw: raw,
	}
	f, err := r.Fact()
	if err != nil {
		t.Fatal(err)
	}
	back, err := DecodeRejected(f.Version, f.Data)
	if err != nil {
		t.Fatal(err)
	}
	if string(back.Raw) != string(raw) || back.Line != 7 || back.Offset != 1234 || back.Reason() != ReasonNotUTF8 {
		t.Errorf("got %+v", back)
	}
	again := r
	again.Source, again.Line = "other.jsonl", 1
	if again.Key() != r.Key() {
		t.Error("the same bytes met in another file have another key")
	}
	again.Faults = []Fault{{ReasonNotJSON, "", ""}}
	if again.Key() == r.Key() {
		t.Error("another reason has the same key")
	}
}

func TestDecodersRefuseWhatTheyDoNotKnow(t *testing.T) {
	good := complete(t, validLine, Defaults{}).Fact()
	for name, tc := range map[string]struct {
		version uint16
		data    []byte
	}{
		"later version": {savedVersion + 1, good.Data},
		"empty":         {savedVersion, nil},
		"cut":           {savedVersion, good.Data[:len(good.Data)-1]},
		"field missing": {savedVersion, []byte("\x00\x00" + `{"id":"7d9f3c1e-0f4b-4a65-9d5e-2f8b1c6a7e90"}`)},
	} {
		if _, err := DecodeSaved(tc.version, tc.data); err == nil {
			t.Errorf("saved, %s: no error", name)
		}
		if _, err := DecodeRejected(tc.version, tc.data); err == nil {
			t.Errorf("rejected, %s: no error", name)
		}
	}
}

func FuzzSavedRoundTrip(f *testing.F) {
	f.Add([]byte(validLine))
	f.Add([]byte(`{"problem":"","solution":"\u0000\u2028","score":-0.0e5,"x":[ 1 , 2 ]}`))
	f.Add([]byte(`{"problem":"p","solution":"s","score":1,"problem ":{"a":"\\"}}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		d, err := ParseDraft(in)
		if err != nil {
			return
		}
		s, err := d.Complete(importDefaults())
		if err != nil {
			return
		}
		f := s.Fact()
		back, err := DecodeSaved(f.Version, f.Data)
		if err != nil {
			t.Fatalf("%q was taken and cannot be read back: %v", in, err)
		}
		if err := back.Record().Validate(); err != nil {
			t.Fatalf("%q became an invalid record: %v", in, err)
		}
		line := back.Row().AppendJSON(nil, true)
		d, err = ParseDraft(line)
		if err != nil {
			t.Fatalf("%q is exported as %q, which is no object: %v", in, line, err)
		}
		again, err := d.Complete(Defaults{})
		if err != nil {
			t.Fatalf("%q is exported as %q, which is no record: %v", in, line, err)
		}
		if diff := again.Compare(back); diff.Differs() || diff.Noted != nil {
			t.Fatalf("%q is exported as %q, which differs in %+v", in, line, diff)
		}
		if twice := again.Row().AppendJSON(nil, true); string(twice) != string(line) {
			t.Fatalf("exported as %q, then as %q", line, twice)
		}
	})
}

func TestFaultsAreBounded(t *testing.T) {
	line := with(t, "sources_used", "["+strings.Repeat("1,", 100_000)+"1]")
	d, err := ParseDraft([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = d.Complete(Defaults{}); len(faultList(t, err)) != maxFaults+1 {
		t.Errorf("%d faults", len(faultList(t, err)))
	}
	key := strings.Repeat("é", 100_000)
	_, err = ParseDraft([]byte(`{"` + key + `":1,"` + key + `":2}`))
	if n := len(err.Error()); n > 1000 {
		t.Errorf("a message of %d bytes", n)
	}
}

func TestDeepAndLongValuesTakeLinearTime(t *testing.T) {
	deep := strings.Repeat(`{"a":[`, 4500) + strings.Repeat("]}", 4500)
	long := "0." + strings.Repeat("1", 1<<20)
	far := "1e" + strings.Repeat("9", 1<<20)
	for name, value := range map[string]string{"deep": deep, "long": `{"n":` + long + `}`, "far": `{"n":` + far + `}`} {
		begin := time.Now()
		s := complete(t, with(t, "account_snapshot", value), Defaults{})
		other := complete(t, with(t, "account_snapshot", " "+value+" "), Defaults{})
		if other.Compare(s).Differs() {
			t.Errorf("%s: differs from itself", name)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s: %v", name, took)
		}
	}
}

func TestReadRowIsTheRowOfDecodeSaved(t *testing.T) {
	whole := complete(t, `{"x":[1,{"y":"}\""}],"id":"7D9F3C1E-0F4B-4A65-9D5E-2F8B1C6A7E90","client_id":"hre","run_id":"r","problem":"p \u0000 \"q\"",`+
		`"solution":"","score":1.50,"timestamp":"2026-04-07T09:30:00+02:00","account_snapshot":{"solution":1},"sources_used":["a"]}`, importDefaults()).Fact()
	want, err := DecodeSaved(whole.Version, whole.Data)
	if err != nil {
		t.Fatal(err)
	}
	got, at, err := ReadRow(whole.Version, whole.Data)
	if err != nil || got != want.Row() || !at.Equal(want.Instant()) {
		t.Errorf("%+v %v, want %+v %v; %v", got, at, want.Row(), want.Instant(), err)
	}
	if _, _, err := ReadRow(9, whole.Data); !errors.Is(err, ErrPayload) {
		t.Errorf("another version: %v", err)
	}
	for n := range whole.Data { // cut anywhere it is an error, and no crash
		if _, _, err := ReadRow(whole.Version, whole.Data[:n]); err == nil {
			t.Fatalf("cut to %d bytes: no error", n)
		}
	}
}

// Whatever the bytes are, reading them ends, without a crash.
func FuzzReadRow(f *testing.F) {
	f.Add([]byte("\x00\x00" + validLine))
	f.Add([]byte(`\x00\x00{"id":"`))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _, err := ReadRow(savedVersion, data)
		if err != nil && !errors.Is(err, ErrPayload) {
			t.Fatal(err)
		}
	})
}
