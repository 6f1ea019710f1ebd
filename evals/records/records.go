// Package records makes experiment records as JSONL, for benchmarks: about 1.2 KB
// each, the same ones for the same seed.
//
// They are like those of a search loop: a run is one problem of one account, with
// some attempts at it. Words are drawn as often as words are in real text (by Zipf's
// law), so that the records compress about as real ones do: zstd brings blocks of 256
// to a quarter.
package records

import (
	_ "embed"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// Generator makes records, one after the other.
type Generator struct {
	random *rand.Rand
	line   []byte
	n      int // records made

	left    int // attempts of the run to come
	client  string
	run     string
	problem []byte // as it stands in the line, without quotes
	account []byte // the part of the snapshot that all attempts share
}

// New returns the generator of a seed.
func New(seed uint64) *Generator {
	return &Generator{random: rand.New(rand.NewPCG(seed, 0))}
}

// Clients is how many clients there are.
const Clients = 20

// From is the least timestamp.
var From = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Every is how far apart timestamps are on average: the n-th record, from 0, is from
// n times Every after From, or up to one more Every later.
const Every = 20 * time.Second

// Next returns one more record, as a line with its newline. The line is valid until
// the next one is asked for.
func (g *Generator) Next() []byte {
	if g.left == 0 {
		g.newRun()
	}
	g.left--
	var id [16]byte
	for i := range 2 {
		u := g.random.Uint64()
		for b := range 8 {
			id[8*i+b] = byte(u >> (8 * b))
		}
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // version 4, variant of RFC 9562
	at := From.Add(time.Duration(g.n)*Every + time.Duration(g.random.Int64N(int64(Every)))).Truncate(time.Second)
	g.n++

	b := g.line[:0]
	b = appendUUID(append(b, `{"id": "`...), id)
	b = append(append(b, `", "client_id": "`...), g.client...)
	b = append(append(b, `", "run_id": "`...), g.run...)
	b = append(append(b, `", "problem": "`...), g.problem...)
	b = append(b, `", "solution": "`...)
	b = g.appendText(b, 45+g.random.IntN(45))
	b = append(b, `", "score": `...)
	b = strconv.AppendFloat(b, float64(g.random.IntN(101))/100, 'g', -1, 64)
	b = append(b, `, "timestamp": "`...)
	b = at.AppendFormat(b, time.RFC3339)
	b = append(append(b, `", "account_snapshot": {`...), g.account...)
	b = append(b, `, "spend_30d": `...)
	b = strconv.AppendFloat(b, math.Round(g.random.Float64()*1e6)/100, 'g', -1, 64)
	b = append(b, `, "cost_per_conversion": `...)
	b = strconv.AppendFloat(b, g.random.Float64()*100, 'g', -1, 64)
	b = append(b, `}, "sources_used": `...)
	b = append(b, sources[g.random.IntN(len(sources))]...)
	b = append(b, "}\n"...)
	g.line = b
	return b
}

var sources = []string{`["gtm"]`, `["google_ads"]`, `["gtm", "google_ads", "meta"]`, `["crm", "ga4"]`, `["ga4", "gtm"]`, `[]`}

// newRun begins a run.
func (g *Generator) newRun() {
	g.left = 2 + g.random.IntN(5)
	g.client = Client(g.random.IntN(Clients))
	g.run = fmt.Sprintf("exp-%s-%03d", From.Add(time.Duration(g.n)*Every).Format(time.DateOnly), g.random.IntN(1000))
	g.problem = g.appendText(g.problem[:0], 35+g.random.IntN(25))
	a := fmt.Appendf(g.account[:0], `"account": "%s %s", "customer_id": "%03d-%03d-%04d", "conversions_30d": %d, "gtm": {"container": "GTM-%06X", "version": %d}, "tags": [`,
		g.word(), g.word(), g.random.IntN(1000), g.random.IntN(1000), g.random.IntN(10000), g.random.IntN(2000), g.random.IntN(1<<24), g.random.IntN(90))
	for i := range 4 {
		if i > 0 {
			a = append(a, ", "...)
		}
		a = fmt.Appendf(a, `"%s - %s"`, g.word(), g.word())
	}
	a = append(a, ']')
	g.account = a
}

// Client returns the client_id of a client, from 0.
func Client(n int) string { return fmt.Sprintf("client-%02d", n) }

// appendText appends sentences of so many words, as they stand in a JSON string.
func (g *Generator) appendText(b []byte, count int) []byte {
	begins := true // a sentence
	for i := range count {
		dice := g.random.Uint32()
		switch {
		case i == 0:
		case begins && dice%4 == 0:
			b = append(b, `\n`...)
		default:
			b = append(b, ' ')
		}
		switch word := g.word(); dice >> 8 % 40 {
		case 0:
			b = strconv.AppendUint(b, uint64(dice>>16)%1000, 10)
		case 1:
			b = append(append(append(append(append(b, `\"`...), word...), " - "...), g.word()...), `\"`...)
		default:
			from := len(b)
			if b = append(b, word...); begins && 'a' <= b[from] && b[from] <= 'z' {
				b[from] -= 'a' - 'A'
			}
		}
		dice = dice >> 16 % 12
		if begins = dice == 0 || i == count-1; begins {
			b = append(b, '.')
		} else if dice == 1 {
			b = append(b, ',')
		}
	}
	return b
}

func (g *Generator) word() string { return vocabulary[g.random.IntN(len(vocabulary))] }

//go:embed words.txt
var words string

// vocabulary has each word as often as it is to be drawn: the n-th most frequent
// one in proportion to 1/(n+10).
var vocabulary = func() []string {
	var drawn []string
	for n, word := range strings.Fields(words) {
		for range 8000/(n+10) + 1 {
			drawn = append(drawn, word)
		}
	}
	return drawn
}()

// appendUUID appends the 36-character form.
func appendUUID(b []byte, id [16]byte) []byte {
	for i, part := range [][]byte{id[:4], id[4:6], id[6:8], id[8:10], id[10:]} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, part)
	}
	return b
}

// Write writes so many records and returns their bytes.
func Write(w io.Writer, seed uint64, records int) (size int64, err error) {
	g := New(seed)
	for range records {
		n, err := w.Write(g.Next())
		if size += int64(n); err != nil {
			return size, err
		}
	}
	return size, nil
}
