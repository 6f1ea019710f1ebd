package config

import (
	"slices"
	"strings"
)

// provider reads the name of a provider.
func (v value) provider() string {
	providers := []string{ProviderRules, ProviderCommand, ProviderReplay, ProviderOpenAI, ProviderAnthropic}
	s, ok := v.string()
	name := strings.ToLower(strings.TrimSpace(s))
	if !ok || slices.Contains(providers, name) {
		return name
	}
	switch place, served := servers[strings.NewReplacer(" ", "", "-", "", "_", "", ".", "").Replace(name)]; {
	case name == "claude":
		v.fault("unknown provider %s; use anthropic", quote(s))
	case served:
		v.fault("unknown provider %s; use openai with base_url: %s", quote(s), place)
	default:
		v.fault("want %s, got %s; for a server with OpenAI's chat completions, use openai with base_url", strings.Join(providers, " or "), describe(v.node))
	}
	return ""
}

const (
	atPort8080 = "http://localhost:8080/v1 (where its server listens)"
	atTheirs   = "the address that its documentation gives for OpenAI clients"
)

// servers are names that people give for a provider, and the base_url of each by default.
var servers = map[string]string{
	"mlx": atPort8080, "mlxlm": atPort8080, "llamacpp": atPort8080, "llamaserver": atPort8080, "localai": atPort8080, "tgi": atPort8080,
	"ollama":     "http://localhost:11434/v1 (where its server listens)",
	"vllm":       "http://localhost:8000/v1 (where its server listens)",
	"sglang":     "http://localhost:30000/v1 (where its server listens)",
	"litellm":    "http://localhost:4000/v1 (where its server listens)",
	"lmstudio":   "http://localhost:1234/v1 (where its server listens)",
	"openrouter": "https://openrouter.ai/api/v1",
	"azure":      atTheirs, "azureopenai": atTheirs, "groq": atTheirs, "together": atTheirs, "deepseek": atTheirs, "mistral": atTheirs,
	"gemini": atTheirs, "google": atTheirs, "huggingface": atTheirs, "xai": atTheirs, "fireworks": atTheirs, "bedrock": atTheirs,
	"gpt": "https://api.openai.com/v1 (the default)",
}
