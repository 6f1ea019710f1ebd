package event

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
)

// Rejected is the fact that input could not become a record: the input itself and
// what is wrong with it.
//
// Its payload, version 1, is the length of a JSON header (u32, little-endian),
// the header, and the raw bytes of the input.
type Rejected struct {
	// Faults says what is wrong, at least one; the first names the reason.
	Faults []Fault `json:"faults"`
	// Source is where the input came from: a file's name, "-" for standard input.
	Source string `json:"source,omitzero"`
	// Line (from 1) and Offset (in bytes, from 0) say where in the source it
	// begins, in the text after decompression.
	Line   int64 `json:"line,omitzero"`
	Offset int64 `json:"offset"`
	// Record is the id of the stored record that the input is in conflict with.
	Record string `json:"record,omitzero"`
	// Length and SHA256 (hexadecimal) are those of the whole input where Raw is
	// only its beginning; else they are zero.
	Length int64  `json:"length,omitzero"`
	SHA256 string `json:"sha256,omitzero"`
	// Raw is the input, byte for byte.
	Raw []byte `json:"-"`
}

const rejectedVersion = 1

// Reason returns what the reject is filed under.
func (r Rejected) Reason() Reason { return r.Faults[0].Reason }

// Key derives the reject's key from its reason and raw bytes, so that the same
// bad input met again is the same fact.
func (r Rejected) Key() uuid.UUID {
	sum := r.SHA256
	if sum == "" {
		digest := sha256.Sum256(r.Raw)
		sum = hex.EncodeToString(digest[:])
	}
	return uuid.NewSHA1(namespaceReject, []byte(string(r.Reason())+" "+sum))
}

// Fact returns the reject as a fact to be logged.
func (r Rejected) Fact() (Fact, error) {
	header, err := json.Marshal(r)
	if err != nil {
		return Fact{}, fmt.Errorf("event: encode reject: %w", err)
	}
	data := binary.LittleEndian.AppendUint32(make([]byte, 0, 4+len(header)+len(r.Raw)), uint32(len(header)))
	data = append(append(data, header...), r.Raw...)
	return Fact{ID: r.Key(), Type: TypeRejected, Version: rejectedVersion, Data: data}, nil
}

// DecodeRejected reads the payload of a reject. Its Raw refers to data.
func DecodeRejected(version uint16, data []byte) (Rejected, error) {
	if version != rejectedVersion {
		return Rejected{}, fmt.Errorf("%w: reject of version %d", ErrPayload, version)
	}
	if len(data) < 4 || uint64(len(data)-4) < uint64(binary.LittleEndian.Uint32(data)) {
		return Rejected{}, fmt.Errorf("%w: reject of %d bytes", ErrPayload, len(data))
	}
	end := 4 + int(binary.LittleEndian.Uint32(data))
	var r Rejected
	if err := json.Unmarshal(data[4:end], &r); err != nil {
		return Rejected{}, fmt.Errorf("%w: reject: %w", ErrPayload, err)
	}
	if len(r.Faults) == 0 {
		return Rejected{}, fmt.Errorf("%w: reject without a reason", ErrPayload)
	}
	r.Raw = data[end:]
	return r, nil
}

// Conflict files an input whose id is taken by a record that differs.
func Conflict(id uuid.UUID, d Difference) Rejected {
	r := Rejected{Record: id.String()}
	for _, name := range d.Content {
		r.Faults = append(r.Faults, Fault{ReasonConflict, name, "differs from the stored record " + id.String()})
	}
	return r
}
