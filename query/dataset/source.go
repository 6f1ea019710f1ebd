package dataset

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/explog/explog/query"
)

// Source is where the records of a dataset come from: what a client saved, or what a
// benchmark was answered. One of Client and Experiment is empty.
type Source struct {
	Client     string `json:"client,omitempty"`
	Experiment string `json:"experiment,omitempty"`      // name of the benchmark
	UUID       string `json:"experiment_uuid,omitempty"` // of the benchmark: names repeat
}

// OfHub reports whether the source is a benchmark.
func (s Source) OfHub() bool { return s.Experiment != "" }

// Name is the name for people: hre, or hub:GPT-4o mini.
func (s Source) Name() string {
	if s.OfHub() {
		return hubPrefix + s.Experiment
	}
	return s.Client
}

const hubPrefix = "hub:"

// hubFolder begins the name of a benchmark's folder. In a client's it cannot be: a plus
// is escaped.
const hubFolder = "hub+"

// folder returns the name of the source's folder. What cannot be in it is escaped as
// in a URL.
func (s Source) folder() string {
	if s.OfHub() {
		return hubFolder + escape(s.Experiment)
	}
	name := escape(s.Client)
	if strings.Trim(name, ".") == "" { // . and ..
		name = strings.ReplaceAll(name, ".", "%2E")
	}
	return name
}

func escape(name string) string { return strings.ReplaceAll(url.QueryEscape(name), "+", "%20") }

// sourceOf returns the source that a folder is of; false: it is of none.
func sourceOf(folder string) (Source, bool) {
	name, hub := strings.CutPrefix(folder, hubFolder)
	name, err := url.QueryUnescape(name)
	s := Source{Client: name}
	if hub {
		s = Source{Experiment: name}
	}
	return s, err == nil && s.folder() == folder
}

// same reports whether a version of one source is on the shelf of the other. A name may
// have been given to several benchmarks.
func (s Source) same(other Source) bool {
	return s.Client == other.Client && s.Experiment == other.Experiment
}

// compared returns the text by which duplicates are told. Replies of a benchmark are
// short and alike by their form: they are duplicates only where the narratives are.
func (s Spec) compared(a query.Attempt) string {
	solution := s.Folding.text(a.Solution)
	switch {
	case !s.OfHub():
		return solution
	case s.Folding == foldCase:
		return a.Problem + "\n" + solution
	}
	return s.Folding.problem(a.Problem) + "\n" + solution
}

// maxFolderName is what file systems allow for the name of a folder, in bytes.
const maxFolderName = 255

// ErrLongName means that a name is too long for the folder of a dataset.
var ErrLongName = errors.New("the name is too long for the folder of a dataset")

// Check says whether there can be a folder of the source's name.
func (s Source) Check() error {
	if n := len(s.folder()); n > maxFolderName {
		return fmt.Errorf("%w: as the name of a folder it has %d bytes, of at most %d; characters other than A-Z, a-z, 0-9, - _ . ~ take three bytes for each of their own: %.40s…",
			ErrLongName, n, maxFolderName, s.Name())
	}
	return nil
}
