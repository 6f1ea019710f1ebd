// Package narrative reads labelled narratives: texts to be judged, each with an id
// and, where somebody judged it by hand, a flag.
//
// A file is CSV, TSV or JSONL, by its ending (.csv, .tsv, .jsonl or .ndjson, with
// .gz or .zst behind it where it is packed), in UTF-8. CSV and TSV have a header
// and are quoted as RFC 4180 says; a line break inside a field is read as \n. JSONL
// has one object a line. Columns that are not asked for by name are found by their
// usual ones.
//
// Flags are true, t, yes, y, 1, 1.0 and false, f, no, n, 0, 0.0, in any case. NA,
// N/A, null, none and nothing mean that nobody judged the narrative. Any other
// label is a fault: it is never taken for a no.
//
// What is wrong with a file is reported all at once, each fault with its line.
package narrative

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/explog/explog/event/input"
)

// Narrative is one text to be judged.
type Narrative struct {
	ID   string // not empty, without white space around it; unique in its file
	Text string // may be empty
	Flag *bool  // as set by hand; nil: nobody judged it
	Line int    // where its row begins in the file, from 1
}

// Set is what a file holds.
type Set struct {
	Label      string // the name of the column with the flags; empty: there is none
	Narratives []Narrative
}

// Columns are the names of the columns that make up a narrative. An empty name
// stands for the first of the usual ones that the file has:
//
//	ID    narrative_id, incident_id, IncidentID, id
//	Text  narrative_text, narrative, text
//	Flag  manual_flag, manual_flag_ind, flag, label
//
// Upper and lower case matter only where the file has the name in both. A file
// without any of the usual flag columns has no judged narratives.
type Columns struct {
	ID, Text, Flag string
}

// Read reads the narratives of a file, in its order. There is at least one.
//
// The error is an [InvalidError] with every fault of the file, or one of reading.
func Read(path string, cols Columns) (Set, error) {
	parse, err := parserFor(path)
	if err != nil {
		return Set{}, err
	}
	data, err := read(path)
	if err != nil {
		return Set{}, err
	}
	return narrativesOf(data, parse, cols, path)
}

// narrativesOf takes the content of a file apart.
func narrativesOf(data []byte, parse parser, cols Columns, path string) (Set, error) {
	var f faults
	data = bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF"))
	if !f.addEncoding(data) {
		return Set{}, f.err(path)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		f.add(0, "", "the file is empty; want narratives, one a row")
		return Set{}, f.err(path)
	}
	set := parse(data, &f).narratives(cols, &f)
	if err := f.err(path); err != nil {
		return Set{}, err
	}
	return set, nil
}

// parser takes the bytes of one format apart.
type parser func([]byte, *faults) table

// parserFor picks the format by the file's ending.
func parserFor(path string) (parser, error) {
	name := strings.ToLower(path)
	switch ending := filepath.Ext(name); ending {
	case ".gz", ".zst":
		name = strings.TrimSuffix(name, ending)
	}
	switch filepath.Ext(name) {
	case ".csv":
		return func(data []byte, f *faults) table { return parseSeparated(data, ',', f) }, nil
	case ".tsv":
		return func(data []byte, f *faults) table { return parseSeparated(data, '\t', f) }, nil
	case ".jsonl", ".ndjson":
		return parseJSONL, nil
	}
	return nil, fmt.Errorf("%s: want narratives in a file that ends in .csv, .tsv or .jsonl (with .gz or .zst where it is packed)", path)
}

// read returns a file's content, unpacked.
func read(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s is a folder; want a file", path)
	}
	plain, done, err := input.Unpack(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer done()
	data, err := io.ReadAll(plain)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}

// addEncoding adds a fault for each line that is no UTF-8 text. It returns false
// where there is no use in looking at the lines.
func (f *faults) addEncoding(data []byte) bool {
	if utf16(data) {
		f.add(0, "", "the file is UTF-16; convert it first, for example with iconv -f UTF-16 -t UTF-8")
		return false
	}
	number := 0
	for line := range bytes.Lines(data) {
		number++
		switch {
		case !utf8.Valid(line):
			f.add(number, "", "bytes that are not UTF-8; was the file saved as Windows-1252? "+
				"then convert it first, for example with iconv -f WINDOWS-1252 -t UTF-8")
		case bytes.IndexByte(line, 0) >= 0:
			f.add(number, "", "a NUL byte: the file is damaged, or no text")
		}
	}
	return true
}

// utf16 reports whether the content begins like UTF-16: with its mark, or with a
// NUL beside the first character.
func utf16(data []byte) bool {
	return bytes.HasPrefix(data, []byte("\xFF\xFE")) || bytes.HasPrefix(data, []byte("\xFE\xFF")) ||
		len(data) > 1 && (data[0] == 0) != (data[1] == 0)
}
