package narrative

import (
	"archive/zip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// This file takes workbooks of Excel apart: Office Open XML (ECMA-376, part 1, section
// 18), a zip archive of XML. It reads what a sheet shows as a table, and computes
// nothing: of a formula it takes the value that was saved.

const (
	zipMagic = "PK\x03\x04"
	oleMagic = "\xD0\xCF\x11\xE0" // of files in the old format, and of encrypted ones

	maxPart = 1 << 30 // bytes of a part of the archive, unpacked
)

// parseXLSX takes a sheet of a workbook apart; an empty name: the first.
func parseXLSX(data, sheet string, f *faults) table {
	b, err := openWorkbook(data)
	if err != nil {
		f.add(0, "", "%v", err)
		return table{}
	}
	from, err := b.sheet(sheet)
	if err != nil {
		f.add(0, "", "%v", err)
		return table{}
	}
	t, err := b.readSheet(from.part)
	t.sheet = from.name
	switch {
	case err != nil:
		f.add(0, "", "the sheet cannot be read: %v", err)
		return table{}
	case t.header == nil:
		f.add(0, "", "the sheet is empty; want narratives, one a row")
	}
	return t
}

// workbook is an archive, and what all of its sheets share.
type workbook struct {
	parts  map[string]*zip.File // by path, in lower case
	sheets []sheetEntry
	shared []string // texts, by number
	dates  []bool   // whether a style shows a number as a date, by number
	from   dateSystem
}

// sheetEntry is a sheet as the workbook lists it.
type sheetEntry struct {
	name, part string
}

// openWorkbook reads all but the sheets.
func openWorkbook(data string) (*workbook, error) {
	if strings.HasPrefix(data, oleMagic) {
		return nil, errors.New("the workbook is in the old format of Excel, or has a password; save it as .xlsx without one")
	}
	archive, err := zip.NewReader(strings.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("the file is no workbook of Excel: %w", err)
	}
	b := &workbook{parts: make(map[string]*zip.File)}
	for _, file := range archive.File {
		b.parts[partPath("", file.Name)] = file
	}
	main := "xl/workbook.xml"
	for _, r := range b.relations("_rels/.rels", "") {
		if r.is("officeDocument") {
			main = r.Target
		}
	}
	if err := b.readMain(main); err != nil {
		return nil, fmt.Errorf("the file is no workbook of Excel: %w", err)
	}
	return b, nil
}

// readMain reads the part that lists the sheets, and what it refers to.
func (b *workbook) readMain(main string) error {
	var list struct {
		Properties struct {
			Date1904 string `xml:"date1904,attr"`
		} `xml:"workbookPr"`
		Sheets []struct {
			Name string `xml:"name,attr"`
			ID   string `xml:"http://schemas.openxmlformats.org/officeDocument/2006/relationships id,attr"`
			// Strict Open XML has another name for the same.
			StrictID string `xml:"http://purl.oclc.org/ooxml/officeDocument/relationships id,attr"`
		} `xml:"sheets>sheet"`
	}
	if err := b.decode(main, &list); err != nil {
		return err
	}
	if v := list.Properties.Date1904; v == "1" || v == "true" {
		b.from = since1904
	}
	dir, name := path.Split(main)
	worksheets := make(map[string]string)
	for _, r := range b.relations(dir+"_rels/"+name+".rels", dir) {
		var err error
		switch {
		case r.is("worksheet"):
			worksheets[r.ID] = r.Target
		case r.is("sharedStrings"):
			b.shared, err = b.readShared(r.Target)
		case r.is("styles"):
			b.dates, err = b.readStyles(r.Target)
		}
		if err != nil {
			return err
		}
	}
	for _, s := range list.Sheets {
		if part, ok := worksheets[s.ID+s.StrictID]; ok { // a sheet may be a chart
			b.sheets = append(b.sheets, sheetEntry{s.Name, part})
		}
	}
	return nil
}

// sheet returns a sheet; an empty name: the first.
func (b *workbook) sheet(name string) (sheetEntry, error) {
	var names []string
	for _, s := range b.sheets {
		if name == "" || s.name == name {
			return s, nil
		}
		names = append(names, quote(s.name))
	}
	if names == nil {
		return sheetEntry{}, errors.New("the workbook has no sheets with cells")
	}
	return sheetEntry{}, fmt.Errorf("the workbook has no sheet %s; it has %s", quote(name), strings.Join(names, ", "))
}

// relation says that a part refers to another.
type relation struct {
	ID     string `xml:"Id,attr"`
	Type   string `xml:"Type,attr"`
	Target string `xml:"Target,attr"` // its path in the archive
}

func (r relation) is(kind string) bool { return path.Base(r.Type) == kind }

// relations returns the relations of a part, whose targets are relative to a folder. A
// part may have none.
func (b *workbook) relations(part, dir string) []relation {
	var list struct {
		Relations []relation `xml:"Relationship"`
	}
	if b.decode(part, &list) != nil {
		return nil // what is missing shows where it is needed
	}
	for i, r := range list.Relations {
		list.Relations[i].Target = partPath(dir, r.Target)
	}
	return list.Relations
}

// partPath returns the path of a part in the archive.
func partPath(dir, name string) string {
	name = strings.ToLower(strings.ReplaceAll(name, `\`, "/"))
	if !strings.HasPrefix(name, "/") {
		name = "/" + dir + name
	}
	return strings.TrimPrefix(path.Clean(name), "/")
}

// open opens a part.
func (b *workbook) open(part string) (io.ReadCloser, error) {
	file := b.parts[partPath("", part)]
	if file == nil {
		return nil, fmt.Errorf("it has no %s", part)
	}
	r, err := file.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", part, err)
	}
	return struct {
		io.Reader
		io.Closer
	}{&limited{r, maxPart}, r}, nil
}

// limited is a reader that fails behind a number of bytes.
type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, fmt.Errorf("more than %d MiB unpacked", maxPart>>20)
	}
	return n, err
}

// decode reads a small part.
func (b *workbook) decode(part string, v any) error {
	r, err := b.open(part)
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // it is only read
	if err := xml.NewDecoder(r).Decode(v); err != nil {
		return fmt.Errorf("%s: %w", part, err)
	}
	return nil
}
