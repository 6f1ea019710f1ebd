package explog

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// oddInputs are values that are no records, and why. The importer's client is c.
var oddInputs = []struct{ raw, want string }{
	{`nonsense`, "not_json"},
	{`{'problem':1}`, "not_json"},
	{`{"problem":"p",}`, "not_json"},
	{`{"problem":NaN}`, "not_json"},
	{"{\"problem\":\"tab\there\"}", "not_json"},
	{"{\"problem\":\"\x00\"}", "not_json"},
	{strings.Repeat(`{"a":`, 10001) + "1" + strings.Repeat("}", 10001), "not_json"},
	{`{"problem":"p"} {"problem":"q"}`, "trailing_data"},
	{`42`, "not_an_object"},
	{`"text"`, "not_an_object"},
	{`null`, "not_an_object"},
	{`[1,2]`, "not_an_object"},
	{"{\"problem\":\"\xff\"}", "not_utf8 problem"},
	{"{\"\xfe\":1}", "not_utf8 \ufffd"},
	{`{"solution":"\udc00\ud800"}`, "lone_surrogate solution"},
	{`{"score":1,"score":1}`, "duplicate_key score"},
	{`{"account_snapshot":{"a":1,"a":1}}`, "duplicate_key account_snapshot"},
	{`{}`, "missing_field problem, missing_field solution, missing_field score"},
	{`{"problem":"p","solution":"s"}`, "missing_field score"},
	{`{"problem":1,"solution":[],"score":"1"}`, "wrong_type problem, wrong_type solution, wrong_type score"},
	{`{"problem":null,"solution":{},"score":true}`, "wrong_type problem, wrong_type solution, wrong_type score"},
	{good(`"id":7`), "wrong_type id"},
	{good(`"id":""`), "invalid_value id"},
	{good(`"id":"7d9f3c1e0f4b4a659d5e2f8b1c6a7e90"`), "invalid_value id"},
	{good(`"id":"{7d9f3c1e-0f4b-4a65-9d5e-2f8b1c6a7e90}"`), "invalid_value id"},
	{good(`"id":"urn:uuid:7d9f3c1e-0f4b-4a65-9d5e-2f8b1c6a7e90"`), "invalid_value id"},
	{good(`"client_id":"other"`), "other_client client_id"},
	{good(`"client_id":""`), "invalid_value client_id, other_client client_id"},
	{good(`"client_id":null`), "wrong_type client_id"},
	{good(`"run_id":""`), "invalid_value run_id"},
	{good(`"run_id":7`), "wrong_type run_id"},
	{good(`"timestamp":"2026-04-07"`), "invalid_value timestamp"},
	{good(`"timestamp":"2026-04-07 09:30:00Z"`), "invalid_value timestamp"},
	{good(`"timestamp":"2026-04-07T09:30:00"`), "invalid_value timestamp"},
	{good(`"timestamp":"2026-W15-2T09:30:00Z"`), "invalid_value timestamp"},
	{good(`"timestamp":1775554200`), "wrong_type timestamp"},
	{good(`"account_snapshot":[]`), "wrong_type account_snapshot"},
	{good(`"account_snapshot":"{}"`), "wrong_type account_snapshot"},
	{good(`"sources_used":"gtm"`), "wrong_type sources_used"},
	{good(`"sources_used":["gtm",1,null]`), "wrong_type sources_used, wrong_type sources_used"},
}

// good is a record with one more field.
func good(field string) string {
	return `{` + field + `,"problem":"p","solution":"s","score":0.5}`
}

// TestEveryFaultBetweenTwoGoodRecords: all good records are in, every fault is
// named with its line and offset, and comes back byte for byte.
func TestEveryFaultBetweenTwoGoodRecords(t *testing.T) {
	for form, sep := range map[string]struct{ before, between, after string }{
		"JSONL":       {"", "\n", "\n"},
		"JSONL, CRLF": {"\xEF\xBB\xBF", "\r\n\r\n", "\r\n"},
		"array":       {"[\n", ",\n", "\n]\n"},
	} {
		t.Run(form, func(t *testing.T) {
			in := sep.before
			type place struct{ line, offset int64 }
			var want []string
			var places []place
			goods := 0
			add := func(text string) place {
				at := place{int64(strings.Count(in, "\n")) + 1, int64(len(in))}
				in += text + sep.between
				return at
			}
			for i, odd := range oddInputs {
				if form == "array" && brokenStructure(odd.raw) {
					continue
				}
				add(good(fmt.Sprintf(`"n":%d`, i)))
				goods++
				places = append(places, add(odd.raw))
				want = append(want, odd.want)
			}
			in += good(`"n":"last"`) + sep.after
			goods++

			l := open(t, t.TempDir())
			report, err := l.Import(ctx, strings.NewReader(in), ImportOptions{Client: "c", Source: "odd"})
			if err != nil || int(report.New) != goods || int(report.Rejected) != len(want) {
				t.Fatalf("%+v %v; want %d good, %d rejected", report, err, goods, len(want))
			}
			i := 0
			for rej, err := range l.Rejects(ctx) {
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, f := range rej.Faults {
					got = append(got, strings.TrimSpace(string(f.Reason)+" "+f.Field))
				}
				if strings.Join(got, ", ") != want[i] {
					t.Errorf("%q: %q, want %q", rej.Raw[:min(len(rej.Raw), 80)], got, want[i])
				}
				if at := (place{rej.Line, rej.Offset}); at != places[i] {
					t.Errorf("%q is at %+v, want %+v", rej.Raw[:min(len(rej.Raw), 80)], at, places[i])
				}
				if raw := in[rej.Offset : rej.Offset+int64(len(rej.Raw))]; raw != string(rej.Raw) {
					t.Errorf("raw is %q, want %q", rej.Raw, raw)
				}
				i++
			}
			if i != len(want) {
				t.Errorf("%d rejects, want %d", i, len(want))
			}
			again, err := l.Import(ctx, strings.NewReader(in), ImportOptions{Client: "c", Source: "odd again"})
			if err != nil || again.New != 0 || int(again.Duplicate) != goods || int(again.Rejected) != len(want) {
				t.Errorf("again: %+v %v", again, err)
			}
			if info, err := l.Info(ctx); err != nil || total(info.Rejects) != int64(len(want)) {
				t.Errorf("rejects were doubled: %v %v", info.Rejects, err)
			}
		})
	}
}

// brokenStructure tells inputs that an array cannot hold as one element.
func brokenStructure(raw string) bool {
	return strings.Contains(raw, "} {") || strings.Contains(raw, "'")
}

func total(counts map[string]int64) (n int64) {
	for _, c := range counts {
		n += c
	}
	return n
}

// TestRejectsCanBeImportedOnceMended: what was refused is taken when it is whole.
func TestRejectsCanBeImportedOnceMended(t *testing.T) {
	l := open(t, t.TempDir())
	bad := `{"problem":"p","solution":"s","score":"0.5"}`
	if r, err := l.Import(ctx, strings.NewReader(bad), ImportOptions{Client: "c"}); err != nil || r.Rejected != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	for rej, err := range l.Rejects(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		mended := strings.Replace(string(rej.Raw), `"0.5"`, `0.5`, 1)
		if r, err := l.Import(ctx, strings.NewReader(mended), ImportOptions{Client: "c"}); err != nil || r.New != 1 {
			t.Errorf("%+v %v", r, err)
		}
	}
}

// TestFormsOfInput: what is read as what, whole and broken.
func TestFormsOfInput(t *testing.T) {
	one, two := good(`"n":1`), good(`"n":2`)
	var manyLines strings.Builder
	for range 5000 {
		manyLines.WriteString("\n \t\r\n")
	}
	for _, tc := range []struct {
		name, in string
		want     ImportReport
	}{
		{"JSONL", one + "\n" + two, ImportReport{Read: 2, New: 2}},
		{"half last line", one + "\n" + two[:20], ImportReport{Read: 2, New: 1, Rejected: 1}},
		{"array", "[" + one + "," + two + "]", ImportReport{Read: 2, New: 2}},
		{"array cut in the middle", "[" + one + "," + two[:20], ImportReport{Read: 3, New: 1, Rejected: 2}},
		{"array cut after a comma", "[" + one + ",", ImportReport{Read: 2, New: 1, Rejected: 1}},
		{"one object over lines", strings.ReplaceAll(one, ",", ",\n  "), ImportReport{Read: 1, New: 1}},
		{"objects over lines", strings.ReplaceAll(one, ",", ",\n  ") + "\n" + strings.ReplaceAll(two, ",", ",\n  "), ImportReport{Read: 2, New: 1, Rejected: 1}},
		{"thousands of empty lines", manyLines.String() + one + manyLines.String() + two + manyLines.String(), ImportReport{Read: 2, New: 2}},
		{"one giant line", one[:len(one)-1] + `,"x":"` + strings.Repeat("y", 5<<20) + `"}`, ImportReport{Read: 1, New: 1}},
		{"NUL bytes", one + "\n\x00\x00\x00\n" + two, ImportReport{Read: 3, New: 2, Rejected: 1}},
		{"bad first line", "{broken\n" + one + "\n" + two, ImportReport{Read: 3, New: 2, Rejected: 1}},
		{"an empty array", "[]", ImportReport{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for packing, in := range map[string]io.Reader{
				"plain": strings.NewReader(tc.in), "gzip": packed(t, tc.in, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }),
				"zstd": packed(t, tc.in, func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z }),
			} {
				l := open(t, t.TempDir())
				if r, err := l.Import(ctx, in, ImportOptions{Client: "c"}); err != nil || r != tc.want {
					t.Errorf("%s: %+v %v, want %+v", packing, r, err, tc.want)
				}
			}
		})
	}
	l := open(t, t.TempDir())
	var unsupported *UnsupportedError
	utf16 := "\xFF\xFE" + strings.Join(strings.Split(one, ""), "\x00")
	if _, err := l.Import(ctx, strings.NewReader(utf16), ImportOptions{Client: "c"}); !errors.As(err, &unsupported) {
		t.Errorf("UTF-16: %v", err)
	}
	for _, empty := range []string{"", " \n", "\xEF\xBB\xBF"} {
		if _, err := l.Import(ctx, strings.NewReader(empty), ImportOptions{}); !errors.Is(err, ErrEmptyInput) {
			t.Errorf("%q: %v", empty, err)
		}
	}
}

func packed(t *testing.T, text string, pack func(io.Writer) io.WriteCloser) io.Reader {
	var b bytes.Buffer
	w := pack(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

func TestMixedClients(t *testing.T) {
	l := open(t, t.TempDir())
	in := good(`"client_id":"a"`) + "\n" + good(`"client_id":"b"`) + "\n" + good(`"n":1`)
	for _, tc := range []struct {
		opts ImportOptions
		want ImportReport
	}{
		{ImportOptions{}, ImportReport{Read: 3, New: 2, Rejected: 1}},
		{ImportOptions{Client: "a"}, ImportReport{Read: 3, New: 1, Duplicate: 1, Rejected: 1}},
		{ImportOptions{Client: "a", OverrideClient: true}, ImportReport{Read: 3, New: 1, Duplicate: 2}},
	} {
		if r, err := l.Import(ctx, strings.NewReader(in), tc.opts); err != nil || r != tc.want {
			t.Errorf("%+v: %+v %v, want %+v", tc.opts, r, err, tc.want)
		}
	}
	var clients []string
	for rec, err := range l.Query(ctx, Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, rec.ClientID)
	}
	if !slices.Equal(clients, []string{"a", "b", "a", "a"}) {
		t.Errorf("clients %v", clients)
	}
}

// TestABadFirstLineCostsOneReject: whatever the first line is, the others are read.
func TestABadFirstLineCostsOneReject(t *testing.T) {
	var rest strings.Builder
	for i := range 19 {
		rest.WriteString(good(fmt.Sprintf(`"n":%d`, i)) + "\n")
	}
	commas := strings.ReplaceAll(rest.String(), "\n", ",\n")
	for _, first := range []string{
		"Loading model…", "[INFO] starting up", "[INFO starting up", "[2026-04-07 09:30:00] start", `["gpt-4", "claude"]`, "[]", "[", "{", "}", "42", `"x"`, "null",
		good(`"n":1`)[:20], good(`"n":19`) + good(`"n":20`), good(`"n":19`) + " # a comment", `{"problem":"p","solution":"s","score":0.5`, `{"problem":"p","account_snapshot":{`, `{"problem":"p","sources_used":[`,
		`{"problem":`, `{"problem"`, "\x00\x00\x00\x00\x00", "\x00\x00{\x00", "# a comment", "problem,solution,score", "\x1b[32mready\x1b[0m", "{'problem': 'p'}", "\xff\xfa latin",
		strings.Repeat("long ", 1<<20),
	} {
		for how, text := range map[string]string{"lines": rest.String(), "CRLF": strings.ReplaceAll(rest.String(), "\n", "\r\n"), "commas": commas} {
			if first == "[INFO starting up" && how == "commas" {
				continue // that is an array with bad elements
			}
			l := open(t, t.TempDir())
			report, err := l.Import(ctx, onlyReader{strings.NewReader(first + "\n" + text)}, ImportOptions{Client: "c"})
			want := ImportReport{Read: 20, New: 19, Rejected: 1}
			if strings.HasPrefix(first, good(`"n":19`)) { // only what follows the record is bad
				want.Read, want.New = 21, 20
			}
			if err != nil || report != want {
				t.Errorf("%.40q, %s: %+v %v", first, how, report, err)
			}
		}
	}
}

// onlyReader hides what else a reader can do, as a pipe.
type onlyReader struct{ io.Reader }

// TestAPipeIsSavedWhenItPauses: what came is in the log while the input goes on, and
// the import ends with its context though nothing more comes.
func TestAPipeIsSavedWhenItPauses(t *testing.T) {
	for name, input := range map[string]string{
		"JSONL": good(`"n":1`) + "\n", "array": "[\n" + good(`"n":1`) + ",", "bad first line": "ready\n" + good(`"n":1`) + "\n",
	} {
		l := open(t, t.TempDir())
		r, w := io.Pipe()
		ctx, cancel := context.WithCancel(ctx)
		saved, ended := make(chan ImportReport, 1), make(chan error)
		go func() {
			_, err := l.Import(ctx, r, ImportOptions{Client: "c", OnBatch: func(_ int, soFar ImportReport) { saved <- soFar }})
			ended <- err
		}()
		if _, err := io.WriteString(w, input); err != nil {
			t.Fatal(err)
		}
		if soFar := <-saved; soFar.New != 1 {
			t.Errorf("%s: %+v", name, soFar)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		w.Close()
	}
}

// TestAPipeThatNeverPausesIsSavedToo: records do not wait for a pause for ever.
func TestAPipeThatNeverPausesIsSavedToo(t *testing.T) {
	l := open(t, t.TempDir())
	r, w := io.Pipe()
	stop := make(chan struct{})
	go func() {
		defer w.Close()
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
				fmt.Fprintln(w, good(fmt.Sprintf(`"n":%d`, n)))
			}
		}
	}()
	saved := sync.OnceFunc(func() { close(stop) })
	if _, err := l.Import(ctx, r, ImportOptions{Client: "c", OnBatch: func(int, ImportReport) { saved() }}); err != nil {
		t.Error(err)
	}
}
