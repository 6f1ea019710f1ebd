package explog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/explog/explog/event"
)

// pieces hands out a text in pieces of given sizes, over and over.
type pieces struct {
	text  string
	sizes []int
	n     int
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.text == "" {
		return 0, io.EOF
	}
	size := min(p.sizes[p.n%len(p.sizes)], len(p.text), len(b))
	p.n++
	copy(b, p.text[:size])
	p.text = p.text[size:]
	return size, nil
}

// limited sets the limit for a record.
func limited(l *Logger, bytes int) *Logger {
	l.opts.MaxRecord = bytes
	return l
}

// capture captures a text and returns what passed by and what was saved.
func capture(t interface{ Fatal(...any) }, l *Logger, in io.Reader) (string, ImportReport) {
	var passed bytes.Buffer
	report, err := l.Capture(ctx, in, CaptureOptions{Client: "c", Run: "r", Source: "s", Pass: &passed})
	if err != nil {
		t.Fatal(err)
	}
	return passed.String(), report
}

func TestCaptureSortsLines(t *testing.T) {
	const good = `{"problem":"p","solution":"s","score":0.5}`
	big := strings.Repeat("x", 3000)
	for name, c := range map[string]struct {
		in, passed             string
		saved, rejected, dupes int64
	}{
		"records among other lines":     {"a\n" + good + "\nb\n", "a\nb\n", 1, 0, 0},
		"identical records are two":     {good + "\n" + good + "\n", "", 2, 0, 0},
		"an id twice is a duplicate":    {strings.Repeat(`{"id":"7d9f3c1e-0f4b-4a65-9d5e-2f8b1c6a7e90",`+good[1:]+"\n", 2), "", 1, 0, 1},
		"white space around":            {" \t" + good + " \r\n", "", 1, 0, 0},
		"a byte order mark":             {"\xEF\xBB\xBF" + good + "\n", "", 1, 0, 0},
		"no newline at the end":         {good, "", 1, 0, 0},
		"progress that is overwritten":  {"10 %\r20 %\r" + good + "\n30 %\r\n", "10 %\r20 %\r30 %\r\n", 1, 0, 0},
		"other objects pass":            {`{"level":"info"}` + "\n" + `{"problem":"p"}` + "\n{}\n[1]\n", `{"level":"info"}` + "\n" + `{"problem":"p"}` + "\n{}\n[1]\n", 0, 0, 0},
		"text that begins with a brace": {"{hello\n{\n", "{hello\n{\n", 0, 0, 0},
		"no solution":                   {`{"problem":"p","score":1}` + "\n", "", 0, 1, 0},
		"another client":                {`{"client_id":"d",` + good[1:] + "\n", "", 0, 1, 0},
		"a score that is no number":     {`{"problem":"p","solution":"s","score":"high"}` + "\n", "", 0, 1, 0},
		"NaN passes and is kept":        {`{"problem":"p","solution":"s","score":NaN}` + "\nx\n", `{"problem":"p","solution":"s","score":NaN}` + "\nx\n", 0, 1, 0},
		"half a line at the end":        {good + "\n" + `{"problem":"p","sol`, `{"problem":"p","sol`, 1, 1, 0},
		"half a text at the end":        {"bye", "bye", 0, 0, 0},
		"blank lines":                   {"\n\n  \n" + good + "\n\n", "\n\n  \n\n", 1, 0, 0},
		"no records at all":             {"", "", 0, 0, 0},
		"binary":                        {"\x00\xff{\x00\n\xfe{" + good + "\n" + good + "\n", "\x00\xff{\x00\n\xfe{" + good + "\n", 1, 0, 0},
		"a line over the limit":         {`{"problem":"` + big + `","solution":"s","score":1}` + "\n" + good + "\n", `{"problem":"` + big + `","solution":"s","score":1}` + "\n", 1, 1, 0},
		"a text over the limit":         {"{" + big + "\n" + good + "\n", "{" + big + "\n", 1, 0, 0},
		"much white space":              {strings.Repeat(" ", 5000) + "x\n" + good + "\n", strings.Repeat(" ", 5000) + "x\n", 1, 0, 0},
	} {
		for _, sizes := range [][]int{{1 << 20}, {1}, {7, 1, 100}} {
			l := limited(open(t, t.TempDir()), 2000)
			passed, r := capture(t, l, &pieces{text: c.in, sizes: sizes})
			if passed != c.passed || r.New != c.saved || r.Rejected != c.rejected || r.Duplicate != c.dupes || r.Conflicting != 0 {
				t.Errorf("%s, in pieces of %v: passed %.80q, %+v", name, sizes, passed, r)
			}
		}
	}
}

// However the output comes in pieces, the same is saved and the same passes.
func TestCaptureDoesNotDependOnPieces(t *testing.T) {
	parts := []string{
		`{"problem":"p 1","solution":"s","score":0.5}`, `{"problem":"p 2","score":0.5}`, `{"problem":"p","score":`, "{", "}", " ", "\n", "\n", "\r", "text",
		"\x00", "\xEF\xBB\xBF", strings.Repeat("y", 50), `{"problem":"` + strings.Repeat("z", 120) + `"}`,
	}
	rapid.Check(t, func(t *rapid.T) {
		in := strings.Join(rapid.SliceOf(rapid.SampledFrom(parts)).Draw(t, "parts"), "")
		sizes := rapid.SliceOfN(rapid.IntRange(1, 60), 1, 5).Draw(t, "sizes")
		dir, err := os.MkdirTemp("", "capture-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		var passed [2]string
		var reports [2]ImportReport
		for i, in := range []io.Reader{strings.NewReader(in), &pieces{text: in, sizes: sizes}} {
			l, err := Open(fmt.Sprintf("%s/%d", dir, i), Options{MaxRecord: 100})
			if err != nil {
				t.Fatal(err)
			}
			passed[i], reports[i] = capture(t, l, in)
		}
		if passed[0] != passed[1] || reports[0] != reports[1] {
			t.Fatalf("whole: %q, %+v; in pieces: %q, %+v", passed[0], reports[0], passed[1], reports[1])
		}
	})
}

func TestARunThatPrintsTheSameAgainAddsNothing(t *testing.T) {
	l := open(t, t.TempDir())
	const line = `{"problem":"p","solution":"s","score":0.5}` + "\n"
	if _, r := capture(t, l, strings.NewReader(line+line)); r.New != 2 {
		t.Fatalf("%+v", r)
	}
	if _, r := capture(t, l, strings.NewReader(line+line+line)); r.New != 1 || r.Duplicate != 2 {
		t.Errorf("again: %+v", r)
	}
	report, err := l.Capture(ctx, strings.NewReader(line), CaptureOptions{Client: "c", Run: "another"})
	if err != nil || report.New != 1 {
		t.Errorf("in another run: %+v, %v", report, err)
	}
}

// A record is durable soon after it was printed, though the program goes on.
func TestCaptureSavesBeforeTheEnd(t *testing.T) {
	l := open(t, t.TempDir())
	read, write := io.Pipe()
	saved := make(chan string)
	ended := make(chan error)
	go func() {
		o := CaptureOptions{Client: "c", Run: "r", Gather: 20 * time.Millisecond, OnResult: func(r ImportResult) { saved <- r.ID }}
		_, err := l.Capture(ctx, read, o)
		ended <- err
	}()
	for n := range 3 {
		fmt.Fprintf(write, `{"problem":"p %d","solution":"s","score":0.5}`+"\n", n)
		if _, err := l.Find(ctx, <-saved); err != nil {
			t.Error(err)
		}
	}
	write.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A program that prints faster than it can be saved costs few commits.
func TestCaptureGathers(t *testing.T) {
	l := open(t, t.TempDir())
	var in strings.Builder
	for n := range 5000 {
		fmt.Fprintf(&in, `{"problem":"p %d","solution":"s","score":0.5}`+"\n", n)
	}
	if _, r := capture(t, l, strings.NewReader(in.String())); r.New != 5000 {
		t.Fatalf("%+v", r)
	}
	report, err := l.Verify(ctx)
	if err != nil || report.Log.Blocks > 500 {
		t.Errorf("%d blocks, %v", report.Log.Blocks, err)
	}
}

func TestCaptureEndsWithItsContext(t *testing.T) {
	l := open(t, t.TempDir())
	read, write := io.Pipe()
	defer write.Close()
	ctx, cancel := context.WithCancel(ctx)
	var once sync.Once
	go fmt.Fprint(write, `{"problem":"p","solution":"s","score":0.5}`+"\n"+`{"problem":"half`)
	report, err := l.Capture(ctx, read, CaptureOptions{Client: "c", Run: "r", OnResult: func(ImportResult) { once.Do(cancel) }})
	if !errors.Is(err, context.Canceled) || report.New != 1 {
		t.Errorf("%+v, %v", report, err)
	}
}

// What cannot be saved is not lost with it: it is handed on, all of it where the
// caller says so, else what was read.
func TestCaptureHandsOnWhatTheStoreRefuses(t *testing.T) {
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := Open(file, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var in strings.Builder
	for n := range 5000 {
		fmt.Fprintf(&in, `{"problem":"p %d","solution":"s","score":0.5}`+"\n", n)
	}
	for _, onFailure := range []func(error){nil, func(error) {}} {
		read, write := io.Pipe()
		written := make(chan int)
		go func() {
			n, _ := io.WriteString(write, in.String())
			write.Close()
			written <- n
		}()
		var passed bytes.Buffer
		_, err = l.Capture(ctx, read, CaptureOptions{Client: "c", Run: "r", Pass: &passed, OnFailure: onFailure})
		read.Close() // a program would get SIGPIPE now
		n := <-written
		if onFailure != nil && n < in.Len() {
			t.Errorf("it read %d bytes of %d", n, in.Len())
		}
		if err == nil || passed.Len() == 0 || !strings.HasPrefix(in.String(), passed.String()) || n > passed.Len()+100<<10 {
			t.Errorf("%v; read %d bytes, handed on %d: %.60q", err, n, passed.Len(), passed.String())
		}
		if onFailure != nil && passed.String() != in.String() {
			t.Errorf("handed on %d bytes of %d", passed.Len(), in.Len())
		}
	}
}

// What waits to be saved is bounded in bytes; one record over the bound is not shut
// out by it.
func TestRecordsThatWaitAreBounded(t *testing.T) {
	k := keeper{}
	k.room.L = &k.mu
	large := captured{item: item{raw: make([]byte, mostWaiting+1)}}
	k.take(len(large.raw))
	taken := make(chan struct{})
	go func() {
		k.take(1)
		close(taken)
	}()
	select {
	case <-taken:
		t.Error("there was room for more")
	case <-time.After(50 * time.Millisecond):
	}
	k.free([]captured{large}, false)
	<-taken
}

func TestRunsAreKept(t *testing.T) {
	l := open(t, t.TempDir())
	id, err := l.StartRun(ctx, event.RunStarted{RunID: "r", Client: "c", Attempt: 1, Command: []string{"python", "loop.py"}, Host: "h", Dir: "/x"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.StartRun(ctx, event.RunStarted{RunID: "r", Attempt: 2, Command: []string{"python"}}); err != nil {
		t.Fatal(err)
	}
	end := event.RunEnded{Start: id, Outcome: event.RunKilled, ExitCode: -1, Signal: "killed", New: 3, Rejected: 1}
	if err := l.EndRun(ctx, end); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		var got []string
		for run, err := range l.Runs(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprint(run.RunID, run.Client, run.Attempt, run.Command, run.Host, run.Dir, run.ID == id))
			if run.ID == id && (run.End == nil || run.End.Signal != "killed" || run.End.New != 3 || run.End.Ended.Before(run.Started)) {
				t.Errorf("its end: %+v", run.End)
			}
			if run.ID != id && run.End != nil {
				t.Errorf("an end: %+v", run.End)
			}
		}
		if want := []string{"rc1 [python loop.py]h/xtrue", "r2 [python]false"}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%q", got)
		}
		if _, err := l.Rebuild(ctx); err != nil {
			t.Fatal(err)
		}
	}
}
