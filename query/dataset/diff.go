package dataset

// Diff is what changed from one version to another, in the order of their files.
type Diff struct {
	From  int          `json:"from"`
	To    int          `json:"to"`
	Same  int          `json:"same"`  // examples that are on the same side in both
	Added []Provenance `json:"added"` // only in the second
	Gone  []Provenance `json:"gone"`  // only in the first
	// Moved are on another side in the second. With the same share held out there are
	// none.
	Moved []Provenance `json:"moved"`
}

// Diff compares two versions by the records that their examples are from.
func (s Shelf) Diff(from, to int) (Diff, error) {
	d := Diff{From: from, To: to, Added: []Provenance{}, Gone: []Provenance{}, Moved: []Provenance{}}
	before, err := s.examples(from)
	if err != nil {
		return d, err
	}
	after, err := s.examples(to)
	if err != nil {
		return d, err
	}
	sides := make(map[string]Fate, len(before))
	for _, p := range before {
		sides[p.ID] = p.Fate
	}
	for _, p := range after {
		switch side, ok := sides[p.ID]; {
		case !ok:
			d.Added = append(d.Added, p)
		case side != p.Fate:
			d.Moved = append(d.Moved, p)
		default:
			d.Same++
		}
		delete(sides, p.ID)
	}
	for _, p := range before {
		if _, left := sides[p.ID]; left {
			d.Gone = append(d.Gone, p)
		}
	}
	return d, nil
}

// examples returns the lines of a version's provenance that are of examples.
func (s Shelf) examples(version int) ([]Provenance, error) {
	if _, err := s.Manifest(version); err != nil {
		return nil, err
	}
	list, err := s.Provenance(version)
	if err != nil {
		return nil, err
	}
	var examples []Provenance
	for _, p := range list {
		if p.Fate == Trained || p.Fate == HeldOut {
			examples = append(examples, p)
		}
	}
	return examples, nil
}
