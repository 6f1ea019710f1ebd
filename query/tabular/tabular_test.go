package tabular

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/explog/explog/event"
)

// rows have what is hard for a table: separators and quotes, ends of lines, U+0000,
// other scripts, long numbers, offsets, nothing at all.
var rows = []event.Row{
	{
		ID: "7d9f3c1e-0f4b-4a65-9d5e-2f8b1c6a7e90", ClientID: "hre", RunID: "exp-1", Problem: "Leads count twice, \"again\"\r\nand; again",
		Solution: "=1+1", Score: "0.920", Timestamp: "2026-04-07T09:30:00.1234567+02:00",
		AccountSnapshot: `{"spend":86.30000000000001,"n":12345678901234567890}`, SourcesUsed: `["gtm","meta"]`, Extra: `{"tries":3}`,
	},
	{
		ID: "0b2d3c1e-0f4b-4a65-9d5e-2f8b1c6a7e91", ClientID: "hre", RunID: "exp-2", Problem: "", Solution: "\x00 مرحبا 👩‍👩‍👧 \u2028",
		Score: "-0.0", Timestamp: "0000-01-01T00:00:00Z", AccountSnapshot: `{}`, SourcesUsed: `[]`,
	},
	{
		ID: "0b2d3c1e-0f4b-4a65-9d5e-2f8b1c6a7e92", ClientID: "-x", RunID: "@y", Problem: "\tq", Solution: "＝1", Score: "9.2e-1",
		Timestamp: "9999-12-31T23:59:59.999999Z", AccountSnapshot: `{"a":[]}`, SourcesUsed: `["gtm","meta"]`,
	},
}

// each yields rows, then an error if it is not nil.
func each(rows []event.Row, end error) iter.Seq2[event.Row, error] {
	return func(yield func(event.Row, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
		if end != nil {
			yield(event.Row{}, end)
		}
	}
}

func writeCSV(t *testing.T, o Options) string {
	t.Helper()
	var out strings.Builder
	if n, err := WriteCSV(&out, each(rows, nil), o); err != nil || n != int64(len(rows)) {
		t.Fatalf("%d rows, %v", n, err)
	}
	return out.String()
}

func writeParquetFile(t *testing.T, o Options) []byte {
	t.Helper()
	var out bytes.Buffer
	if n, err := WriteParquet(&out, each(rows, nil), o); err != nil || n != int64(len(rows)) {
		t.Fatalf("%d rows, %v", n, err)
	}
	return out.Bytes()
}

func TestCSVGivesTheTextsBack(t *testing.T) {
	got, err := csv.NewReader(strings.NewReader(writeCSV(t, Options{All: true}))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{append(slices.Clone(header), "extra")}
	for _, r := range rows {
		problem := strings.ReplaceAll(r.Problem, "\r\n", "\n") // the reader's doing
		want = append(want, []string{r.ID, r.ClientID, r.RunID, problem, r.Solution, r.Score, r.Timestamp, r.AccountSnapshot, r.SourcesUsed, extra(r)})
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestCSVKeepsEveryByte(t *testing.T) {
	got := writeCSV(t, Options{})
	for _, want := range []string{
		"id,client_id,run_id,problem,solution,score,timestamp,account_snapshot,sources_used\n",
		"\"Leads count twice, \"\"again\"\"\r\nand; again\",=1+1,0.920,2026-04-07T09:30:00.1234567+02:00,",
		`"{""spend"":86.30000000000001,""n"":12345678901234567890}","[""gtm"",""meta""]"` + "\n",
		"\x00 مرحبا 👩‍👩‍👧 \u2028,-0.0,0000-01-01T00:00:00Z,{},[]\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
	if strings.Contains(got, "tries") {
		t.Error("what the schema does not know is there unasked")
	}
}

func TestFormulaSafe(t *testing.T) {
	got := writeCSV(t, Options{FormulaSafe: true})
	if !strings.HasPrefix(got, "\ufeffid,client_id,") || strings.Count(got, "\ufeff") != 1 {
		t.Errorf("no byte-order mark before %.40q", got)
	}
	if plain := writeCSV(t, Options{}); strings.Contains(plain, "\ufeff") {
		t.Errorf("a byte-order mark that nobody asked for in %.40q", plain)
	}
	for _, want := range []string{"\n0b2d3c1e-0f4b-4a65-9d5e-2f8b1c6a7e92,'-x,'@y,'\tq,'＝1,9.2e-1,", ",'=1+1,0.920,", ",-0.0,"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
	for _, text := range []string{"=", "+1", "-1", "@a", "\t", "\r", "\n", "＋", "－", "＠"} {
		cells := make([]string, len(header)+1)
		for i := range cells {
			cells[i] = text
		}
		disarm(cells)
		for i, cell := range cells {
			if isScore := i == 5; (cell == text) != isScore {
				t.Errorf("column %d: %q became %q", i, text, cell)
			}
		}
	}
	harmless := []string{"", "a=1", "'=1", " =1", "1-1", "{}", "é", "#", "％"}
	cells := slices.Clone(harmless)
	if disarm(cells); !slices.Equal(cells, harmless) {
		t.Errorf("%q became %q", harmless, cells)
	}
}

func TestParquetGivesTheRowsBack(t *testing.T) {
	file := writeParquetFile(t, Options{All: true})
	got, err := parquet.Read[fullRecord](bytes.NewReader(file), int64(len(file)))
	if err != nil || len(got) != len(rows) {
		t.Fatalf("%d rows, %v", len(got), err)
	}
	for i, r := range rows {
		g := got[i]
		back := event.Row{
			ID: g.ID, ClientID: g.ClientID, RunID: g.RunID, Problem: g.Problem, Solution: g.Solution,
			Score: r.Score, Timestamp: g.TimestampText, AccountSnapshot: g.AccountSnapshot, SourcesUsed: g.SourcesUsed, Extra: r.Extra,
		}
		if want, _ := strconv.ParseFloat(r.Score, 64); back != r || g.Score != want || g.Extra != extra(r) {
			t.Errorf("got %+v\nwant %+v", g, r)
		}
		if want, _ := event.ParseTimestamp(r.Timestamp); g.Timestamp != want.UnixMicro() {
			t.Errorf("%s came back as %d µs", r.Timestamp, g.Timestamp)
		}
	}
}

func TestParquetColumnsAreTyped(t *testing.T) {
	file := writeParquetFile(t, Options{})
	f, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	const want = `message record {
	required binary id (STRING);
	required binary client_id (STRING);
	required binary run_id (STRING);
	required binary problem (STRING);
	required binary solution (STRING);
	required double score;
	required int64 timestamp (TIMESTAMP(isAdjustedToUTC=true,unit=MICROS));
	required binary timestamp_text (STRING);
	required binary account_snapshot (JSON);
	required binary sources_used (JSON);
}`
	if got := f.Schema().String(); got != want {
		t.Errorf("got %s", got)
	}
}

func TestTheSameRowsGiveTheSameBytes(t *testing.T) {
	if !bytes.Equal(writeParquetFile(t, Options{All: true}), writeParquetFile(t, Options{All: true})) {
		t.Error("two files of the same rows differ")
	}
}

func TestErrorsArePassedOn(t *testing.T) {
	broken := errors.New("broken")
	for name, write := range map[string]func(io.Writer, iter.Seq2[event.Row, error], Options) (int64, error){"csv": WriteCSV, "parquet": WriteParquet} {
		if n, err := write(io.Discard, each(rows, broken), Options{}); !errors.Is(err, broken) || n != 3 {
			t.Errorf("%s: %d rows, %v", name, n, err)
		}
		if _, err := write(full{}, each(rows, nil), Options{}); !errors.Is(err, errFull) {
			t.Errorf("%s on a full disk: %v", name, err)
		}
		if n, err := write(io.Discard, each(nil, nil), Options{}); err != nil || n != 0 {
			t.Errorf("%s without rows: %d, %v", name, n, err)
		}
	}
}

var errFull = errors.New("full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

// What is in use while rows are written must not grow with their number.
func TestMemoryIsFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("short: 120 MB of rows are not written")
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	texts := make([]byte, 4<<20)
	for i := range texts {
		texts[i] = byte('a' + rnd.IntN(26))
	}
	var early, late uint64 // what is in use in the first third, and then
	many := func(yield func(event.Row, error) bool) {
		r := rows[0]
		for i := range 100_000 {
			at := rnd.IntN(len(texts) - 1200)
			r.Problem, r.Solution, r.RunID = string(texts[at:at+600]), string(texts[at+600:at+1200]), strconv.Itoa(i)
			if i%2_500 == 2_499 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				if i < 33_333 {
					early = max(early, m.HeapAlloc)
				} else {
					late = max(late, m.HeapAlloc)
				}
			}
			if !yield(r, nil) {
				return
			}
		}
	}
	for name, write := range map[string]func(io.Writer, iter.Seq2[event.Row, error], Options) (int64, error){"csv": WriteCSV, "parquet": WriteParquet} {
		early, late = 0, 0
		if _, err := write(io.Discard, many, Options{}); err != nil {
			t.Fatal(err)
		}
		if t.Logf("%s: %d MiB in use, later %d", name, early>>20, late>>20); late > early+early/2 {
			t.Errorf("%s: %d MiB in use for a third of the rows, %d MiB for all", name, early>>20, late>>20)
		}
	}
}

// Another reader must find the same: DuckDB and PyArrow where Python has them.
// EXPLOG_PYTHON names the interpreter.
func TestOtherToolsReadTheSame(t *testing.T) {
	python := os.Getenv("EXPLOG_PYTHON")
	if python == "" {
		python = "python3"
	}
	dir := t.TempDir()
	for name, data := range map[string]string{"t.csv": writeCSV(t, Options{All: true}), "t.parquet": string(writeParquetFile(t, Options{All: true}))} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for module, script := range map[string]string{
		"csv": `import csv, json; rows = list(csv.DictReader(open("t.csv", newline="", encoding="utf-8")))
print(json.dumps([[r["problem"], r["solution"], float(r["score"]), r["account_snapshot"], r["extra"]] for r in rows]))`,
		"duckdb": `import duckdb, json; rows = duckdb.sql("select problem, solution, score, account_snapshot, extra from 't.parquet'").fetchall()
types = dict(duckdb.sql("select column_name, column_type from (describe select * from 't.parquet')").fetchall())
assert (types["score"], types["timestamp"], types["sources_used"]) == ("DOUBLE", "TIMESTAMP WITH TIME ZONE", "JSON"), types
print(json.dumps(rows))`,
		"pyarrow": `import pyarrow as pa, pyarrow.parquet as pq, json; t = pq.read_table("t.parquet")
assert t.schema.field("timestamp").type == pa.timestamp("us", "UTC") and t.schema.field("score").type == pa.float64(), t.schema
text = lambda c: t[c].cast(pa.string()).to_pylist()
print(json.dumps([list(r) for r in zip(text("problem"), text("solution"), t["score"].to_pylist(), text("account_snapshot"), text("extra"))]))`,
	} {
		t.Run(module, func(t *testing.T) {
			if err := exec.Command(python, "-c", "import "+module).Run(); err != nil {
				t.Skipf("%s has no %s: not tested", python, module)
			}
			cmd := exec.Command(python, "-c", script)
			cmd.Dir = dir
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			var got [][]any
			if err := json.Unmarshal(out, &got); err != nil || len(got) != len(rows) {
				t.Fatalf("%v in %s", err, out)
			}
			for i, r := range rows {
				score, _ := strconv.ParseFloat(r.Score, 64)
				if want := []any{r.Problem, r.Solution, score, r.AccountSnapshot, extra(r)}; !reflect.DeepEqual(got[i], want) {
					t.Errorf("got %q\nwant %q", got[i], want)
				}
			}
		})
	}
}
