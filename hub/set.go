package hub

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/explog/explog/event"
	"github.com/explog/explog/hub/narrative"
)

// Set is what experiments run over: narratives in order, with their flags. Plans over
// the same narratives share one.
type Set struct {
	label      string
	narratives []narrative.Narrative
	texts      []uuid.UUID // keys of the narratives' texts
	key        uuid.UUID
	logged     Appender // that has all facts of the set; nil: none
}

// NewSet makes a set of the first narratives of a file; limit 0: of all.
func NewSet(s narrative.Set, limit int) (*Set, error) {
	list := s.Narratives
	if limit > 0 {
		list = list[:min(limit, len(list))]
	}
	set := &Set{label: s.Label, narratives: list, texts: make([]uuid.UUID, len(list))}
	for i, n := range list {
		set.texts[i] = event.Narrative{Text: n.Text}.Key()
	}
	var err error
	if set.key, err = set.event().Key(); err != nil {
		return nil, fmt.Errorf("hub: encode the narratives: %w", err)
	}
	return set, nil
}

// event returns the set as it is logged.
func (s *Set) event() event.NarrativeSet {
	e := event.NarrativeSet{Label: s.label, Narratives: make([]event.Labelled, len(s.narratives))}
	for i, n := range s.narratives {
		e.Narratives[i] = event.Labelled{ID: n.ID, Text: s.texts[i], Flag: n.Flag}
	}
	return e
}

// batchBytes is how much of the narratives is appended at once: memory must not grow
// with their number. A process that is killed meanwhile leaves texts to which nothing
// refers; the next one finds them there.
const batchBytes = 4 << 20

// log appends facts and the narratives, but for a last part, which it returns together
// with the set itself. What a set has logged once is not appended again.
func (s *Set) log(ctx context.Context, log Appender, facts []event.Fact) (rest []event.Fact, err error) {
	rest = facts
	if s.logged == log {
		return rest, nil
	}
	known := make(map[uuid.UUID]bool, len(s.narratives)) // texts may repeat
	size := 0
	for i, n := range s.narratives {
		if known[s.texts[i]] {
			continue
		}
		known[s.texts[i]] = true
		f, err := event.Narrative{Text: n.Text}.Fact()
		if err != nil {
			return nil, err
		}
		rest = append(rest, f)
		if size += len(f.Data); size > batchBytes {
			if err := log.Append(ctx, rest...); err != nil {
				return nil, err
			}
			rest, size = rest[:0], 0
		}
	}
	f, err := s.event().Fact()
	return append(rest, f), err
}
