package explog

import "bytes"

const escape = 0x1b

// silent are control characters that a terminal does not show: the bell, and those
// that change the character set.
const silent = "\x07\x0e\x0f"

// withoutEscapes returns a line without the escape sequences for a terminal
// (ECMA-48). JSON has none: a control character in a string is written as an escape
// of JSON. A line without sequences is returned as it is.
func withoutEscapes(line []byte) []byte {
	if !bytes.ContainsAny(line, "\x1b"+silent) {
		return line
	}
	plain := make([]byte, 0, len(line))
	for len(line) > 0 {
		n := bytes.IndexAny(line, "\x1b"+silent)
		if n < 0 {
			return append(plain, line...)
		}
		plain = append(plain, line[:n]...)
		end, _ := sequenceEnd(line[n:])
		line = line[n+end:]
	}
	return plain
}

// sequenceEnd returns the length of the sequence that a text begins with, and
// whether it is complete. A character that no sequence has ends it.
func sequenceEnd(b []byte) (end int, complete bool) {
	switch {
	case b[0] != escape:
		return 1, true
	case len(b) == 1:
		return 1, false
	case b[1] == '[':
		return controlEnd(b)
	case bytes.IndexByte([]byte("]PX^_"), b[1]) >= 0:
		return stringEnd(b)
	}
	for i, c := range b[1:] {
		if c < 0x20 || c > 0x2f { // not an intermediate byte: the last one
			return 1 + i + 1, true
		}
	}
	return len(b), false
}

// controlEnd is sequenceEnd for a control sequence, such as a colour.
func controlEnd(b []byte) (end int, complete bool) {
	for i := 2; i < len(b); i++ {
		switch c := b[i]; {
		case c >= 0x40 && c <= 0x7e:
			return i + 1, true
		case c < 0x20 || c > 0x7e:
			return i, true
		}
	}
	return len(b), false
}

// stringEnd is sequenceEnd for a sequence with text in it, such as a window's title.
func stringEnd(b []byte) (end int, complete bool) {
	for i := 2; i < len(b); i++ {
		switch b[i] {
		case 0x07:
			return i + 1, true
		case escape:
			if i+1 < len(b) && b[i+1] == '\\' {
				return i + 2, true
			}
			if i+1 < len(b) {
				return i, true
			}
		case '\n', '\r':
			return i, true
		}
	}
	return len(b), false
}

// skipEscapes skips white space and the sequences before a line's first character.
// open is set where the line ends within them.
func skipEscapes(line []byte) (rest []byte, open bool) {
	for {
		line = bytes.TrimLeft(line, " \t\r\n")
		if len(line) == 0 {
			return line, true
		}
		if bytes.IndexByte([]byte("\x1b"+silent), line[0]) < 0 {
			return line, false
		}
		end, complete := sequenceEnd(line)
		if !complete {
			return line, true
		}
		line = line[end:]
	}
}
