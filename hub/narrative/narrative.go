// Package narrative reads labelled narratives: texts to be judged, each with an id
// and, where somebody judged it by hand, a flag.
//
// The format of a file follows from its ending, with .gz or .zst behind it where it is
// packed. Text is in UTF-8.
//
//	.csv             a header, and fields between commas or semicolons, quoted as RFC 4180 says
//	.tsv             a header, and fields between tabs, one row a line
//	.jsonl, .ndjson  one JSON object a line
//	.xlsx            the first sheet, or the one that is asked for, with a header
//
// A quoted field of CSV may span lines; its bytes are kept, those of line breaks too.
// Fields of TSV are taken as they are, quotes too, unless the file quotes consistently:
// all names of the header, as R does, or exactly the fields that have a tab or a quote in
// them, as Python does. Where rows are numbered and the header has no name for that, as
// in files of R, the numbers are a column without a name. A first line sep=; names the
// separator of CSV. Rows without any text are left out.
//
// Columns that are not asked for by name are found by their usual ones. NA, N/A, <NA>,
// NaN and NULL, in this spelling, are missing texts.
//
// Flags are true, t, yes, y, 1, 1.0 and false, f, no, n, 0, 0.0, in any case. NA, <NA>,
// NaN, N/A, null, none and nothing mean that nobody judged the narrative. Any other
// label is a fault: it is never taken for a no. Errors of a spreadsheet, such as #NAME?,
// and ids that it has shortened, such as 2.01901E+11, are faults too.
//
// What is wrong with a file is reported all at once, each fault with its line.
package narrative

// Narrative is one text to be judged.
type Narrative struct {
	ID   string // not empty, without white space around it; unique in its file
	Text string // may be empty
	Flag *bool  // as set by hand; nil: nobody judged it
	Line int    // where its row begins in the file, from 1
}

// Set is what a file holds.
type Set struct {
	Sheet      string   // of a workbook that was read
	IDs        []string // the names of the columns with the ids
	Text       string   // the name of the column with the texts
	Label      string   // the name of the column with the flags; empty: there is none
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
// without any of the usual flag columns has no judged narratives; one with several
// is a fault, because each may hold other flags.
type Columns struct {
	ID         []string // several: an id is made of what they hold, with : between them
	Text, Flag string
	Sheet      string // of an .xlsx file; empty: the first
}

// File is a file of narratives that was read. Its columns can be selected several times.
type File struct {
	path   string
	table  table
	faults faults
}

// Open reads a file. The sheet is for .xlsx alone; empty: the first.
//
// The error is one of reading. What is wrong with the rows is the error of Select.
func Open(path, sheet string) (*File, error) {
	parse, err := parserFor(path, sheet)
	if err != nil {
		return nil, err
	}
	data, err := read(path)
	if err != nil {
		return nil, err
	}
	return newFile(path, data, parse), nil
}

// Select returns the narratives in some columns, in the order of the file. There is at
// least one. The sheet has no meaning here.
//
// The error is an [InvalidError] with every fault of the file.
func (f *File) Select(cols Columns) (Set, error) {
	found := f.faults[:len(f.faults):len(f.faults)]
	set := f.table.narratives(cols, &found)
	if err := found.err(f.path); err != nil {
		return Set{}, err
	}
	return set, nil
}

// Read reads the narratives of a file: see [Open] and [File.Select].
func Read(path string, cols Columns) (Set, error) {
	f, err := Open(path, cols.Sheet)
	if err != nil {
		return Set{}, err
	}
	return f.Select(cols)
}
