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
		{"UTF-16", "\xFF\xFE{\x00}\x00", []string{"1:0 !not_utf8 \xFF\xFE{\x00}\x00"}},
		{"UTF-16 without a mark", "\x00{\x00}", []string{"1:0 !not_utf8 \x00{\x00}"}},
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
			if !errors.Is(err, ErrEmpty) {
				t.Fatal(err)
			}
			return
		}
		slow, err := pieces(iotest.OneByteReader(bytes.NewReader(in)), 64)
		if err != nil || !slices.Equal(whole, slow) {
			t.Fatalf("at once %q\nby bytes %q %v", whole, slow, err)
		}
		at := int64(0)
		for v, err := range Values(bytes.NewReader(in), 0) {
			if err != nil {
				t.Fatal(err)
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
