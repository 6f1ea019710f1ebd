package dataset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"

	"github.com/explog/explog/query"
)

// Verify makes a version again, of the records that the log had at its moment, and
// compares it with its files, byte for byte. It returns what differs. That the log is
// the one that the version is from is for the caller to check.
func (s Shelf) Verify(ctx context.Context, attempts iter.Seq2[query.Attempt, error], m Manifest) ([]string, error) {
	d, err := Make(ctx, attempts, Spec{
		Source: m.Source, Version: m.Version, Explog: m.Explog, After: m.Log.After, Parameters: m.Parameters,
		Folding: m.folding(), Form: m.Dataset,
		Moment: query.Moment{LogID: m.Log.ID, Seq: m.Log.Through, Hash: m.Log.HeadHash},
	})
	if err != nil {
		return nil, err
	}
	manifest, err := d.encode()
	if err != nil {
		return nil, err
	}
	var faults []string
	compare := func(name string, want []byte) error {
		got, err := os.ReadFile(s.Path(name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			faults = append(faults, name+" is missing")
		case err != nil:
			return err
		case !bytes.Equal(got, want):
			faults = append(faults, fmt.Sprintf("%s is not what the log gives: line %d differs", name, differs(got, want)))
		}
		return nil
	}
	for i, f := range d.Files {
		if err := compare(f.Name, d.contents[i]); err != nil {
			return nil, err
		}
	}
	return faults, compare(fileName(m.Version, manifestSuffix), manifest)
}

// differs returns the first line in which two files differ.
func differs(a, b []byte) int {
	line := 1
	for i := 0; i < min(len(a), len(b)) && a[i] == b[i]; i++ {
		if a[i] == '\n' {
			line++
		}
	}
	return line
}
