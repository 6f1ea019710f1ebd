package narrative

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/explog/explog/event/input"
)

// parser takes the content of one format apart.
type parser func(data string, f *faults) table

// parserFor picks the format by the file's ending.
func parserFor(path, sheet string) (parser, error) {
	name := strings.ToLower(path)
	switch ending := filepath.Ext(name); ending {
	case ".gz", ".zst":
		name = strings.TrimSuffix(name, ending)
	}
	ending := filepath.Ext(name)
	if sheet != "" && ending != ".xlsx" {
		return nil, fmt.Errorf("%s: sheet %s is asked for, and only .xlsx files have sheets", path, quote(sheet))
	}
	switch ending {
	case ".csv":
		return ofText(parseCSV), nil
	case ".tsv":
		return ofText(parseTSV), nil
	case ".jsonl", ".ndjson":
		return ofText(parseJSONL), nil
	case ".xlsx":
		return func(data string, f *faults) table { return parseXLSX(data, sheet, f) }, nil
	case ".xls":
		return nil, fmt.Errorf("%s is in the old format of Excel; save it as .xlsx or .csv", path)
	}
	return nil, fmt.Errorf("%s: want narratives in a file that ends in .csv, .tsv or .jsonl (with .gz or .zst where it is packed), or in .xlsx", path)
}

// ofText is a parser of a format that is text.
func ofText(parse parser) parser {
	return func(data string, f *faults) table {
		data = strings.TrimPrefix(data, "\xEF\xBB\xBF")
		switch {
		case !f.addEncoding(data):
			return table{}
		case strings.TrimSpace(data) == "":
			f.add(0, "", "the file is empty; want narratives, one a row")
			return table{}
		}
		return parse(data, f)
	}
}

// newFile takes the content of a file apart.
func newFile(path, data string, parse parser) *File {
	f := &File{path: path}
	f.table = parse(data, &f.faults)
	return f
}

// read returns a file's content, unpacked.
func read(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = errors.New("it is a folder; want a file")
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	plain, done, err := input.Unpack(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	defer done()
	var data strings.Builder
	data.Grow(int(info.Size()) + 1) // that texts point into it later saves a copy
	if _, err := io.Copy(&data, plain); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return data.String(), nil
}

// addEncoding adds a fault for each line that is no UTF-8 text. It returns false
// where there is no use in looking at the lines.
func (f *faults) addEncoding(data string) bool {
	switch {
	case strings.HasPrefix(data, zipMagic):
		f.add(0, "", "the file is a zip archive, as .xlsx files are; if it is one, name it so")
		return false
	case isUTF16(data):
		f.add(0, "", "the file is UTF-16; convert it first, for example with iconv -f UTF-16 -t UTF-8")
		return false
	case utf8.ValidString(data) && strings.IndexByte(data, 0) < 0:
		return true
	}
	number := 0
	for line := range strings.Lines(data) {
		number++
		switch {
		case !utf8.ValidString(line):
			f.add(number, "", "bytes that are not UTF-8; was the file saved as Windows-1252 or Latin-1? "+
				"then convert it first, for example with iconv -f WINDOWS-1252 -t UTF-8")
		case strings.IndexByte(line, 0) >= 0:
			f.add(number, "", "a NUL byte: the file is damaged, or no text")
		}
	}
	return true
}

// isUTF16 reports whether the content begins like UTF-16: with its mark, or with a
// NUL beside the first character.
func isUTF16(data string) bool {
	return strings.HasPrefix(data, "\xFF\xFE") || strings.HasPrefix(data, "\xFE\xFF") ||
		len(data) > 1 && (data[0] == 0) != (data[1] == 0)
}
