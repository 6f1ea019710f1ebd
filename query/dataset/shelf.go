package dataset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/explog/explog/eventlog/flock"
	"github.com/explog/explog/internal/durable"
	"github.com/explog/explog/internal/tempfiles"
	"github.com/explog/explog/query/finetune"
)

// Shelf is the folder that holds the versions of one source's dataset.
type Shelf struct {
	source Source
	dir    string
}

// NewShelf returns the shelf of a source in a folder. It touches nothing.
//
// The shelf is a folder of the client's name, or of the benchmark's behind hub+; what
// cannot be in the name of a folder is escaped as in a URL.
func NewShelf(root string, s Source) Shelf {
	return Shelf{source: s, dir: filepath.Join(root, s.folder())}
}

// Sources returns those that have a shelf in a folder, in the order of their names. A
// folder that is not there has none.
func Sources(root string) ([]Source, error) {
	entries, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var list []Source
	for _, e := range entries {
		if s, ok := sourceOf(e.Name()); ok && e.IsDir() {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b Source) int { return strings.Compare(a.Name(), b.Name()) })
	return list, nil
}

// Path returns the path of a file on the shelf.
func (s Shelf) Path(name string) string { return filepath.Join(s.dir, name) }

// numbers returns the numbers of the versions, in order.
func (s Shelf) numbers() ([]int, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var list []int
	for _, e := range entries {
		number, _ := strings.CutSuffix(e.Name(), manifestSuffix)
		n, err := strconv.Atoi(strings.TrimPrefix(number, "v"))
		if err == nil && n > 0 && fileName(n, manifestSuffix) == e.Name() {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list, nil
}

// Versions returns the manifests of all versions, in order, but for those that cannot
// be read: the error names them.
func (s Shelf) Versions() ([]Manifest, error) {
	numbers, err := s.numbers()
	if err != nil {
		return nil, err
	}
	var list []Manifest
	var faults []error
	for _, n := range numbers {
		m, err := s.Manifest(n)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		list = append(list, m)
	}
	return list, errors.Join(faults...)
}

// Next returns the number of the next version.
func (s Shelf) Next() (int, error) {
	numbers, err := s.numbers()
	if err != nil || len(numbers) == 0 {
		return 1, err
	}
	return numbers[len(numbers)-1] + 1, nil
}

// Last returns the manifest of the last version in a format; of version 0, if there is
// none.
func (s Shelf) Last(f finetune.Format) (Manifest, error) {
	versions, err := s.Versions()
	for _, m := range slices.Backward(versions) {
		if m.Parameters.Format == f {
			return m, err
		}
	}
	return Manifest{}, err
}

// Folding returns the folding of the dataset: that of its last version whose manifest
// can be read. 0: there is no version.
func (s Shelf) Folding() (Folding, error) {
	versions, err := s.Versions()
	if len(versions) == 0 {
		return 0, err
	}
	return versions[len(versions)-1].folding(), nil
}

// ErrNoVersion means that the shelf has no such version, ErrManifest that its manifest
// is none.
var (
	ErrNoVersion = errors.New("no such version")
	ErrManifest  = errors.New("not the manifest of a version")
)

// Manifest returns the manifest of a version.
func (s Shelf) Manifest(version int) (Manifest, error) {
	path := s.Path(fileName(version, manifestSuffix))
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Manifest{}, fmt.Errorf("%w: %s is not there", ErrNoVersion, path)
	}
	if err != nil {
		return Manifest{}, err
	}
	m, err := decodeManifest(data)
	if err == nil && (m.Version != version || !m.same(s.source)) {
		err = fmt.Errorf("it is of version %d of %q", m.Version, m.Name())
	}
	if err != nil {
		return m, fmt.Errorf("%w: %s: %w", ErrManifest, path, err)
	}
	return m, nil
}

// Provenance returns where the examples of a version are from.
func (s Shelf) Provenance(version int) ([]Provenance, error) {
	path := s.Path(fileName(version, provenanceSuffix))
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	list, err := decodeProvenance(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return list, nil
}

// ErrTaken means that another process has written the version meanwhile.
var ErrTaken = errors.New("another build has written this version meanwhile; run it again")

// Write puts a version on the shelf: each file whole, the manifest last. Whatever
// happens before, there is no such version, and the next one takes its name. Others
// that write are waited for until the timeout.
func (s Shelf) Write(ctx context.Context, d Dataset, timeout time.Duration) error {
	if err := os.MkdirAll(s.dir, 0o777); err != nil { // less the umask
		return err
	}
	if err := durable.SyncPath(s.dir); err != nil {
		return err
	}
	dir, err := os.Open(s.dir)
	if err != nil {
		return err
	}
	if err := flock.Lock(ctx, dir, timeout); err != nil {
		return err
	}
	defer dir.Close() // which unlocks
	manifest := fileName(d.Version, manifestSuffix)
	if _, err := os.Lstat(s.Path(manifest)); err == nil {
		return fmt.Errorf("%s: %w", s.Path(manifest), ErrTaken)
	}
	for i, f := range d.Files {
		if err := s.writeFile(f.Name, d.contents[i]); err != nil {
			return err
		}
	}
	content, err := d.encode()
	if err != nil {
		return err
	}
	if err := dir.Sync(); err != nil { // the files have their names before the manifest has its own
		return err
	}
	return errors.Join(s.writeFile(manifest, content), dir.Sync())
}

// writeFile writes a whole file.
func (s Shelf) writeFile(name string, content []byte) error {
	return tempfiles.Write(s.Path(name), 0o666, func(w io.Writer) error { // less the umask
		_, err := w.Write(content)
		return err
	})
}
