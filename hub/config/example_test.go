package config_test

import (
	"fmt"

	"github.com/explog/explog/hub/config"
)

func ExampleLoad() {
	c, err := config.Load("../../config/experiments.yml", config.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range c.Experiments {
		fmt.Printf("%s: %s by %s, %d at a time\n", e.Name, e.Model, e.Provider, e.Concurrency)
	}
	// Output:
	// Keywords, baseline prompt: keywords-v1 by rules, 4 at a time
	// Negation, prompt with context: negation-v1 by rules, 4 at a time
}

func ExampleInvalidError() {
	_, err := config.Load("testdata/faults.yml", config.Options{})
	fmt.Println(err)
	// Output:
	// testdata/faults.yml:2:3: narratives: the key is missing: name a file of narratives here, or with --narratives
	// testdata/faults.yml:3:3: unknown key "autor"; did you mean author?
	// testdata/faults.yml:4:16: prompt_file: there is no file testdata/baselin.txt
	// testdata/faults.yml:5:15: model_name: want a text, got the number 4; put it in quotes: "4"
	// testdata/faults.yml:7:16: temperature: want a number from 0 to 2, got the number 20
}
