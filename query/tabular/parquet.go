package tabular

import (
	"io"
	"iter"
	"strconv"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/explog/explog/event"
)

// A row group is written when its rows have this many bytes of text, or are this
// many; it is what the writer holds in memory.
const (
	groupBytes = 16 << 20
	groupRows  = 64 << 10
)

// record is a row of a Parquet file.
type record struct {
	ID       string  `parquet:"id"`
	ClientID string  `parquet:"client_id,dict"`
	RunID    string  `parquet:"run_id,dict"`
	Problem  string  `parquet:"problem"`
	Solution string  `parquet:"solution"`
	Score    float64 `parquet:"score"`
	// Timestamp is the instant, in microseconds since 1970; the text keeps offset and
	// digits.
	Timestamp       int64  `parquet:"timestamp,timestamp(microsecond)"`
	TimestampText   string `parquet:"timestamp_text"`
	AccountSnapshot string `parquet:"account_snapshot,json"`
	SourcesUsed     string `parquet:"sources_used,json,dict"`
}

// fullRecord is a row with the fields that the schema does not know.
type fullRecord struct {
	record
	Extra string `parquet:"extra,json"`
}

// WriteParquet writes rows as a Parquet file, compressed with zstd, and returns
// the number of rows. The columns are typed: score is a DOUBLE, the nearest to the
// number that was given; timestamp is a TIMESTAMP in microseconds of UTC, and
// timestamp_text beside it is what was given; nested values are annotated as JSON;
// all else is text. An error of the rows is returned as it is.
func WriteParquet(w io.Writer, rows iter.Seq2[event.Row, error], o Options) (int64, error) {
	if o.All {
		return writeParquet(w, rows, newFullRecord)
	}
	return writeParquet(w, rows, newRecord)
}

func writeParquet[T any](w io.Writer, rows iter.Seq2[event.Row, error], convert func(event.Row) (T, error)) (int64, error) {
	out := parquet.NewGenericWriter[T](w, parquet.Compression(&zstd.Codec{Level: zstd.SpeedFastest}),
		// Nobody looks long texts up by their bounds, which would be kept whole.
		parquet.SkipPageBounds("problem"), parquet.SkipPageBounds("solution"),
		parquet.SkipPageBounds("account_snapshot"), parquet.SkipPageBounds("sources_used"), parquet.SkipPageBounds("extra"))
	var n int64
	bytes, group := 0, 0
	for r, err := range rows {
		if err != nil {
			return n, err
		}
		row, err := convert(r)
		if err != nil {
			return n, err
		}
		if _, err := out.Write([]T{row}); err != nil {
			return n, err
		}
		n++
		group++
		bytes += len(r.Problem) + len(r.Solution) + len(r.AccountSnapshot) + len(r.SourcesUsed) + len(r.Extra)
		if bytes >= groupBytes || group >= groupRows {
			if err := out.Flush(); err != nil {
				return n, err
			}
			bytes, group = 0, 0
		}
	}
	return n, out.Close()
}

func newRecord(r event.Row) (record, error) {
	score, err := strconv.ParseFloat(r.Score, 64)
	if err != nil {
		return record{}, err
	}
	instant, err := event.ParseTimestamp(r.Timestamp)
	return record{
		r.ID, r.ClientID, r.RunID, r.Problem, r.Solution, score,
		instant.UnixMicro(), r.Timestamp, r.AccountSnapshot, r.SourcesUsed,
	}, err
}

func newFullRecord(r event.Row) (fullRecord, error) {
	row, err := newRecord(r)
	return fullRecord{row, extra(r)}, err
}
