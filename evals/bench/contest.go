package main

// contest is one row of the table: a step of ours beside a peer's, and what is wanted
// of the two.
type contest struct {
	name  string
	ours  string // a step
	peer  string // a step; empty: none, or it cannot be had
	peak  bool   // the peak memory is meant, not what the step measures
	mark  mark
	guard float64 // the ratio that a guard takes for a gross loss; 0: it does not look
}

// mark is what is aimed at.
type mark struct {
	kind  markKind
	limit float64
	at    int // records: at another scale the mark says nothing; 0: at every one
}

type markKind int

const (
	noMark  markKind = iota
	atMost           // of the ratio's median
	atLeast          // of the ratio's median
	below            // of ours: the median, of memory the greatest
)

const (
	at100k = 100_000
	at1M   = 1_000_000
	mega   = 1 << 20
)

// contests are the cases, in the order in which they are measured and printed. The
// bounds of the guard are two to three times what is expected at its scale.
var contests = []contest{
	{name: "import", ours: "import", peer: "Node import", mark: mark{atMost, 0.5, at100k}, guard: 1.5},
	{name: "import", ours: "import", peer: "sqlite3", guard: 3},
	{name: "import", ours: "import", peer: "disk write"},
	{name: "import memory", ours: "import", peer: "Node import", peak: true, mark: mark{below, 150 * mega, 0}},
	{name: "re-import", ours: "re-import", peer: "import", mark: mark{atMost, 0.5, at100k}, guard: 1},
	{name: "export", ours: "export", peer: "Node export", mark: mark{atMost, 0.35, at100k}, guard: 0.8},
	{name: "export memory", ours: "export", peer: "Node export", peak: true, mark: mark{below, 60 * mega, 0}},
	{name: "count --client", ours: "count", peer: "Node count", mark: mark{below, 0.030, at1M}, guard: 0.15},
	{name: "query", ours: "query", peer: "Node query", mark: mark{below, 0.040, at1M}, guard: 0.15},
	{name: "rebuild", ours: "rebuild", peer: "sqlite3", mark: mark{atMost, 0.8, at1M}, guard: 2.5},
	{name: "rebuild memory", ours: "rebuild", peer: "sqlite3", peak: true},
	{name: "single save", ours: "save", peer: "bbolt", mark: mark{atMost, 2, 0}, guard: 5},
	{name: "single save", ours: "save", peer: "disk sync"},
	{name: "64 goroutines", ours: "64 goroutines", peer: "save rate", mark: mark{atLeast, 20, 0}, guard: 4},
	{name: "16 processes, p99", ours: "16 processes", peer: "save", mark: mark{atMost, 64, 0}, guard: 300},
	{name: "append", ours: "append", peer: "append 100k", mark: mark{atMost, 1.3, 10_000_000}},
	{name: "log size", ours: "log size", peer: "JSONL", guard: 0.5},
	{name: "log size, real text", ours: "text log", peer: "text JSONL", mark: mark{atMost, 0.35, 0}, guard: 0.7},
	{name: "start-up", ours: "start-up", peer: "true", mark: mark{below, 0.015, 0}},
}

// result is what came out of a contest.
type result struct {
	Case  string `json:"case"`
	Ours  side   `json:"ours"`
	Peer  *side  `json:"peer,omitempty"`
	Ratio *ratio `json:"ratio,omitempty"`
	Mark  string `json:"mark,omitempty"`
	Met   *bool  `json:"met,omitempty"` // absent: there is no mark at this scale, or no peer

	contest contest
}

// side is one of the two of a contest.
type side struct {
	Step    string   `json:"step"`
	Unit    string   `json:"unit"`
	Median  float64  `json:"median"`
	Peak    int64    `json:"peak_bytes,omitempty"` // the greatest
	Samples []sample `json:"samples"`

	unit   unit
	values []float64
}

// result sums up what was measured at a scale.
func (c contest) result(measured map[string][]sample, records int) result {
	r := result{Case: c.name, Ours: c.side(c.ours, measured), Mark: c.mark.String(), contest: c}
	if c.peer != "" {
		peer := c.side(c.peer, measured)
		got := ratioOf(r.Ours.values, peer.values)
		r.Peer, r.Ratio = &peer, &got
	}
	if c.mark.at == 0 || c.mark.at == records {
		r.Met = c.mark.met(r)
	}
	return r
}

func (c contest) side(name string, measured map[string][]sample) side {
	s := side{Step: name, Samples: measured[name], unit: steps[name].unit}
	for _, m := range s.Samples {
		value := m.Value
		if c.peak {
			value = float64(m.Peak)
		}
		s.values = append(s.values, value)
		s.Peak = max(s.Peak, m.Peak)
	}
	if c.peak {
		s.unit = bytes
	}
	s.Unit, s.Median = s.unit.String(), median(s.values)
	return s
}

// met tells whether a result is as it is wanted; nil: nothing can be said.
func (m mark) met(r result) *bool {
	var ok bool
	switch {
	case m.kind == below && r.contest.peak:
		ok = float64(r.Ours.Peak) < m.limit
	case m.kind == below:
		ok = r.Ours.Median < m.limit
	case m.kind == noMark || r.Ratio == nil:
		return nil
	case m.kind == atMost:
		ok = r.Ratio.Median <= m.limit
	default:
		ok = r.Ratio.Median >= m.limit
	}
	return &ok
}

// lost tells whether a result is far from what is expected, in the best of its rounds.
func (r result) lost() bool {
	c := r.contest
	switch {
	case c.guard == 0 || r.Ratio == nil:
		return false
	case c.mark.kind == atLeast:
		return r.Ratio.Max < c.guard
	}
	return r.Ratio.Min > c.guard
}
