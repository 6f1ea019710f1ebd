package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"go.yaml.in/yaml/v4"
)

func TestASecretIsNeverSeen(t *testing.T) {
	const text = "sk-hunter2"
	secret := NewSecret(text)
	if secret.Reveal() != text {
		t.Fatalf("reveals %q", secret.Reveal())
	}
	type hidden struct{ key Secret } // fmt cannot call the methods of what is not exported
	e := Experiment{Name: "X", APIKey: secret}
	said := make(map[string]string)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "%T", "%20s", "%e", "%c", "%U"} {
		said["secret "+verb] = fmt.Sprintf(verb, secret)
		said["pointer "+verb] = fmt.Sprintf(verb, &secret)
		said["experiment "+verb] = fmt.Sprintf(verb, e)
		said["hidden "+verb] = fmt.Sprintf(verb, hidden{secret})
		said["hidden pointer "+verb] = fmt.Sprintf(verb, &hidden{secret})
	}
	for name, encode := range map[string]func(any) ([]byte, error){
		"JSON": json.Marshal, "JSON v2": func(v any) ([]byte, error) { return jsonv2.Marshal(v) }, "YAML": yaml.Marshal,
	} {
		for what, v := range map[string]any{"secret": secret, "experiment": e, "pointer": &secret, "map": map[string]Secret{"a": secret}} {
			b, err := encode(v)
			said[name+" of "+what] = fmt.Sprint(string(b), err)
		}
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", secret, "experiment", e)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", secret, "experiment", e)
	said["log"] = log.String()
	said["error"] = errors.Join(fmt.Errorf("call with %v", secret)).Error()
	for how, s := range said {
		if strings.Contains(s, "hunter2") || strings.Contains(s, fmt.Sprintf("%x", "hunter2")) || strings.Contains(s, fmt.Sprintf("%X", "hunter2")) {
			t.Errorf("%s: %s", how, s)
		}
	}
	for _, how := range []string{"secret %v", "secret %#v", "secret %x", "secret %d"} {
		if said[how] != "***" {
			t.Errorf("%s: %s", how, said[how])
		}
	}
	if b, err := json.Marshal(secret); err != nil || string(b) != `"***"` {
		t.Errorf("JSON: %s %v", b, err)
	}
	if b, err := yaml.Marshal(secret); err != nil || strings.Trim(string(b), "'\"\n") != "***" {
		t.Errorf("YAML: %s %v", b, err)
	}
	if (Secret{}).Reveal() != "" || fmt.Sprint(Secret{}) != "***" {
		t.Errorf("the zero value: %q, %v", (Secret{}).Reveal(), Secret{})
	}
}
