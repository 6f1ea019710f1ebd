package query

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/explog/explog/event"
)

// Filter says which records are wanted, and in which order. The zero value means
// all of them in log order.
type Filter struct {
	Client string // client_id; empty: any
	Run    string // run_id; empty: any
	// MinScore and MaxScore bound the score, both inclusive; nil: no bound.
	MinScore, MaxScore *float64
	// Since (inclusive) and Until (exclusive) bound the instant that the timestamp
	// names, whatever its offset, to the microsecond. Zero: no bound.
	Since, Until time.Time
	// Sources wants at least one of these among sources_used. Empty: any.
	Sources []string
	Limit   int // the most records; 0: all
	Order   Order
}

// Order is the order of results. Ties fall back to log order.
type Order string

// The orders.
const (
	LogOrder Order = "log" // as saved; also the zero value
	Newest   Order = "newest"
	Oldest   Order = "oldest"
	Best     Order = "best" // highest score first
)

// ParseOrder reads the name of an order.
func ParseOrder(s string) (Order, error) {
	switch o := Order(s); o {
	case "":
		return LogOrder, nil
	case LogOrder, Newest, Oldest, Best:
		return o, nil
	}
	return "", fmt.Errorf("unknown order %q: want log, newest, oldest or best", s)
}

// ErrFilter means that a [Filter] asks for something that cannot be. The error names
// the field.
var ErrFilter = errors.New("query: invalid filter")

// Check returns an [ErrFilter] if the filter's order is unknown, its limit is negative,
// a score is not a number, or a time is too far from the present to be compared.
func (f Filter) Check() error {
	if _, err := ParseOrder(string(f.Order)); err != nil {
		return fmt.Errorf("%w: %w", ErrFilter, err)
	}
	if f.Limit < 0 {
		return fmt.Errorf("%w: limit %d; use 0 for all records", ErrFilter, f.Limit)
	}
	for name, score := range map[string]*float64{"minimum": f.MinScore, "maximum": f.MaxScore} {
		if score != nil && math.IsNaN(*score) {
			return fmt.Errorf("%w: the %s score is not a number", ErrFilter, name)
		}
	}
	for name, t := range map[string]time.Time{"since": f.Since, "until": f.Until} {
		if !t.IsZero() && !time.UnixMicro(t.UnixMicro()).Equal(t.Truncate(time.Microsecond)) {
			return fmt.Errorf("%w: %s is out of range", ErrFilter, name)
		}
	}
	return nil
}

// sql appends the filter to a SELECT of what is behind a cursor.
func (f Filter) sql(query string, c Cursor) (string, []any) {
	where, args := f.where()
	if c.rows > 0 {
		where, args = f.behind(c, where, args)
	}
	order := " ORDER BY " + map[Order]string{
		Newest: "instant DESC, seq", Oldest: "instant, seq", Best: "score DESC, seq", LogOrder: "seq", "": "seq",
	}[f.Order]
	limit := ""
	if f.Limit > 0 {
		limit = " LIMIT " + strconv.Itoa(f.Limit-c.rows)
	}
	if limit != "" && f.inClientIndex() { // choose the few in the index, then read their rows
		where = " WHERE seq IN (SELECT seq FROM experiments INDEXED BY idx_experiments_client_instant" + where + order + limit + ")"
	}
	return query + where + order + limit, args
}

// behind adds to a WHERE clause that rows come after a cursor in the filter's order.
func (f Filter) behind(c Cursor, where string, args []any) (string, []any) {
	condition := "seq > ?"
	switch f.Order {
	case Newest:
		condition, args = "(instant < ? OR instant = ? AND seq > ?)", append(args, c.instant, c.instant)
	case Oldest:
		condition, args = "(instant > ? OR instant = ? AND seq > ?)", append(args, c.instant, c.instant)
	case Best:
		condition, args = "(score < ? OR score = ? AND seq > ?)", append(args, c.score, c.score)
	}
	link := " AND "
	if where == "" {
		link = " WHERE "
	}
	return where + link + condition, append(args, c.seq)
}

// inClientIndex reports whether an index of clients and instants knows all that the
// filter asks for.
func (f Filter) inClientIndex() bool {
	return f.Client != "" && f.Order != Best && f.Run == "" && f.MinScore == nil && f.MaxScore == nil && len(f.Sources) == 0
}

// onlyClient reports whether the filter asks for a client, or for nothing.
func (f Filter) onlyClient() bool {
	return f.Run == "" && f.MinScore == nil && f.MaxScore == nil && f.Since.IsZero() && f.Until.IsZero() && len(f.Sources) == 0
}

// where returns the filter's conditions as a WHERE clause; empty: there are none.
func (f Filter) where() (string, []any) {
	var where []string
	var args []any
	add := func(condition string, values ...any) {
		where = append(where, condition)
		args = append(args, values...)
	}
	if f.Client != "" {
		add("client_id = ?", f.Client)
	}
	if f.Run != "" {
		add("run_id = ?", f.Run)
	}
	if f.MinScore != nil {
		add("score >= ?", *f.MinScore)
	}
	if f.MaxScore != nil {
		add("score <= ?", *f.MaxScore)
	}
	if !f.Since.IsZero() {
		add("instant >= ?", f.Since.UnixMicro())
	}
	if !f.Until.IsZero() {
		add("instant < ?", f.Until.UnixMicro())
	}
	if len(f.Sources) > 0 {
		values := make([]any, len(f.Sources))
		for i, s := range f.Sources {
			values[i] = s
		}
		add("EXISTS (SELECT 1 FROM json_each(sources_used) WHERE value IN (?"+strings.Repeat(",?", len(values)-1)+"))", values...)
	}
	if len(where) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(where, " AND "), args
}

// ParseTime reads a bound in time: an RFC 3339 date-time, a date (midnight UTC),
// or an age before now such as 90s, 30m, 12h, 7d or 2w.
func ParseTime(s string, now time.Time) (time.Time, error) {
	if t, err := event.ParseTimestamp(s); err == nil {
		return t, nil
	}
	if t, err := event.ParseTimestamp(s + "T00:00:00Z"); err == nil {
		return t, nil
	}
	if age, ok := parseAge(s); ok {
		return now.Add(-age), nil
	}
	return time.Time{}, fmt.Errorf("%q is no time: want a date-time such as 2026-04-07T09:30:00Z, a date such as 2026-04-07, or an age such as 7d, 12h or 30m", s)
}

var ageUnits = map[byte]time.Duration{
	's': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour,
}

// parseAge reads a number with a unit.
func parseAge(s string) (time.Duration, bool) {
	if len(s) < 2 {
		return 0, false
	}
	unit, ok := ageUnits[s[len(s)-1]]
	number := s[:len(s)-1]
	n, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || strings.Trim(number, "0123456789.") != "" || n*float64(unit) > math.MaxInt64/2 {
		return 0, false
	}
	return time.Duration(n * float64(unit)), true
}
