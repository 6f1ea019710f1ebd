package config

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

const page = "../../docs/experiments-yml.md"

func TestThePageNamesEveryKey(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if !strings.Contains(string(text), "`"+k.name+"`") {
			t.Errorf("%s does not explain %s", page, k.name)
		}
	}
}

func TestTheExamplesOfThePageAreRead(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(text, -1)
	if len(examples) < 2 {
		t.Fatalf("%d examples", len(examples))
	}
	for _, example := range examples {
		r := newReader("", nothing)
		if list := r.parse(example[1], ""); len(list) == 0 || len(r.faults) > 0 {
			t.Errorf("%v in\n%s", r.faults, example[1])
		}
	}
}
