package input

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pieces returns what the input splits into, each as "line:offset raw" or
// "line:offset reason raw".
func pieces(r io.Reader, maxRecord int) ([]string, error) {
	var list []string
	for v, err := range Values(r, maxRecord) {
		if err != nil {
			return list, err
		}
		s := fmt.Sprintf("%d:%d ", v.Line, v.Offset)
		if v.Fault != nil {
			s += "!" + string(v.Fault.Reason) + " "
		}
		list = append(list, s+string(v.Raw))
	}
	return list, nil
}

func TestWhatAnInputSplitsInto(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		want     []string
	}{
		{"JSONL", "{\"a\":1}\n{\"a\":2}\n", []string{`1:0 {"a":1}`, `2:8 {"a":2}`}},
		{"JSONL without a last newline", "{}\n{}", []string{"1:0 {}", "2:3 {}"}},
		{"CRLF", "{}\r\n{}\r\n", []string{"1:0 {}", "2:4 {}"}},
		{"byte order mark", "\xEF\xBB\xBF{}\n{}", []string{"1:3 {}", "2:6 {}"}},
		{"blank lines", "\n \n{}\n\n\t\n {}\n\n", []string{"3:3 {}", "6:10 {}"}},
		{"half last line", "{}\n{\"a\":", []string{"1:0 {}", `2:3 {"a":`}},
		{"bad line between", "{}\nnope\n{}", []string{"1:0 {}", "2:3 nope", "3:8 {}"}},
		{"two on a line", "{}\n{} {}\n{}", []string{"1:0 {}", "2:3 {} {}", "3:9 {}"}},
		{"bad first line", "nope\n{}\n{}", []string{"1:0 nope", "2:5 {}", "3:8 {}"}},
		{"cut first line", "{\"a\": tr\n{\"a\":1}\n", []string{"1:0 {\"a\": tr", "2:9 {\"a\":1}"}},
		{"duplicate keys on the first line", "{\"a\":1,\"a\":2}\n{}", []string{`1:0 {"a":1,"a":2}`, "2:14 {}"}},
		{"one object over lines", "{\n \"a\": 1\n}\n", []string{"1:0 {\n \"a\": 1\n}"}},
		{"one object cut", "{\n \"a\": 1,\n", []string{"1:0 {\n \"a\": 1,"}},
		{"two objects over lines", "{\n}\n{\n}\n", []string{"1:0 {\n}", "3:4 !trailing_data {\n}"}},
		{"scalar", "42\n", []string{"1:0 42"}},
		{"array", ` [{"a":1}, {"a":[2]},3,"x,]"] `, []string{`1:2 {"a":1}`, `1:11 {"a":[2]}`, "1:21 3", `1:23 "x,]"`}},
		{"empty array", "[]", nil},
		{"empty array over lines", "[\n]\n", nil},
		{"array over lines", "[\n  {\"a\":1},\n  {\n  \"b\":2}\n]", []string{`2:4 {"a":1}`, "3:15 {\n  \"b\":2}"}},
		{"array cut in an element", `[{"a":1},{"a"`, []string{`1:1 {"a":1}`, `1:9 {"a"`, "1:13 !truncated "}},
		{"array cut after a comma", `[{"a":1},`, []string{`1:1 {"a":1}`, "1:9 !truncated "}},
		{"trailing comma", `[{},]`, []string{"1:1 {}", "1:4 !not_json "}},
		{"double comma", `[{},,{}]`, []string{"1:1 {}", "1:4 !not_json ,", "1:5 {}"}},
		{"missing comma", "[{}\n{}]", []string{"1:1 {}", "2:4 !not_json {}"}},
		{"rubbish between", "[{}, nope, {}]", []string{"1:1 {}", "1:5 nope", "1:11 {}"}},
		{"wrong bracket", "[{}, }, {}]", []string{"1:1 {}", "1:5 !not_json }", "1:8 {}"}},
		{"behind an array", "[{}] {}\n{}", []string{"1:1 {}", "1:5 !trailing_data {}\n{}"}},
		{
			"string not closed in an array", "[\n  {\"a\":\"x},\n  {\"a\":\"y\"},\n  {\"a\":\"z\"}\n]",
			[]string{"2:4 {\"a\":\"x}", "3:16 {\"a\":\"y\"}", "4:29 {\"a\":\"z\"}"},
		},
		{"escapes", `[{"a":"\"]}\\"},{"b":"\\\\"}]`, []string{`1:1 {"a":"\"]}\\"}`, `1:16 {"b":"\\\\"}`}},
		{"banner", "Loading…\ndone\n{}\n{}", []string{"1:0 Loading…", "2:11 done", "3:16 {}", "4:19 {}"}},
		{"log line in brackets", "[INFO] start\n{}\n{}", []string{"1:0 [INFO] start", "2:13 {}", "3:16 {}"}},
		{"open bracket in a log line", "[INFO start\n{}\n{}", []string{"1:0 [INFO start", "2:12 {}", "3:15 {}"}},
		{"torn behind a number", "{\"a\":1\n{}\n{}", []string{"1:0 {\"a\":1", "2:7 {}", "3:10 {}"}},
		{"torn behind a colon", "{\"a\":\n{}\n{}", []string{"1:0 {\"a\":", "2:6 {}", "3:9 {}"}},
		{"torn behind a colon, two lines", "{\"a\":\n{}\n", []string{"1:0 {\"a\":", "2:6 {}"}},
		{"torn in an array", "{\"a\":[\n{},\n{},\n", []string{"1:0 {\"a\":[", "2:7 {}", "3:11 {}"}},
		{"glued", "{}{}\n{}\n{}", []string{"1:0 {}", "1:2 !trailing_data {}", "2:5 {}", "3:8 {}"}},
		{"text behind the first object", "{} # one\n{}\n", []string{"1:0 {}", "1:3 !trailing_data # one", "2:9 {}"}},
		{"all glued", "{\"a\":1}{}", []string{`1:0 {"a":1}`, "1:7 !trailing_data {}"}},
		{"empty array first", "[]\n{}\n{}", []string{"1:0 []", "2:3 {}", "3:6 {}"}},
		{"brace first", "{\n{}\n{}", []string{"1:0 {", "2:2 {}", "3:5 {}"}},
		{"bracket first", "[\n{}\n{}\n", []string{"1:0 [", "2:2 {}", "3:5 {}"}},
		{"bracket first, commas, no end", "[\n{},\n{},\n", []string{"2:2 {}", "3:6 {}", "4:10 !truncated "}},
		{"commas", "{},\n{},\n{\"a\":\"x\",\n{}", []string{"1:0 {}", "2:4 {}", "3:8 {\"a\":\"x\",", "4:18 {}"}},
		{"bad first element", "[\n{\"a\":NaN},\n{}\n]", []string{`2:2 {"a":NaN}`, "3:13 {}"}},
		{"torn first element", "[{\"a\":\"x\n{},\n{}\n]", []string{"1:0 [{\"a\":\"x", "2:9 {}", "3:13 {}", "4:16 ]"}},
		{"scalar first", "\"x\"\n{}\n", []string{"1:0 \"x\"", "2:4 {}"}},
		{"array of scalars first", "[1,2]\n{}\n", []string{"1:0 [1,2]", "2:6 {}"}},
		{"one object cut, with objects in it", "{\n \"a\": [\n  {\"b\": 1},\n  {\"b\": 2}\n ], \"c\"", []string{"1:0 {\n \"a\": [\n  {\"b\": 1},\n  {\"b\": 2}\n ], \"c\""}},
		{"rows in an object", "{\"rows\":[\n{},\n{}\n]}", []string{"1:0 {\"rows\":[\n{},\n{}\n]}"}},
		{"NULs before", "\x00\x00\x00\x00\n{}\n{}", []string{"1:0 \x00\x00\x00\x00", "2:5 {}", "3:8 {}"}},
		{"CRLF banner", "banner\r\n{}\r\n", []string{"1:0 banner", "2:8 {}"}},
		{"text", "no records here\nnor here\n", []string{"1:0 no records here\nnor here"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for how, r := range map[string]io.Reader{
				"at once":     strings.NewReader(tc.in),
				"byte a read": iotest.OneByteReader(strings.NewReader(tc.in)),
			} {
				got, err := pieces(r, 0)
				if err != nil || !slices.Equal(got, tc.want) {
					t.Errorf("%s:\n got %q %v\nwant %q", how, got, err, tc.want)
				}
			}
		})
	}
}

func TestEmptyInputIsAnError(t *testing.T) {
	for _, in := range []string{"", " \n\t\r\n", "\xEF\xBB\xBF", "\xEF\xBB\xBF\n"} {
		if _, err := pieces(strings.NewReader(in), 0); !errors.Is(err, ErrEmpty) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestTooLargeValuesKeepTheirBeginning(t *testing.T) {
	big := `{"a":"` + strings.Repeat("x", 3<<20) + `"}`
	for name, in := range map[string]string{
		"JSONL":      "{}\n" + big + "\n{}\n",
		"first line": big + "\n{}\n{}\n",
		"array":      "[{},\n" + big + ",\n{}]",
	} {
		var got []Value
		for v, err := range Values(iotest.HalfReader(strings.NewReader(in)), 2<<20) {
			if err != nil {
				t.Fatal(err)
			}
			v.Raw = bytes.Clone(v.Raw)
			got = append(got, v)
		}
		sum := sha256.Sum256([]byte(big))
		at, line := 1, int64(2)
		if name == "first line" {
			at, line = 0, 1
		}
		if len(got) != 3 || string(got[1-at].Raw) != "{}" || string(got[2].Raw) != "{}" {
			t.Fatalf("%s: %d values", name, len(got))
		}
		v := got[at]
		if v.Fault == nil || v.Fault.Reason != "too_large" || v.Length != int64(len(big)) || v.SHA256 != hex.EncodeToString(sum[:]) ||
			string(v.Raw) != big[:1<<20] || v.Line != line {
			t.Errorf("%s: fault %v, length %d of %d, raw %d, line %d", name, v.Fault, v.Length, len(big), len(v.Raw), v.Line)
		}
	}
}

func TestPackedInputIsReadAsItIs(t *testing.T) {
	const plain = "{\"a\":1}\n{\"a\":2}\n"
	var gz, zst bytes.Buffer
	g := gzip.NewWriter(&gz)
	g.Write([]byte(plain))
	g.Close()
	z, _ := zstd.NewWriter(&zst)
	z.Write([]byte(plain))
	z.Close()
	want := []string{`1:0 {"a":1}`, `2:8 {"a":2}`}
	for name, packed := range map[string][]byte{"gzip": gz.Bytes(), "zstd": zst.Bytes(), "gzip twice": append(bytes.Clone(gz.Bytes()), gz.Bytes()...)} {
		want := want
		if name == "gzip twice" {
			want = append(want, `3:16 {"a":1}`, `4:24 {"a":2}`)
		}
		got, err := pieces(bytes.NewReader(packed), 0)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q %v", name, got, err)
		}
		if _, err := pieces(bytes.NewReader(packed[:len(packed)-3]), 0); err == nil || !strings.Contains(err.Error(), "unpack "+name[:4]) {
			t.Errorf("%s, cut: %v", name, err)
		}
	}
}

// FuzzValues holds the splitter to: no byte that is not white space or a
// separator is lost, whatever the input and however it is read.
func FuzzValues(f *testing.F) {
	for _, s := range []string{
		"{}\n{}", "[{},{}]", "{\n}", "[{\"a\":\"x\n}]", "nope\n{}", "[,]", "\xEF\xBB\xBF[1 2]", "[{}]x", `["\\"]`, "[\n {\"a\":\"\n {}]",
		"[x]\n{}\n{}", "{\n{}\n", "{}{}\n{}", "{} \n", "[\n{}\n{}", "{},\n{},\n", "[\n{\"a\":NaN},\n{}]", "{\"a\":[\n{}", "a,b\n1,2\n", "\x00\x01\n{}",
	} {
		f.Add([]byte(s))
	}
	f.Add([]byte(strings.Repeat("0", 65) + "\n0")) // a first line over the limit, then another
	f.Fuzz(func(t *testing.T, in []byte) {
		if bytes.HasPrefix(in, []byte{0x1f, 0x8b}) || bytes.HasPrefix(in, []byte{0x28, 0xb5}) {
			return
		}
		whole, err := pieces(bytes.NewReader(in), 64)
		if err != nil {
			var unsupported *UnsupportedError
			if !errors.Is(err, ErrEmpty) && !errors.As(err, &unsupported) || len(whole) > 0 {
				t.Fatal(whole, err)
			}
			return
		}
		slow, err := pieces(iotest.OneByteReader(bytes.NewReader(in)), 64)
		if err != nil || !slices.Equal(whole, slow) {
			t.Fatalf("at once %q\nby bytes %q %v", whole, slow, err)
		}
		at := int64(0)
		for v, err := range Values(bytes.NewReader(in), 0) {
			if err != nil { // one that needs more than 64 bytes to be recognized
				return
			}
			if v.Offset < at || !bytes.Equal(in[v.Offset:v.Offset+int64(len(v.Raw))], v.Raw) {
				t.Fatalf("a value at %d after %d is %q", v.Offset, at, v.Raw)
			}
			if lost := bytes.Trim(in[at:v.Offset], " \t\r\n,[]\xEF\xBB\xBF"); len(lost) > 0 {
				t.Fatalf("%q is lost before %d", lost, v.Offset)
			}
			at = v.Offset + int64(len(v.Raw))
		}
		if lost := bytes.Trim(in[at:], " \t\r\n,[]\xEF\xBB\xBF"); len(lost) > 0 {
			t.Fatalf("%q is lost at the end", lost)
		}
	})
}

func TestUnsupportedFormatsAreNamed(t *testing.T) {
	tar := "run.jsonl" + strings.Repeat("\x00", 248) + "ustar\x0000" + strings.Repeat("\x00", 248) + "{}\n{}\n"
	for _, tc := range []struct{ name, in, want string }{
		{"zip", "PK\x03\x04\x14\x00\n{}\n", "a zip archive"},
		{"SQLite", "SQLite format 3\x00\x10\x00\n{}\n", "an SQLite database"},
		{"Parquet", "PAR1\x15\x04", "a Parquet file"},
		{"W&B", ":W&B\x00\x00\x01", "a W&B run file"},
		{"xz", "\xFD7zXZ\x00\x00", "an xz file"},
		{"tar", tar, "a tar archive"},
		{"log", strings.Repeat("\x00", 16) + "\xED\xDA\x0C\xED\x02", "an explog log"},
		{"UTF-16", "\xFF\xFE{\x00}\x00", "UTF-16 or UTF-32 text"},
		{"UTF-16, big-endian", "\xFE\xFF\x00{\x00}", "UTF-16 or UTF-32 text"},
		{"UTF-16 without a mark", "\x00{\x00}", "UTF-16 or UTF-32 text"},
		{"UTF-16 without a mark, little-endian", "{\x00}\x00\n\x00", "UTF-16 or UTF-32 text"},
		{"pickle", "\x80\x04\x95\x10\x00\x00", "binary data"},
		{"NULs only", strings.Repeat("\x00", 100), "binary data"},
		{"CSV", "problem,solution,score\np,s,0.5\n", "CSV with the columns problem, solution, score"},
		{"CSV with a mark and CRLF", "\xEF\xBB\xBFa,b\r\n\"x\ny\",2\r\n", "CSV with the columns a, b"},
		{"CSV without rows", "problem,score\n", "CSV with the columns problem, score"},
		{"TSV", "a\tb\n1\t2\n", "TSV with the columns a, b"},
		{"semicolons", "a;b\n1;2\n", "CSV with semicolons with the columns a, b"},
	} {
		for how, r := range map[string]io.Reader{"at once": strings.NewReader(tc.in), "byte a read": iotest.OneByteReader(strings.NewReader(tc.in))} {
			got, err := pieces(r, 0)
			var unsupported *UnsupportedError
			if !errors.As(err, &unsupported) || unsupported.Format != tc.want || len(got) > 0 {
				t.Errorf("%s, %s: %q %v", tc.name, how, got, err)
			}
		}
		var gz bytes.Buffer
		g := gzip.NewWriter(&gz)
		g.Write([]byte(tc.in))
		g.Close()
		if _, err := pieces(&gz, 0); err == nil || err.Error() != "the input is "+tc.want+" inside gzip" {
			t.Errorf("%s in gzip: %v", tc.name, err)
		}
	}
}

// The first record does not wait for a second one.
func TestRecordsAreYieldedAsTheyCome(t *testing.T) {
	const record = `{"a":1}`
	for name, lines := range map[string][]string{
		"JSONL":        {record + "\n"},
		"bad line":     {"banner\n", record + "\n"},
		"torn line":    {"{\"a\":1\n", record + "\n"},
		"array":        {"[\n", record + ",\n"},
		"log line":     {"[INFO] start\n", record + "\n"},
		"bracket only": {"[\n", record + "\n", record + "\n"},
	} {
		r, w := io.Pipe()
		go func() {
			for _, line := range lines {
				io.WriteString(w, line)
			}
		}()
		for v, err := range Values(r, 0) {
			if err != nil {
				t.Fatal(name, err)
			}
			if string(v.Raw) == record {
				break
			}
		}
		r.Close()
	}
}

// What is read ahead to recognize the form is bounded, however long the input is.
func TestRecognizingReadsNoMoreThanOneValue(t *testing.T) {
	const limit = 1 << 20
	for name, start := range map[string]string{"text": "x\n", "object": "{\n\"a\":1,\n", "array": "[\nx\n"} {
		read := &counter{r: io.MultiReader(strings.NewReader(start), strings.NewReader(strings.Repeat("\"b\": 2,\n", limit)))}
		for range Values(read, limit) {
			break
		}
		s := splitter{window: window{src: &counter{r: strings.NewReader(start + strings.Repeat("\"b\": 2,\n", limit))}}, max: limit}
		if _, err := s.recognize(); err != nil && !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
		if got := s.src.(*counter).n; got > 2*limit+1<<17 {
			t.Errorf("%s: %d bytes were read to recognize it", name, got)
		}
	}
}

type counter struct {
	r io.Reader
	n int
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += n
	return n, err
}
