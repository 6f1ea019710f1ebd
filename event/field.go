package event

// field is one of the nine fields of a record, in schema order.
type field int

const (
	fieldID field = iota
	fieldClient
	fieldRun
	fieldProblem
	fieldSolution
	fieldScore
	fieldTimestamp
	fieldSnapshot
	fieldSources
	fieldCount
)

var fieldNames = [fieldCount]string{
	"id", "client_id", "run_id", "problem", "solution", "score",
	"timestamp", "account_snapshot", "sources_used",
}

func (f field) String() string { return fieldNames[f] }

// fieldByName returns the field of that name; ok is false where the schema has
// none.
func fieldByName(name []byte) (f field, ok bool) {
	for f, n := range fieldNames {
		if string(name) == n {
			return field(f), true
		}
	}
	return 0, false
}

// fieldSet is a set of fields. Its bits are part of the stored format.
type fieldSet uint16

func (s fieldSet) has(f field) bool { return s&(1<<f) != 0 }
func (s *fieldSet) add(f field)     { *s |= 1 << f }

// names returns the fields of the set in schema order.
func (s fieldSet) names() []string {
	var names []string
	for f, n := range fieldNames {
		if s.has(field(f)) {
			names = append(names, n)
		}
	}
	return names
}
