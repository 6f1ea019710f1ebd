package event

import (
	"errors"
	"fmt"
	"time"
)

// ParseTimestamp reads an RFC 3339 date-time (section 5.6, with "Z" or an offset)
// and returns its instant. It takes nothing else of ISO 8601: no missing seconds,
// no week dates, no comma, no space for the "T". A leap second counts as the
// first moment of the next minute.
//
// [time.Parse] is laxer than the RFC in some of these, which is why it is not
// used alone.
func ParseTimestamp(s string) (time.Time, error) {
	const layout = "0000-00-00T00:00:00"
	if len(s) < len(layout)+1 {
		return time.Time{}, errTimestamp
	}
	for i := range len(layout) {
		switch c := s[i]; {
		case layout[i] == '0' && (c < '0' || c > '9'),
			layout[i] == 'T' && c != 'T' && c != 't',
			layout[i] != '0' && layout[i] != 'T' && c != layout[i]:
			return time.Time{}, errTimestamp
		}
	}
	nanos, rest, err := parseFraction(s[len(layout):])
	if err != nil {
		return time.Time{}, err
	}
	offset, err := parseOffset(rest)
	if err != nil {
		return time.Time{}, err
	}
	year, month, day := number(s[0:4]), number(s[5:7]), number(s[8:10])
	hour, minute, second := number(s[11:13]), number(s[14:16]), number(s[17:19])
	if month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 60 {
		return time.Time{}, fmt.Errorf("%q has a part out of range", s)
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, nanos, time.UTC).Add(-offset)
	if midnight := t.Hour() == 0 && t.Minute() == 0; second == 60 && (!midnight || t.Day() != 1) {
		return time.Time{}, fmt.Errorf("%q has a leap second where none can be", s)
	}
	return t, nil
}

var errTimestamp = errors.New("want an RFC 3339 date-time such as 2026-04-07T09:30:00Z")

// parseFraction reads ".123" in front of the offset; digits behind the ninth are
// beyond a nanosecond and dropped.
func parseFraction(s string) (nanos int, rest string, err error) {
	if s[0] != '.' {
		return 0, s, nil
	}
	i, scale := 1, 100_000_000
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		nanos += int(s[i]-'0') * scale
		scale /= 10
	}
	if i == 1 {
		return 0, "", errTimestamp
	}
	return nanos, s[i:], nil
}

// parseOffset reads "Z" or "+02:00".
func parseOffset(s string) (time.Duration, error) {
	if s == "Z" || s == "z" {
		return 0, nil
	}
	if len(s) != 6 || s[0] != '+' && s[0] != '-' || s[3] != ':' || !digits(s[1:3]) || !digits(s[4:6]) {
		return 0, errTimestamp
	}
	hours, minutes := number(s[1:3]), number(s[4:6])
	if hours > 23 || minutes > 59 {
		return 0, fmt.Errorf("%q is no offset from UTC", s)
	}
	d := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if s[0] == '-' {
		d = -d
	}
	return d, nil
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// number reads a short run of digits.
func number(s string) int {
	n := 0
	for i := range len(s) {
		n = n*10 + int(s[i]-'0')
	}
	return n
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}
