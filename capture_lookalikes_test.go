package explog

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// lookalikes returns what capture says of lines that look like records, as
// "line text".
func lookalikes(t *testing.T, l *Logger, in io.Reader, terminal bool) ([]string, ImportReport) {
	var told []string
	var passed bytes.Buffer
	report, err := l.Capture(ctx, in, CaptureOptions{
		Client: "c", Run: "r", Pass: &passed, Terminal: terminal,
		OnLookalike: func(line int64, text string) { told = append(told, fmt.Sprintf("%d %s", line, text)) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return told, report
}

func TestLinesThatLookLikeRecordsAreTold(t *testing.T) {
	const good = `{"problem":"p","solution":"s","score":0.5}`
	const nested = `{"event":"x","data":` + good + `}`
	long := strings.Repeat("x", 300)
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"nothing":                 {"hello\n" + good + "\n{\"level\":\"info\"}\n", nil},
		"progress dots":           {"." + good + "\n." + good + "\n", []string{"1 ." + good, "2 ." + good}},
		"a prompt":                {"name? " + good, []string{"1 name? " + good}},
		"a log prefix":            {"x\n2024-05-01 INFO root: " + good + "\n", []string{"2 2024-05-01 INFO root: " + good}},
		"escape sequences":        {"\x1b[32m" + good + "\x1b[0m\n", []string{"1 \x1b[32m" + good + "\x1b[0m"}},
		"written over":            {"1/3 [##]\r\x1b[2K" + good + "\n", []string{"1 \x1b[2K" + good}},
		"CRLF":                    {"." + good + "\r\n", []string{"1 ." + good}},
		"a list":                  {"[" + good + "]\n", []string{"1 [" + good + "]"}},
		"a Python dict":           {"{'problem': 'p', 'score': 1}\n", []string{"1 {'problem': 'p', 'score': 1}"}},
		"a Python object":         {"Record(problem='p', score=1)\n", []string{"1 Record(problem='p', score=1)"}},
		"inside another object":   {nested + "\n", []string{"1 " + nested}},
		"inside a string":         {`{"msg":"{\"problem\":\"p\",\"score\":1}"}` + "\n", []string{`1 {"msg":"{\"problem\":\"p\",\"score\":1}"}`}},
		"a comma behind":          {good + ",\n", nil}, // kept as a reject
		"on several lines":        {"{\n  \"problem\": \"p\",\n  \"solution\": \"s\",\n  \"score\": 1\n}\n", []string{`2   "problem": "p",`}},
		"two on several lines":    {strings.Repeat("{\n\"score\": 1,\n\"problem\": \"p\"\n}\n", 2), []string{`2 "score": 1,`, `6 "score": 1,`}},
		"a pretty-printed dict":   {"[{'problem': 'p',\n  'score': 1}]\n", []string{"1 [{'problem': 'p',"}},
		"keys of two objects":     {"{\n\"problem\": 1\n}\n{\n\"score\": 1\n}\n", nil},
		"a record between":        {"\"problem\": 1\n" + good + "\n\"score\": 1\n", nil},
		"prose":                   {"the problem is that the score is low\nproblems 3, score: 7\n", nil},
		"a rejected line":         {`{"problem":"p","score":1}` + "\n", nil},
		"a long line":             {"x" + long + good + "\n", []string{"1 x" + long[:shownOfLine-1] + "…"}},
		"keys a long way apart":   {".{\"problem\":\"" + strings.Repeat("y", 70<<10) + "\",\"score\":1}\n", []string{"1 .{\"problem\":\"" + strings.Repeat("y", shownOfLine-13) + "…"}},
		"a key of one, then line": {".\"problem\"\n.\"score\"\n", nil},
	} {
		for _, sizes := range [][]int{{1 << 20}, {1}, {7, 1, 100}} {
			got, _ := lookalikes(t, open(t, t.TempDir()), &pieces{text: c.in, sizes: sizes}, false)
			if !slices.Equal(got, c.want) {
				t.Errorf("%s, in pieces of %v:\n got %q\nwant %q", name, sizes, got, c.want)
			}
		}
	}
}

// From a terminal, records are found among escape sequences.
func TestCaptureFromATerminal(t *testing.T) {
	const good = `{"problem":"p","solution":"s","score":0.5}`
	coloured := "\x1b[1;39m{\x1b[0m\x1b[34;1m\"problem\"\x1b[0m:\x1b[0;32m\"p\"\x1b[0m,\"solution\":\"s\",\"score\":\x1b[0;39m0.5\x1b[0m}\x1b[0m"
	for name, c := range map[string]struct {
		in, passed      string
		saved, rejected int64
	}{
		"coloured":               {coloured + "\n", "", 1, 0},
		"a line that is cleared": {"1/3\r\x1b[2K" + good + "\r\n", "1/3\r", 1, 0},
		"a title":                {"\x1b]0;run 1\x07" + good + "\n\x1b]0;run 2\x1b\\" + good + "\n", "", 2, 0},
		"reset by tput":          {"\x1b(B\x1b[m\x0f" + good + "\x1b(B\x1b[m\n", "", 1, 0},
		"private sequences":      {"\x1b[?25l\x1b7\x1b>" + good + "\x1b[?25h\n", "", 1, 0},
		"other lines pass":       {"\x1b[32mok\x1b[0m\n\x1b[0m\n\x1b", "\x1b[32mok\x1b[0m\n\x1b[0m\n\x1b", 0, 0},
		"no solution":            {"\x1b[0m{\"problem\":\"p\",\"score\":1}\n", "", 0, 1},
		"not closed":             {"\x1b]" + strings.Repeat("t", 5000) + "\n" + good + "\n", "\x1b]" + strings.Repeat("t", 5000) + "\n", 1, 0},
		"text before":            {"\x1b[0m." + good + "\n", "\x1b[0m." + good + "\n", 0, 0},
	} {
		for _, sizes := range [][]int{{1 << 20}, {1}, {3, 1, 100}} {
			l := open(t, t.TempDir())
			var passed bytes.Buffer
			r, err := l.Capture(ctx, &pieces{text: c.in, sizes: sizes}, CaptureOptions{Client: "c", Run: "r", Pass: &passed, Terminal: true})
			if err != nil || passed.String() != c.passed || r.New != c.saved || r.Rejected != c.rejected {
				t.Errorf("%s, in pieces of %v: %v, passed %.80q, %+v", name, sizes, err, passed.String(), r)
			}
		}
	}
	told, r := lookalikes(t, open(t, t.TempDir()), strings.NewReader(coloured), false)
	if len(told) != 1 || r.Read != 0 {
		t.Errorf("not from a terminal: %q, %+v", told, r)
	}
}

func FuzzWithoutEscapes(f *testing.F) {
	for _, s := range []string{"\x1b[0m{}", "\x1b]0;t\x07x", "\x1b(B", "\x1b", "\x1b[", "\x1b]\x1b", "\x1b\x1b[m", "a\x0fb"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		plain := withoutEscapes(line)
		if bytes.ContainsAny(plain, "\x1b"+silent) {
			t.Fatalf("%q becomes %q", line, plain)
		}
		if !bytes.ContainsAny(line, "\x1b"+silent) && !bytes.Equal(plain, line) {
			t.Fatalf("%q becomes %q", line, plain)
		}
	})
}

// Each line has one answer, in the order of the lines.
func TestEveryLineIsAnswered(t *testing.T) {
	const good = `{"problem":"p","solution":"s","score":0.5}`
	in := strings.Join([]string{
		"hello", good, "", `{"problem":"p","score":1}`, "5 %\r" + good, "{'problem':1,'score':1}", `{"problem":"p","score":NaN}`,
		`{"problem":"` + strings.Repeat("x", 3000) + `","solution":"s","score":1}`, "\r", good, `{"problem":`,
	}, "\n")
	want := []string{
		"1 passed", "2 new", "3 passed", "4 rejected", "5 new", "6 passed", "7 rejected", "8 rejected", "9 passed", "10 new", "11 rejected",
	}
	for _, end := range []string{"", "\n", "\n\n"} {
		for _, sizes := range [][]int{{1 << 20}, {1}, {7, 1, 100}} {
			var got []string
			l := limited(open(t, t.TempDir()), 2000)
			_, err := l.Capture(ctx, &pieces{text: in + end, sizes: sizes}, CaptureOptions{
				Client: "c", Run: "r",
				OnResult: func(r ImportResult) { got = append(got, fmt.Sprint(r.Line, " ", r.Status)) },
				OnPassed: func(line int64) { got = append(got, fmt.Sprint(line, " passed")) },
			})
			want := want
			switch end {
			case "\n":
				want = append(want[:10:10], "11 passed")
			case "\n\n":
				want = append(want[:10:10], "11 passed", "12 passed")
			}
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("ending with %q, in pieces of %v: %v\n got %q\nwant %q", end, sizes, err, got, want)
			}
		}
	}
}
