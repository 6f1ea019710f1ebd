package event

import (
	"encoding/json"
	"reflect"
	"testing"
)

// Payloads are read as encoding/json reads them, which wrote them.
func TestPayloadsAreReadAsTheyAreWritten(t *testing.T) {
	for _, payload := range []string{
		`{"call":"6c7920be-a923-57d4-9177-c1ff06dd8851","attempt":2,"narrative":"N","text":"a\u0000b \ud83d\ude00 \u2028","raw":"AAH/","latency_ns":1500000,"finished":"2026-04-07T09:30:00.123456789+02:00"}`,
		`{"input_tokens":null,"output_tokens":0,"last":true,"text":null,"raw":null}`,
		`{"Text":"a","TEXT":"b","unknown":[{"x":1}],"status":200}`,
		"{\"text\":\"\xff\"}", ` {} `, `null`, `{"text":1}`, `{"text":"a"} x`, `{"latency_ns":"1s"}`, `{"finished":"2026-04-07 09:30:00"}`, `[]`, ``, `{`,
	} {
		var want CallFinished
		failed := json.Unmarshal([]byte(payload), &want)
		got, err := DecodeBenchmark[CallFinished](1, []byte(payload))
		if (err != nil) != (failed != nil) || err == nil && !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v, want %+v, %v", payload, got, err, want, failed)
		}
	}
}
