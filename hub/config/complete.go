package config

import (
	"bytes"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/explog/explog/hub/reply"
)

// path reads the path of a file: relative to the folder of the configuration or, where
// that has none, to its parent.
func (v value) path() string {
	path := v.line()
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	own, above := filepath.Join(v.dir, path), filepath.Join(v.dir, "..", path)
	if _, err := os.Stat(own); errors.Is(err, fs.ErrNotExist) && isFile(above) {
		return above
	}
	return own
}

// complete compares an experiment's values with each other, with the disk and with
// the environment. Narratives that are not empty stand for the experiment's own.
func (d *draft) complete(narratives string) {
	for _, key := range []string{"experiment_name", "model_name", "provider"} {
		if !d.has(key) {
			d.fault(key, "the key is missing")
		}
	}
	d.refuseForeign()
	d.completePrompt()
	d.completeNarratives(narratives)
	d.completeWords()
	if d.has("input_price") != d.has("output_price") {
		d.fault("input_price", "the cost needs both input_price and output_price; one is missing")
	}
	switch d.Provider {
	case ProviderRules:
		d.require("rules_file", "the file of rules")
		d.Rules = d.content("rules_file", d.RulesFile)
	case ProviderCommand:
		d.require("command", "the program and its arguments as a list")
		d.completeCommand()
	case ProviderReplay:
		d.completeReplay()
	case ProviderOpenAI:
		d.completeKey("OPENAI_API_KEY", "api.openai.com")
	case ProviderAnthropic:
		d.completeKey("ANTHROPIC_API_KEY", "api.anthropic.com")
	}
}

// require adds a fault where a provider lacks a key.
func (d *draft) require(key, what string) {
	if !d.has(key) {
		d.fault(key, "the key is missing: provider %s wants %s", d.Provider, what)
	}
}

// refuseForeign adds a fault for each key that only other providers have a use for.
// Defaults are for all experiments, so there it is none.
func (d *draft) refuseForeign() {
	for _, k := range keys {
		s, set := d.settings[k.name]
		foreign := d.Provider != "" && k.providers != nil && !slices.Contains(k.providers, d.Provider)
		if set && foreign && !s.inherited {
			d.fault(k.name, "provider %s has no use for this key, which is for %s", d.Provider, strings.Join(k.providers, " and "))
		}
	}
}

func (d *draft) completeNarratives(override string) {
	switch {
	case override != "":
		d.Narratives = override
		if problem := check(override); problem != "" {
			d.reader.fault(&yaml.Node{}, "--narratives", "%s", problem)
		}
	case !d.has("narratives"):
		d.fault("narratives", "the key is missing: name a file of narratives here, or with --narratives")
	case d.Narratives != "":
		if problem := check(d.Narratives); problem != "" {
			d.fault("narratives", "%s", problem)
		}
	}
}

// completeWords sees that no word means both yes and no.
func (d *draft) completeWords() {
	for _, key := range []string{"positive", "negative"} {
		if d.has(key) && d.has("command_"+key) {
			d.fault("command_"+key, "this key is called %s now, which is set too: remove one of them", key)
		}
	}
	yes := make(map[string]bool)
	for _, word := range d.Positive {
		yes[reply.Fold(word)] = true
	}
	for _, word := range d.Negative {
		if yes[reply.Fold(word)] {
			d.fault("negative", "%s is among the positive words too (they are compared without case and punctuation)", quote(word))
		}
	}
	for _, word := range slices.Concat(d.Positive, d.Negative) {
		if strings.TrimSpace(word) == "" {
			d.fault("positive", "an answer word is blank")
		}
	}
}

// completeCommand sees that there is a program.
func (d *draft) completeCommand() {
	if len(d.Command.Args) == 0 {
		return
	}
	given := d.Command.Args[0]
	program := given
	if strings.ContainsRune(program, filepath.Separator) && !filepath.IsAbs(program) {
		dir, err := filepath.Abs(d.dir)
		if err != nil {
			d.fault("command", "%v", err)
			return
		}
		program = filepath.Join(dir, program)
	}
	if _, err := exec.LookPath(program); program == "" || err != nil {
		d.fault("command", "no program %s can be run: is it installed, in PATH, and executable?", quote(given))
	}
}

func (d *draft) completeReplay() {
	if d.has("replay_file") == d.has("replay_experiment") {
		d.fault("replay_file", "provider replay wants either replay_file or replay_experiment")
		return
	}
	if d.ReplayFile != "" {
		if problem := check(d.ReplayFile); problem != "" {
			d.fault("replay_file", "%s", problem)
		}
	}
}

// completeKey takes the key of a server from the environment. The provider's own
// variable is for its own server: no other is sent what is in it.
func (d *draft) completeKey(variable, host string) {
	own := d.BaseURL == "" || isServer(d.BaseURL, host)
	switch {
	case d.has("api_key_env") && d.APIKeyEnv == "", d.has("base_url") && d.BaseURL == "":
		return // a fault already
	case d.APIKeyEnv == "" && !own:
		return
	case d.APIKeyEnv == "":
		d.APIKeyEnv = variable
	}
	text, _ := d.lookupEnv(d.APIKeyEnv)
	text = strings.TrimSpace(text)
	unfit := func(c rune) bool { return c <= ' ' || c >= 0x7f }
	switch {
	case text == "":
		d.fault("api_key_env", "the environment variable %s with the key for provider %s is not set", d.APIKeyEnv, d.Provider)
	case strings.ContainsFunc(text, unfit):
		d.fault("api_key_env", "what the environment variable %s holds is no key: there is white space in it, or what is not ASCII", d.APIKeyEnv)
	default:
		d.APIKey = NewSecret(text)
	}
}

// isServer reports whether an address is one of a host, over TLS.
func isServer(address, host string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https" && u.Hostname() == host
}

// content returns what is in a text file that a key names. It must not be blank.
func (d *draft) content(key, path string) []byte {
	if path == "" {
		return nil // the key is missing, or wrong
	}
	data, err := readFile(path)
	data = bytes.TrimPrefix(data, []byte(byteOrderMark))
	switch bad := invalidUTF8(data); {
	case err != nil:
		d.fault(key, "%s", explain(path, err))
	case bad >= 0:
		d.fault(key, "%s is not UTF-8 (line %d); was it saved as Windows-1252 or UTF-16? then save it as UTF-8", path, position(data, bad).Line)
	case bytes.IndexByte(data, 0) >= 0:
		d.fault(key, "%s has NUL bytes in it: it is no text", path)
	case len(bytes.TrimSpace(data)) == 0:
		d.fault(key, "%s is empty", path)
	default:
		return data
	}
	return nil
}
