package event

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

const validLine = `{"id":"7d9f3c1e-0f4b-4a65-9d5e-2f8b1c6a7e90","client_id":"hre","run_id":"exp-2026-04-07-047",` +
	`"problem":"clicks count twice","solution":"fire once per event","score":0.92,"timestamp":"2026-04-07T09:30:00Z",` +
	`"account_snapshot":{"cost":86.30000000000001,"id":12345678901234567890},"sources_used":["gtm","meta"]}`

// with returns the valid line with the value of one field replaced; an empty value
// drops the field.
func with(t *testing.T, field, value string) string {
	t.Helper()
	var parts []string
	found := false
	for name, v := range members([]byte(validLine)) {
		key, val := string(name), string(v)
		if key == `"`+field+`"` {
			found = true
			if val = value; val == "" {
				continue
			}
		}
		parts = append(parts, key+":"+val)
	}
	if !found {
		parts = append(parts, `"`+field+`":`+value)
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// faultList returns an error's faults as "reason field".
func faultList(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var invalid *InvalidError
	if !errors.As(err, &invalid) {
		t.Fatalf("error is %T, want *InvalidError: %v", err, err)
	}
	var list []string
	for _, f := range invalid.Faults {
		list = append(list, strings.TrimSpace(string(f.Reason)+" "+f.Field))
	}
	return list
}

func TestParseDraftNamesWhatIsNotStrictJSON(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"valid", validLine, ""},
		{"space around", " \n" + validLine + "\r\n", ""},
		{"empty", "", "truncated"},
		{"cut in a string", validLine[:40], "truncated"},
		{"cut before the end", validLine[:len(validLine)-1], "truncated"},
		{"bare word", "hello", "not_json"},
		{"single quotes", "{'id': 1}", "not_json"},
		{"NaN", `{"score": NaN}`, "not_json"},
		{"trailing comma", `{"score":1,}`, "not_json"},
		{"raw newline in a string", "{\"problem\":\"a\nb\"}", "not_json"},
		{"NUL byte", "{\"problem\":\"a\x00b\"}", "not_json"},
		{"two objects", validLine + validLine, "trailing_data"},
		{"array", `[1]`, "not_an_object"},
		{"string", `"x"`, "not_an_object"},
		{"null", `null`, "not_an_object"},
		{"too deep", strings.Repeat(`{"a":`, 20000) + "1" + strings.Repeat("}", 20000), "not_json"},
		{"key twice", `{"score":1,"score":2}`, "duplicate_key score"},
		{"key twice under an escape", `{"score":1,"\u0073core":2}`, "duplicate_key score"},
		{"key twice inside", `{"account_snapshot":{"a":{"b":1,"b":1}}}`, "duplicate_key account_snapshot"},
		{"not UTF-8", "{\"problem\":\"a\xffb\"}", "not_utf8 problem"},
		{"surrogate half as bytes", "{\"problem\":\"\xed\xa0\x80\"}", "not_utf8 problem"},
		{"lone surrogate", `{"solution":"a\ud800b"}`, "lone_surrogate solution"},
		{"lone surrogate in a string alone", `"\udc00"`, "lone_surrogate"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ParseDraft([]byte(tc.in))
			if got := strings.Join(faultList(t, err), ","); got != tc.want {
				t.Errorf("faults %q, want %q (%v)", got, tc.want, err)
			}
		})
	}
}

func TestParseDraftNamesAllFaultsAtOnce(t *testing.T) {
	in := "{\"problem\":\"\xff\",\"solution\":\"\\ud800\",\"x\":1,\"x\":2,\"account_snapshot\":{\"a\":1,\"a\":1}}"
	_, err := ParseDraft([]byte(in))
	want := []string{"not_utf8 problem", "lone_surrogate solution", "duplicate_key x", "duplicate_key account_snapshot"}
	if got := faultList(t, err); !slices.Equal(got, want) {
		t.Errorf("faults %q, want %q", got, want)
	}
}

func TestParseWantsEveryFieldInItsType(t *testing.T) {
	for field, wrong := range map[string][]string{
		"id":               {"1", "null", "{}", "[]", "true"},
		"client_id":        {"1", "null"},
		"run_id":           {"false", "null"},
		"problem":          {"1", `["a"]`, "null"},
		"solution":         {"{}", "null"},
		"score":            {`"0.9"`, "null", "[]", "true"},
		"timestamp":        {"1775554200", "null"},
		"account_snapshot": {"[]", `"{}"`, "null", "1"},
		"sources_used":     {`"gtm"`, "{}", "null", "[1]", `["gtm",null]`},
	} {
		for _, value := range wrong {
			_, err := Parse([]byte(with(t, field, value)))
			if got, want := faultList(t, err), []string{"wrong_type " + field}; !slices.Equal(got, want) {
				t.Errorf("%s = %s: faults %q, want %q", field, value, got, want)
			}
		}
		_, err := Parse([]byte(with(t, field, "")))
		if got, want := faultList(t, err), []string{"missing_field " + field}; !slices.Equal(got, want) {
			t.Errorf("without %s: faults %q, want %q", field, got, want)
		}
	}
	_, err := Parse([]byte("{}"))
	if got := len(faultList(t, err)); got != int(fieldCount) {
		t.Errorf("{} has %d faults, want one per field", got)
	}
}

func TestValidateJudgesValues(t *testing.T) {
	for _, tc := range []struct{ field, value, want string }{
		{"id", `"not-a-uuid"`, "invalid_value id"},
		{"id", `"{7d9f3c1e-0f4b-4a65-9d5e-2f8b1c6a7e90}"`, "invalid_value id"},
		{"id", `"urn:uuid:7d9f3c1e-0f4b-4a65-9d5e-2f8b1c6a7e90"`, "invalid_value id"},
		{"id", `"7d9f3c1e0f4b4a659d5e2f8b1c6a7e90"`, "invalid_value id"},
		{"id", `"7D9F3C1E-0F4B-4A65-9D5E-2F8B1C6A7E90"`, ""},
		{"id", `"00000000-0000-0000-0000-000000000000"`, ""},
		{"client_id", `""`, "invalid_value client_id"},
		{"run_id", `""`, "invalid_value run_id"},
		{"problem", `""`, ""},
		{"score", "1.0001", "invalid_value score"},
		{"score", "1e999", "invalid_value score"},
		{"score", "-0.5", "invalid_value score"},
		{"score", "1.0", ""},
		{"score", "-0", ""},
		{"timestamp", `"2026-04-07"`, "invalid_value timestamp"},
	} {
		r, err := Parse([]byte(with(t, tc.field, tc.value)))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(faultList(t, r.Validate()), ","); got != tc.want {
			t.Errorf("%s = %s: faults %q, want %q", tc.field, tc.value, got, tc.want)
		}
	}
	_, err := Parse([]byte(validLine))
	if err != nil {
		t.Fatal(err)
	}
	bad := Record{ID: "x", Score: 2, Timestamp: "now"}
	want := []string{"invalid_value id", "invalid_value client_id", "invalid_value run_id", "invalid_value timestamp", "invalid_value score"}
	if got := faultList(t, bad.Validate()); !slices.Equal(got, want) {
		t.Errorf("faults %q, want %q", got, want)
	}
}
