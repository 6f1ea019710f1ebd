package narrative

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestFilesOfRAndPython(t *testing.T) {
	for _, tc := range []struct {
		name, file, in string
		cols           Columns
		want           []string
	}{
		{"write.csv, with row names", "a.csv", "\"\",\"id\",\"text\",\"flag\"\n\"1\",\"A\",\"he said \"\"no\"\"\",TRUE\n\"2\",\"B\",NA,FALSE\n", Columns{}, []string{`2:A=true he said "no"`, "3:B=false "}},
		{"write.csv2", "a.csv", "\"\";\"id\";\"text\";\"flag\";\"score\"\n\"1\";\"A\";\"one; two, \"\"three\"\"\";TRUE;0,5\n\"2\";\"B\";NA;NA;1,5\n", Columns{}, []string{`2:A=true one; two, "three"`, "3:B=? "}},
		{"semicolons, and commas in the header", "a.csv", "id;text;flag, manual\nA;one, two;1\n", Columns{Flag: "flag, manual"}, []string{"2:A=true one, two"}},
		{"commas, and semicolons in the header", "a.csv", "id,text,flag,a;b;c;d;e;f\nA,one; two,1,x\n", Columns{}, []string{"2:A=true one; two"}},
		{"write.table, with row names and without a name for them", "a.tsv", "\"id\"\t\"text\"\t\"flag\"\n\"1\"\t\"A\"\t\"one\"\tTRUE\n\"2\"\t\"B\"\t\"two\"\tNA\n", Columns{}, []string{"2:A=true one", "3:B=? two"}},
		{"write.table escapes quotes", "a.tsv", "\"id\"\t\"text\"\n\"A\"\t\"he said \\\"no\\\"\"\n\"B\"\t\"C:\\\"\n\"C\"\t\"a\ttab\"\n", Columns{}, []string{`2:A=? he said "no"`, `3:B=? C:\`, "4:C=? a\ttab"}},
		{"every field quoted, quotes doubled", "a.tsv", "\"id\"\t\"text\"\n\"A\"\t\"he said \"\"no\"\"\"\n\"B\"\t\"\"\n", Columns{}, []string{`2:A=? he said "no"`, "3:B=? "}},
		{"quoted where it is needed", "a.tsv", "id\ttext\nA\t\"he said \"\"no\"\"\"\nB\t\"a\ttab\"\nC\tplain\n", Columns{}, []string{`2:A=? he said "no"`, "3:B=? a\ttab", "4:C=? plain"}},
		{"a quote that is never closed is text", "a.tsv", "id\ttext\tflag\n1\t\"He left\t1\n2\tand said \"go\"\t0\n3\tfoo\"\t1\n", Columns{}, []string{`2:1=true "He left`, `3:2=false and said "go"`, `4:3=true foo"`}},
		{"a whole text in quotes is text", "a.tsv", "id\ttext\nA\t\"Help\"\nB\tfive feet, 6\"\n", Columns{}, []string{`2:A=? "Help"`, `3:B=? five feet, 6"`}},
		{"quotes in whole columns, none in the header", "a.tsv", "id\ttext\tflag\n\"A\"\t\"he \\\"said\\\" \"\"no\"\"\"\t1\n\"B\"\tNA\t0\n\"C\"\t\"\"\tNA\n", Columns{}, []string{`2:A=true he "said" "no"`, "3:B=false ", "4:C=? "}},
		{"quotes in a part of a column are text", "a.tsv", "id\ttext\nA\t\"one\"\nB\ttwo\nC\t\"three\"\n", Columns{}, []string{`2:A=? "one"`, "3:B=? two", `4:C=? "three"`}},
		{"CRLF in TSV", "a.tsv", "id\ttext\r\nA\tone\r\n", Columns{}, []string{"2:A=? one"}},
		{"NA is a missing text", "a.jsonl", "{\"id\":1,\"text\":\" NA \"}\n{\"id\":2,\"text\":\"NA or not\"}", Columns{}, []string{"1:1=? ", "2:2=? NA or not"}},
		{"an id of two columns", "a.csv", "IncidentID,type,text\n1,le,one\n1,cme,two\n", Columns{ID: []string{"incidentid", "type"}}, []string{"2:1:le=? one", "3:1:cme=? two"}},
		{"row numbers without quotes, between tabs", "a.tsv", "id\ttext\tflag\n1\tA\tone\tTRUE\n2\tB\ttwo\tNA\n", Columns{}, []string{"2:A=true one", "3:B=? two"}},
		{"the separator in the first line, as for Excel", "a.csv", "sep=;\r\nid;text;flag\r\nA;one, two;1\r\n", Columns{}, []string{"3:A=true one, two"}},
		{"the separator in the first line, and it is a tab", "a.csv", "\"sep=\t\"\nid\ttext\tflag\nA\tone\t1\n", Columns{}, []string{"3:A=true one"}},
		{"rows of separators alone", "a.csv", "id,text,flag\n,,\nA,one,1\n   \n , ,\n", Columns{}, []string{"3:A=true one"}},
		{"rows of tabs alone", "a.tsv", "id\ttext\n\t\nA\tone\n  \n", Columns{}, []string{"3:A=? one"}},
		{"what programs write for missing texts", "a.csv", "id,text\n1,N/A\n2,<NA>\n3,NaN\n4,NULL\n5,null or void\n", Columns{}, []string{"2:1=? ", "3:2=? ", "4:3=? ", "5:4=? ", "6:5=? null or void"}},
		{"flags that became decimal numbers", "a.csv", "id;text;flag\n1;one;1,0\n2;two;0,0\n3;three;nan\n4;four;<NA>\n", Columns{}, []string{"2:1=true one", "3:2=false two", "4:3=? three", "5:4=? four"}},
		{"an id of numbers", "a.jsonl", `{"a":1,"b":"x","text":"one"}`, Columns{ID: []string{"b", "a"}}, []string{"1:x:1=? one"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Read(write(t, tc.file, tc.in), tc.cols)
			if err != nil || !slices.Equal(say(got), tc.want) {
				t.Errorf("got  %q\nwant %q\nerror %v", say(got), tc.want, err)
			}
		})
	}
}

func TestFaultsOfFilesOfRAndPython(t *testing.T) {
	for _, tc := range []struct {
		name, file, in string
		cols           Columns
		want           []string // in the error's lines
	}{
		{"several labels", "a.csv", "id,text,manual_flag,manual_flag_ind\nA,one,1,0\n", Columns{}, []string{`:1: several columns can be the label: "manual_flag", "manual_flag_ind"; name one of them with flag_column`}},
		{"several labels in other cases", "a.csv", "id,text,Label,FLAG\nA,one,1,0\n", Columns{}, []string{`:1: several columns can be the label: "Label", "FLAG"`}},
		{"the same label twice", "a.csv", "id,text,flag,flag\nA,one,1,0\n", Columns{}, []string{`:1: several columns can be the label: "flag", "flag"`}},
		{"a row of write.csv2 too short", "a.csv", "\"id\";\"text\";\"flag\"\n\"A\";\"one\"\n", Columns{}, []string{":2: the row has 2 fields, the header 3, with semicolons between them"}},
		{"no usual column in write.csv2", "a.csv", "\"case\";\"story\"\n\"A\";\"one\"\n", Columns{}, []string{`:1: no column narrative_id or incident_id or IncidentID or id, which would hold the id; the columns are "case", "story". Name the right one with id_column`, "text_column"}},
		{"a quoted field over two lines of TSV", "a.tsv", "id\ttext\tflag\nA\t\"one\ntwo\"\t1\n", Columns{}, []string{":2: the row has 2 fields, the header 3, with tabs between them; a field with a tab or a line break in it cannot be read", ":3: the row has 2 fields"}},
		{"the same in a file that quotes all", "a.tsv", "\"id\"\t\"text\"\n\"A\"\t\"one\ntwo\"\n", Columns{}, []string{":2: a quoted field does not end on its line"}},
		{"a tab too many in TSV", "a.tsv", "id\ttext\nA\tone\ttwo\n", Columns{}, []string{":2: the row has 3 fields, the header 2, with tabs between them; a row is one line"}},
		{"a column without a name", "a.csv", ",text\n1,one\n", Columns{}, []string{`the columns are "", "text"; a column without a name needs one in the file. Name the right one with id_column`}},
		{"rows with a comma too many are no row names", "a.csv", "id,text\n7,one,two\n8,three,four\n", Columns{}, []string{":2: the row has 3 fields", ":3: the row has 3 fields"}},
		{"a comma too many in each row", "a.csv", "id,text,flag\n1,“one, two”,1\n2,three, four,0\n", Columns{}, []string{":2: the row has 4 fields", ":3: the row has 4 fields"}},
		{"a comma at the end of each row", "a.csv", "\"id\",\"text\",\"flag\"\n\"1\",\"one\",TRUE,\n\"2\",\"two\",FALSE,\n", Columns{}, []string{":2: the row has 4 fields, the header 3, with commas between them; delete the one at the end of the row", ":3:"}},
		{"a tab at the end of each row", "a.tsv", "id\ttext\n1\tone\t\n2\ttwo\t\n", Columns{}, []string{":2: the row has 3 fields, the header 2, with tabs between them; delete the one at the end of the row", ":3:"}},
		{"ids that a spreadsheet has shortened", "a.csv", "id,text\n2.01901E+11,one\n2e3,two\n", Columns{}, []string{`:2: id: the id "2.01901E+11" is a number that a spreadsheet has shortened`}},
		{"errors of a spreadsheet", "a.csv", "id,text\n1,#NAME?\n#N/A,two\n2,#3\n", Columns{}, []string{`:2: text: the cell has the error "#NAME?" instead of a text`, `:3: id: the cell has the error "#N/A" instead of an id`}},
		{"quotes escaped with a backslash", "a.csv", "id,text\n1,\"he said \\\"no\\\" twice\"\n", Columns{}, []string{`a quote in it is written "", not \"`}},
		{"tabs in a .csv", "a.csv", "id\ttext\nA\tone\n", Columns{}, []string{`the columns are "id\ttext"; columns are separated by commas or semicolons in a .csv file, by tabs in a .tsv file`, "narrative_text"}},
		{"an archive", "a.csv", "PK\x03\x04xx", Columns{}, []string{" the file is a zip archive, as .xlsx files are"}},
		{"a blank part of an id", "a.csv", "a,b,text\nA,,one\n", Columns{ID: []string{"a", "b"}}, []string{":2: b: the id is blank"}},
		{"a part of an id that is not there", "a.csv", "a,b,text\nA,,one\n", Columns{ID: []string{"a", "c"}}, []string{":1: no column c, which would hold the id"}},
		{"ids that become the same", "a.csv", "a,b,text\nx:y,z,one\nx,y:z,two\n", Columns{ID: []string{"a", "b"}}, []string{`:3: a: the id "x:y:z" stands on line 2 already`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Read(write(t, tc.file, tc.in), tc.cols)
			lines := strings.Split(fmt.Sprint(err), "\n")
			if len(lines) != len(tc.want) {
				t.Fatalf("%d faults, want %d:\n%v", len(lines), len(tc.want), err)
			}
			for i, want := range tc.want {
				if !strings.Contains(lines[i], want) {
					t.Errorf("fault %d\n is   %s\n want %s", i, lines[i], want)
				}
			}
		})
	}
}

// What stands in quotes is the same in CSV and in JSONL.
func TestLineBreaksAreKept(t *testing.T) {
	for name, in := range map[string]string{
		"a.csv": "id,text\r\n1,\"one\r\ntwo\nthree\rfour\"\r\n", "a.jsonl": `{"id":1,"text":"one\r\ntwo\nthree\rfour"}`,
	} {
		set, err := Read(write(t, name, in), Columns{})
		if err != nil || set.Narratives[0].Text != "one\r\ntwo\nthree\rfour" {
			t.Errorf("%s: %q %v", name, say(set), err)
		}
	}
}

func TestAFileIsReadOnceForAllItsColumns(t *testing.T) {
	f, err := Open(write(t, "a.csv", "id,text,burn,alcohol\nA,one,1,0\n"), "")
	if err != nil {
		t.Fatal(err)
	}
	for column, want := range map[string]string{"burn": "2:A=true one", "alcohol": "2:A=false one", "": "2:A=? one"} {
		set, err := f.Select(Columns{Flag: column})
		if err != nil || say(set)[0] != want || set.Label != column || set.Text != "text" || !slices.Equal(set.IDs, []string{"id"}) {
			t.Errorf("%s: %+v %v", column, set, err)
		}
	}
	for range 2 { // the faults of one selection are not those of another
		if _, err := f.Select(Columns{Flag: "none"}); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("a column that is not there: %v", err)
		}
	}
}

func TestOnlyWorkbooksHaveSheets(t *testing.T) {
	_, err := Read(write(t, "a.csv", "id,text\nA,one\n"), Columns{Sheet: "x"})
	if err == nil || !strings.Contains(err.Error(), "only .xlsx files have sheets") {
		t.Error(err)
	}
}

// Package encoding/csv writes; what was written is read, but for its own line breaks in
// fields, which it writes as they are.
func TestCSVComesBack(t *testing.T) {
	field := rapid.StringMatching(`[a-z",;\t \r\n]{0,12}`)
	rapid.Check(t, func(t *rapid.T) {
		separator := rapid.SampledFrom([]rune{',', ';'}).Draw(t, "separator")
		texts := rapid.SliceOfN(field, 1, 6).Draw(t, "texts")
		var b strings.Builder
		w := csv.NewWriter(&b)
		w.Comma = separator
		rows := [][]string{{"id", "text", "flag"}}
		for i, text := range texts {
			rows = append(rows, []string{fmt.Sprint(i), text, "1"})
		}
		if err := w.WriteAll(rows); err != nil {
			t.Fatal(err)
		}
		set, err := newFile("a.csv", b.String(), ofText(parseCSV)).Select(Columns{})
		if err != nil {
			t.Fatal(err)
		}
		for i, n := range set.Narratives {
			if want := texts[i]; n.Text != want && strings.TrimSpace(want) != "" {
				t.Fatalf("%q became %q in\n%s", want, n.Text, b.String())
			}
		}
	})
}

// TestTheSameInBothForms reads a narrative with CRLF in it from two files of other
// people's.
func TestTheSameInBothForms(t *testing.T) {
	folder := os.Getenv("EXPLOG_REAL_DATA")
	if folder == "" {
		t.Skip("EXPLOG_REAL_DATA names no folder with real narratives")
	}
	texts := make(map[string]bool)
	for _, name := range []string{"crlf.csv", "crlf.jsonl"} {
		set, err := Read(filepath.Join(folder, "cases", "csv-crlf", name), Columns{})
		if err != nil {
			t.Fatal(err)
		}
		texts[set.Narratives[0].Text] = true
	}
	if len(texts) != 1 || !texts["line one\r\nline two"] {
		t.Errorf("%v", texts)
	}
}
