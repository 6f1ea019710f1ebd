package narrative

import (
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// write makes a file and returns its path.
func write(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// say returns narratives as "line:id=flag text".
func say(set Set) []string {
	var said []string
	for _, n := range set.Narratives {
		flag := "?"
		if n.Flag != nil {
			flag = fmt.Sprint(*n.Flag)
		}
		said = append(said, fmt.Sprintf("%d:%s=%s %s", n.Line, n.ID, flag, n.Text))
	}
	return said
}

func TestWhatAFileHolds(t *testing.T) {
	for _, tc := range []struct {
		name, file, in string
		cols           Columns
		want           []string
	}{
		{"CSV", "a.csv", "narrative_id,narrative_text,manual_flag\nA,one,TRUE\nB,two,FALSE\n", Columns{}, []string{"2:A=true one", "3:B=false two"}},
		{"no last line break", "a.csv", "id,text\nA,one", Columns{}, []string{"2:A=? one"}},
		{"CRLF", "a.csv", "id,text,flag\r\nA,one,1\r\nB,\"two\r\nlines\",0\r\nC,three,\r\n", Columns{}, []string{"2:A=true one", "3:B=false two\r\nlines", "5:C=? three"}},
		{"line ends of old Macs", "a.csv", "id,text,flag\rA,one,1\r", Columns{}, []string{"2:A=true one"}},
		{"byte order mark", "a.csv", "\xEF\xBB\xBFid,text\nA,one\n", Columns{}, []string{"2:A=? one"}},
		{"quotes and breaks in a field", "a.csv", "id,text,flag\nA,\"he said \"\"no\"\",\nshe left\",1\nB,two,0\n", Columns{}, []string{"2:A=true he said \"no\",\nshe left", "4:B=false two"}},
		{"other order, other columns", "a.csv", "age,flag,text,id,note\n39,yes,one,A,x\n", Columns{}, []string{"2:A=true one"}},
		{"blank lines", "a.csv", "\nid,text\n\nA,one\n\n", Columns{}, []string{"4:A=? one"}},
		{"blank texts", "a.csv", "id,text\nA,\nB,\"  \n \"\n", Columns{}, []string{"2:A=? ", "3:B=? "}},
		{"space around", "a.csv", "id , text,flag\n A\u00a0, one , yes \n", Columns{}, []string{"2:A=true  one "}},
		{"no flags", "a.csv", "id,text,alcohol\nA,one,1\n", Columns{}, []string{"2:A=? one"}},
		{"asked by name", "a.csv", "id,key,text,flag,alcohol\nA,K,one,1,0\n", Columns{ID: []string{"key"}, Flag: "alcohol"}, []string{"2:K=false one"}},
		{"asked in another case", "a.csv", "id,Story\nA,one\n", Columns{Text: "STORY"}, []string{"2:A=? one"}},
		{"usual names in their order", "a.csv", "id,IncidentID,incident_id,text,narrative,label\nA,B,C,one,two,1\n", Columns{}, []string{"2:C=true two"}},
		{"the case that is asked for", "a.csv", "ID,id,text\nA,B,one\n", Columns{}, []string{"2:B=? one"}},
		{"exactly before in another case", "a.csv", "NARRATIVE_ID,id,text\nA,B,one\n", Columns{}, []string{"2:B=? one"}},
		{"all in another case", "a.csv", "Incident_ID,Narrative,Manual_Flag_Ind\nA,one,T\n", Columns{}, []string{"2:A=true one"}},
		{"TSV", "a.tsv", "id\ttext\tflag\nA\tone, two\tF\nB\t\"a\ttab\"\tY\n", Columns{}, []string{"2:A=false one, two", "3:B=true a\ttab"}},
		{"ending in capitals", "A.CSV", "id,text\nA,one\n", Columns{}, []string{"2:A=? one"}},
		{
			"JSONL", "a.jsonl", `{"id":"A","text":"one\n\"two\"","flag":true}` + "\n\n" + `{"flag":0,"id":17,"text":"two"}` + "\r\n" + `{"text":"","id":1.50,"more":{"a":[1]}}`,
			Columns{},
			[]string{"1:A=true one\n\"two\"", "3:17=false two", "4:1.50=? "},
		},
		{"JSONL with strings as flags", "a.ndjson", `{"id":"A","text":"one","flag":"NA"}` + "\n" + `{"id":"B","text":null,"flag":"Yes"}` + "\n" + `{"id":"C","text":"x","flag":null}`, Columns{}, []string{"1:A=? one", "2:B=true ", "3:C=? x"}},
		{"a flag in the last line alone", "a.jsonl", `{"id":"A","text":"one"}` + "\n" + `{"id":"B","text":"two","manual_flag":1.0}`, Columns{}, []string{"1:A=? one", "2:B=true two"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Read(write(t, tc.file, tc.in), tc.cols)
			if err != nil || !slices.Equal(say(got), tc.want) {
				t.Errorf("got  %q\nwant %q\nerror %v", say(got), tc.want, err)
			}
		})
	}
}

func TestLabels(t *testing.T) {
	for label, want := range map[string]string{
		"TRUE": "true", "true": "true", "True": "true", "T": "true", "yes": "true", "Y": "true", "1": "true", "1.0": "true",
		"FALSE": "false", "false": "false", "f": "false", "No": "false", "N": "false", "0": "false", "0.0": "false",
		"": "?", " ": "?", "NA": "?", "n/a": "?", "NULL": "?", "None": "?",
		"2": "fault", "-1": "fault", "maybe": "fault", "TRUE.": "fault", "0.5": "fault", "yes and no": "fault", "x": "fault", "?": "fault", "10": "fault",
	} {
		set, err := Read(write(t, "a.csv", "id,text,flag\nA,one,"+label+"\n"), Columns{})
		got := "fault"
		if err == nil {
			got, _, _ = strings.Cut(strings.TrimPrefix(say(set)[0], "2:A="), " ")
		} else if want := fmt.Sprintf(":2: flag: the flag %q is neither", label); !strings.Contains(err.Error(), want) {
			t.Errorf("label %q: %v does not say %s", label, err, want)
		}
		if got != want {
			t.Errorf("label %q is %s, want %s", label, got, want)
		}
	}
}

func TestFaultsNameLineAndColumn(t *testing.T) {
	for _, tc := range []struct {
		name, file, in string
		cols           Columns
		want           []string // how each line of the error begins behind the path
	}{
		{"empty", "a.csv", "", Columns{}, []string{" the file is empty"}},
		{"blank", "a.jsonl", "\xEF\xBB\xBF \r\n\n", Columns{}, []string{" the file is empty"}},
		{"header alone", "a.csv", "id,text\n", Columns{}, []string{" the file has a header and no narratives"}},
		{"missing columns", "a.csv", "number,story\n1,x\n", Columns{}, []string{
			`1: no column narrative_id or incident_id or IncidentID or id, which would hold the id; the columns are "number", "story"`,
			`1: no column narrative_text or narrative or text, which would hold the text; the columns are "number", "story"`,
		}},
		{"a flag that is asked for", "a.csv", "id,text\n1,x\n", Columns{Flag: "burn"}, []string{`1: no column burn, which would hold the flag; the columns are "id", "text"`}},
		{"JSONL without a key", "a.jsonl", `{"id":1,"story":"x"}`, Columns{}, []string{` no column narrative_text or narrative or text, which would hold the text; the columns are "id", "story"`}},
		{"JSONL without keys", "a.jsonl", `{}`, Columns{ID: []string{"key"}}, []string{" no column key, which would hold the id; the columns are none at all", " no column narrative_text"}},
		{"JSONL without a key in one line", "a.jsonl", "{\"id\":1,\"text\":\"x\"}\n{\"id\":2}\n{\"text\":\"x\"}", Columns{}, []string{"2: text: the narrative has no text", "3: id: the id is blank"}},
		{"vertical bars", "a.csv", "id|text|flag\n1|x|1\n", Columns{}, []string{`1: no column narrative_id`, `1: no column narrative_text or narrative or text, which would hold the text; the columns are "id|text|flag"; columns are separated by commas or semicolons`}},
		{"a column twice", "a.csv", "id,text,id\n1,x,2\n", Columns{}, []string{`1: two columns are called "id"`}},
		{"a column twice in other cases", "a.csv", "Id,text,ID\n1,x,2\n", Columns{}, []string{`1: two columns are called "Id"`}},
		{"duplicate ids", "a.csv", "id,text\nA,x\nB,\"y\nz\"\n A ,x\n", Columns{}, []string{`5: id: the id "A" stands on line 2 already`}},
		{"duplicate ids in JSONL", "a.jsonl", "{\"id\":\"1\",\"text\":\"\"}\n{\"id\":1,\"text\":\"\"}", Columns{}, []string{`2: id: the id "1" stands on line 1 already`}},
		{"blank ids", "a.csv", "id,text\n,x\n \u00a0,y\n", Columns{}, []string{"2: id: the id is blank", "3: id: the id is blank"}},
		{"ragged rows", "a.csv", "id,text,flag\nA,x\nB,y,1,\nC,z,0\n", Columns{}, []string{"2: the row has 2 fields, the header 3", "3: the row has 4 fields, the header 3"}},
		{"a quote inside", "a.csv", "id,text\nA,he said \"no\"\nB,y\n", Columns{}, []string{"2: a quote stands inside a field that does not begin with one, at byte 11"}},
		{"a quote not doubled", "a.csv", "id,text\nA,\"x\nthe \"old\" man\"\n", Columns{}, []string{"2: a quoted field in this row does not end as it should (line 3, byte 5)"}},
		{"a quote not closed", "a.csv", "id,text\nA,x\nB,\"y\nC,z\n", Columns{}, []string{"3: a quoted field in this row does not end as it should"}},
		{"Windows-1252", "a.csv", "id,text\nA,x\nB,caf\xe9\n", Columns{}, []string{"3: bytes that are not UTF-8; was the file saved as Windows-1252 or Latin-1?"}},
		{"Windows-1252 in JSONL", "a.jsonl", "{\"id\":1,\"text\":\"caf\xe9\"}\n{\"id\":2,\"text\":\"x\"}", Columns{}, []string{"1: bytes that are not UTF-8"}},
		{"UTF-16", "a.csv", "\xFF\xFEi\x00d\x00", Columns{}, []string{" the file is UTF-16"}},
		{"UTF-16 without a mark", "a.csv", "i\x00d\x00,\x00", Columns{}, []string{" the file is UTF-16"}},
		{"NUL", "a.csv", "id,text\nA,x\x00y\n", Columns{}, []string{"2: a NUL byte"}},
		{"no JSON", "a.jsonl", "{\"id\":1,\"text\":\"x\"}\n{'id':2}\nid,text\n", Columns{}, []string{"2: not JSON:", "3: not JSON:"}},
		{"all lines bad", "a.jsonl", "{\"id\":1,\"te\n", Columns{}, []string{"1: not JSON:"}},
		{"half a line", "a.jsonl", "{\"id\":1,\"text\":\"x\"}\n{\"id\":2,", Columns{}, []string{"2: the JSON ends in the middle"}},
		{"no object", "a.jsonl", "[{\"id\":1}]\n7\n", Columns{}, []string{"1: want one JSON object a line", "2: want one JSON object a line"}},
		{"two on a line", "a.jsonl", `{"id":1,"text":"x"} {"id":2}`, Columns{}, []string{"1: something stands behind the object"}},
		{"a key twice", "a.jsonl", `{"id":1,"id":2,"text":"x"}`, Columns{}, []string{`1: not JSON: duplicate object member name, at byte 8`}},
		{"wrong types", "a.jsonl", `{"id":true,"text":5,"flag":[]}`, Columns{}, []string{"1: id: want an id, a text or a number; got \"true\"", "1: text: want a text, got \"5\"", `1: flag: the flag "[]"`}},
		{"several at once", "a.csv", "id,text,flag\nA,x,perhaps\n,y,1\nA,z\nA,z,2\n", Columns{}, []string{`2: flag: the flag "perhaps"`, "3: id: the id is blank", "4: the row has 2 fields", `5: id: the id "A" stands on line 2`, `5: flag: the flag "2"`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := write(t, tc.file, tc.in)
			set, err := Read(path, tc.cols)
			var invalid *InvalidError
			if !errors.As(err, &invalid) || set.Narratives != nil {
				t.Fatalf("got %v, %v; want an InvalidError", say(set), err)
			}
			lines := strings.Split(err.Error(), "\n")
			for i, line := range lines {
				lines[i] = strings.TrimPrefix(line, path+":")
			}
			if len(lines) != len(tc.want) {
				t.Fatalf("%d faults, want %d:\n%v", len(lines), len(tc.want), err)
			}
			for i, want := range tc.want {
				if !strings.HasPrefix(lines[i], want) {
					t.Errorf("fault %d\n is   %s\n want %s", i, lines[i], want)
				}
			}
		})
	}
}

func TestManyFaultsAreCounted(t *testing.T) {
	_, err := Read(write(t, "a.csv", "id,text,flag\n"+strings.Repeat("A,x,"+strings.Repeat("é", 1000)+"\n", 50)), Columns{})
	var invalid *InvalidError
	if !errors.As(err, &invalid) || len(invalid.Faults) != 50+49 {
		t.Fatalf("want 50 bad flags and 49 ids that are taken, got %v", err)
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != maxShown+1 || lines[maxShown] != "and 79 more" {
		t.Errorf("%d lines, the last is %q", len(lines), lines[len(lines)-1])
	}
	if len(err.Error()) > 10_000 {
		t.Errorf("the error has %d bytes", len(err.Error()))
	}
}

func TestPackedFiles(t *testing.T) {
	const content = "id,text\nA,one\n"
	var zipped strings.Builder
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, packed := range map[string]string{
		"a.csv.gz": zipped.String(), "a.csv.zst": string(enc.EncodeAll([]byte(content), nil)),
		"a.csv": zipped.String(), "plain.csv.gz": content,
	} {
		set, err := Read(write(t, name, packed), Columns{})
		if err != nil || !slices.Equal(say(set), []string{"2:A=? one"}) {
			t.Errorf("%s: %q %v", name, say(set), err)
		}
	}
	if _, err := Read(write(t, "cut.csv.gz", zipped.String()[:20]), Columns{}); err == nil || !strings.Contains(err.Error(), "unpack gzip") {
		t.Errorf("a cut file: %v", err)
	}
}

func TestTheLabelIsTheColumnOfTheFlags(t *testing.T) {
	for flag, want := range map[string]string{"": "Label", "ALCOHOL": "alcohol"} {
		set, err := Read(write(t, "a.csv", "id,text,Label,alcohol\nA,one,1,0\n"), Columns{Flag: flag})
		if err != nil || set.Label != want {
			t.Errorf("asked for %q: label %q, error %v, want %q", flag, set.Label, err, want)
		}
	}
	set, err := Read(write(t, "a.csv", "id,text\nA,one\n"), Columns{})
	if err != nil || set.Label != "" {
		t.Errorf("without flags: label %q, error %v", set.Label, err)
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	if _, err := Read(filepath.Join(t.TempDir(), "none.csv"), Columns{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	folder := filepath.Join(t.TempDir(), "folder.csv")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(folder, Columns{}); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("a folder: %v", err)
	}
	for _, name := range []string{"a", "a.gz", "a.json"} {
		if _, err := Read(write(t, name, "id,text\nA,one\n"), Columns{}); err == nil || !strings.Contains(err.Error(), "ends in .csv, .tsv or .jsonl") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRealNarratives reads files of other people's, which are no part of the
// project.
func TestRealNarratives(t *testing.T) {
	folder := os.Getenv("EXPLOG_REAL_DATA")
	if folder == "" {
		t.Skip("EXPLOG_REAL_DATA names no folder with real narratives")
	}
	for _, tc := range []struct {
		file          string
		cols          Columns
		yes, no, open int
	}{
		{"ipv-narratives.csv", Columns{}, 15, 15, 0},
		{"neiss-narratives.csv", Columns{Flag: "alcohol"}, 44, 657, 831},
	} {
		set, err := Read(filepath.Join(folder, tc.file), tc.cols)
		if err != nil {
			t.Error(err)
			continue
		}
		var yes, no, open int
		for _, n := range set.Narratives {
			switch {
			case n.Flag == nil:
				open++
			case *n.Flag:
				yes++
			default:
				no++
			}
		}
		if yes != tc.yes || no != tc.no || open != tc.open {
			t.Errorf("%s: %d yes, %d no, %d open; want %d, %d, %d", tc.file, yes, no, open, tc.yes, tc.no, tc.open)
		}
	}
}

// FuzzParse: whatever a file holds, there are narratives with distinct ids, or
// faults; and nothing takes a label for another one.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"id,text,flag\nA,one,1\nB,\"t\"\"w\no\",NA\n", "id\ttext\r\nA\tone\r\n", "\xEF\xBB\xBFid,text\rA,x",
		"{}", `{"id":1,"text":"x","flag":true}` + "\n" + `{"id":"\u00e9","text":null}`, "id,text\nA,\"x", "id;text\n\xff,\x00",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, name := range []string{"a.csv", "a.tsv", "a.jsonl"} {
			parse, err := parserFor(name, "")
			if err != nil {
				t.Fatal(err)
			}
			set, err := newFile(name, string(data), parse).Select(Columns{})
			list := set.Narratives
			if (err == nil) != (len(list) > 0) {
				t.Fatalf("%d narratives and error %v", len(list), err)
			}
			seen := make(map[string]bool)
			for i, n := range list {
				if n.ID == "" || seen[n.ID] || n.Line < 1 || i > 0 && n.Line <= list[i-1].Line {
					t.Fatalf("%s: narrative %d is %+v", name, i, n)
				}
				seen[n.ID] = true
			}
		}
	})
}
