package main

import (
	"fmt"
	"strings"

	"github.com/explog/explog/hub"
	"github.com/explog/explog/hub/config"
	"github.com/explog/explog/hub/narrative"
)

// narrativeSets reads each file of narratives once, and shares what experiments have in
// common: the file, the columns, the limit.
type narrativeSets struct {
	files   map[[2]string]fileOfNarratives // by path and sheet
	chosen  map[string]chosenNarratives
	sets    map[string]*hub.Set
	columns []string // what was chosen, a line each
}

type fileOfNarratives struct {
	file *narrative.File
	err  error
}

type chosenNarratives struct {
	set narrative.Set
	err error
}

func newNarrativeSets() *narrativeSets {
	return &narrativeSets{
		files: make(map[[2]string]fileOfNarratives), chosen: make(map[string]chosenNarratives), sets: make(map[string]*hub.Set),
	}
}

// get returns the narratives of an experiment. An error that was returned before is known.
func (s *narrativeSets) get(e config.Experiment) (set *hub.Set, known bool, err error) {
	source := [2]string{e.Narratives, e.Columns.Sheet}
	f, known := s.files[source]
	if !known {
		f.file, f.err = narrative.Open(e.Narratives, e.Columns.Sheet)
		s.files[source] = f
	}
	if f.err != nil {
		return nil, known, f.err
	}
	key := fmt.Sprintf("%q %q", e.Narratives, e.Columns)
	c, known := s.chosen[key]
	if !known {
		if c.set, c.err = f.file.Select(e.Columns); c.err == nil {
			s.columns = append(s.columns, columnsText(e.Narratives, c.set))
		}
		s.chosen[key] = c
	}
	if c.err != nil {
		return nil, known, c.err
	}
	key = fmt.Sprintf("%s %d", key, e.Limit)
	if set := s.sets[key]; set != nil {
		return set, true, nil
	}
	set, err = hub.NewSet(c.set, e.Limit)
	s.sets[key] = set
	return set, false, err
}

// columnsText says which columns narratives are from, and how much is in them.
func columnsText(path string, set narrative.Set) string {
	if set.Sheet != "" {
		path += fmt.Sprintf(", sheet %q", set.Sheet)
	}
	var ids []string
	for _, name := range set.IDs {
		ids = append(ids, fmt.Sprintf("%q", name))
	}
	text := fmt.Sprintf("%s: id column %s, text column %q, ", path, strings.Join(ids, " and "), set.Text)
	labelled, blank := 0, 0
	for _, n := range set.Narratives {
		if n.Flag != nil {
			labelled++
		}
		if n.Text == "" {
			blank++
		}
	}
	if set.Label == "" {
		text += "no label column; " + plural(int64(len(set.Narratives)), "narrative")
	} else {
		text += fmt.Sprintf("label column %q; %s, %d labelled", set.Label, plural(int64(len(set.Narratives)), "narrative"), labelled)
	}
	if blank > 0 {
		text += fmt.Sprintf(", %d without a text, which are not sent", blank)
	}
	return text
}
