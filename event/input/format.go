package input

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// UnsupportedError means that the input is in a format that is not read as records.
type UnsupportedError struct {
	Format  string // with its article: a zip archive, CSV
	Packing string // gzip or zstd, where the file is inside that; else empty
	// Convert is a command that makes the records of FILE importable, or says in
	// words what to do; empty where nothing is known.
	Convert string
}

func (e *UnsupportedError) Error() string {
	if e.Packing != "" {
		return fmt.Sprintf("the input is %s inside %s", e.Format, e.Packing)
	}
	return "the input is " + e.Format
}

func (s *splitter) unsupported(f format) error {
	return &UnsupportedError{Format: f.name, Packing: s.packing, Convert: f.convert}
}

// format is one that is recognized and not read.
type format struct {
	name    string
	magic   string
	at      int // where the magic bytes stand
	convert string
}

const importInput = " | explog import --file -"

var utf16Format = format{name: "UTF-16 or UTF-32 text", convert: "iconv -f UTF-16 -t UTF-8 FILE" + importInput}

var binaryFormat = format{name: "binary data", convert: "convert it to JSONL first, one object a line"}

// formats are recognized by the bytes at a fixed place, which are those that
// file(1) looks at.
var formats = []format{
	{name: "a zip archive", magic: "PK\x03\x04", convert: "unzip -p FILE NAME.jsonl" + importInput},
	{name: "an empty zip archive", magic: "PK\x05\x06"},
	{
		name: "an SQLite database", magic: "SQLite format 3\x00",
		convert: `sqlite3 -json FILE "SELECT * FROM TABLE"` + importInput + " (or, if it is a view of explog: explog --dir FOLDER export)",
	},
	{name: "a Parquet file", magic: "PAR1", convert: `duckdb -c "COPY (FROM 'FILE') TO '/dev/stdout' (FORMAT json)"` + importInput},
	{name: "a W&B run file", magic: ":W&B", convert: "convert it to JSONL first, with the Python package wandb"},
	{name: "an xz file", magic: "\xFD7zXZ\x00", convert: "xz -dc FILE" + importInput},
	{name: "a bzip2 file", magic: "BZh", convert: "bzip2 -dc FILE" + importInput},
	{name: "an lz4 file", magic: "\x04\x22\x4D\x18", convert: "lz4 -dc FILE" + importInput},
	{name: "a gzip file", magic: "\x1F\x8B", convert: "gzip -dc FILE" + importInput},
	{name: "a zstd file", magic: "\x28\xB5\x2F\xFD", convert: "zstd -dc FILE" + importInput},
	{name: "a 7z archive", magic: "7z\xBC\xAF\x27\x1C", convert: "7z x -so FILE NAME.jsonl" + importInput},
	{name: "a tar archive", magic: "ustar", at: 257, convert: "tar -xOf FILE NAME.jsonl" + importInput},
	{name: "an explog log", magic: bboltMagic, at: 16, convert: "explog --dir FOLDER export" + importInput},
	{name: "an Arrow file", magic: "ARROW1", convert: "convert it to JSONL first, one object a line"},
	{name: "a PDF document", magic: "%PDF-"},
	{name: "an XML or HTML document", magic: "<?xml"},
	{name: "an HTML document", magic: "<!DOCTYPE html"},
	{name: "an HTML document", magic: "<!doctype html"},
	{name: "an HTML document", magic: "<html"},
}

// bboltMagic stands in the header of a bbolt database, which a log is.
const bboltMagic = "\xED\xDA\x0C\xED"

// formatOf returns the format whose magic bytes the input has; nil: none. None of
// them has a line feed before its end, except by chance, so that it is enough to
// have read the first line.
func formatOf(b []byte) *format {
	for i, f := range formats {
		if len(b) >= f.at && bytes.HasPrefix(b[f.at:], []byte(f.magic)) {
			return &formats[i]
		}
	}
	return nil
}

// utf16 reports whether the input begins like UTF-16 or UTF-32: with their mark,
// or with NULs at every other place.
func (s *splitter) utf16() (bool, error) {
	if err := s.need(2); err != nil {
		return false, ignoreEOF(err)
	}
	for _, mark := range []string{"\xFF\xFE", "\xFE\xFF"} {
		if bytes.HasPrefix(s.ahead(), []byte(mark)) {
			return true, nil
		}
	}
	if first := s.ahead()[0] == 0; first == (s.ahead()[1] == 0) {
		return false, nil
	}
	if err := s.need(4); err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	a := s.ahead()[:min(len(s.ahead()), 4)]
	for i, c := range a {
		if (c == 0) != (a[i%2] == 0) {
			return false, nil
		}
	}
	return len(a) > 2, nil
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// binary reports whether bytes hold what text does not: control characters other
// than white space, escape and backspace.
func binary(b []byte) bool {
	return bytes.ContainsFunc(b[:min(len(b), 8<<10)], func(r rune) bool {
		return r < ' ' && !strings.ContainsRune("\t\n\v\f\r\b\x1b", r)
	})
}
