package memfs

import "strings"

// role is what a file is for.
type role uint8

const (
	stored role = iota // it is in the journal
	// shared memory of SQLite's processes: it is written by mapping it, and what
	// is left of it means nothing to the next one that opens the database.
	shared
	voice // what programs say goes here
)

// VoiceName is the file, in the root, for what programs print: what is written to it
// is in the journal as [Said].
const VoiceName = "said"

func roleOf(name string) role {
	switch {
	case name == VoiceName:
		return voice
	case strings.HasSuffix(name, "-shm"):
		return shared
	}
	return stored
}
