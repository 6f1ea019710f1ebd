package provider

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// HTTPOptions say where a model is served.
type HTTPOptions struct {
	BaseURL string        // what stands before the protocol's own path; empty: the provider's public address
	Key     string        // empty: none is sent
	Timeout time.Duration // for one answer; 0: a minute
	Format  Format        // of replies, where the protocol has one; empty: FormatSchema
	Client  *http.Client  // nil: one of its own. Redirects are not followed, so that no other host gets the key
}

const (
	mostBody = 32 << 20 // bytes of a response
	// A shorter key is a stand-in for servers that want none, such as "ollama" or
	// "EMPTY", and may well be a word of an answer.
	shortestSecret = 7
	mostIdle       = 256 // connections that are kept for the next call
)

// endpoint is the one address that a provider posts to.
type endpoint struct {
	base    string // as it stands in identities and messages
	path    string
	header  http.Header
	key     string
	secret  redactor
	timeout time.Duration
	client  *http.Client

	mu       sync.Mutex
	nonsense string // the form of the last response, if that was a success and no answer
}

// checked turns the second response in a row that is a success, and no answer of the
// same form, into an error that ends the run: each is paid, and the next would be too.
func (e *endpoint) checked(a Answer, err error) (Answer, error) {
	form := ""
	var failed *Error
	if errors.As(err, &failed) {
		form = failed.form
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if form != "" && form == e.nonsense {
		failed.Kind = Fatal
		failed.Message += " (twice: " + form + "; " + mendAddress + ")"
	}
	if err == nil || form != "" {
		e.nonsense = form
	}
	return a, err
}

// newEndpoint checks the options; what is wrong with them is an [Error]. The header
// named keyHeader carries the key after keyPrefix.
func newEndpoint(o HTTPOptions, path, keyHeader, keyPrefix string) (*endpoint, error) {
	base, err := checkBase(o.BaseURL, path)
	if err != nil {
		return nil, &Error{Kind: Fatal, Message: "base_url " + err.Error()}
	}
	e := &endpoint{base: base, path: path, key: strings.TrimSpace(o.Key), timeout: o.Timeout, client: &http.Client{}, header: http.Header{
		"Accept": {"application/json"}, "Content-Type": {"application/json"}, "User-Agent": {"explog"},
	}}
	if e.timeout <= 0 {
		e.timeout = defaultTimeout
	}
	if strings.ContainsFunc(e.key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, &Error{Kind: Fatal, Message: "the key has a space or another character that no key has: set the variable that api_key_env names again"}
	}
	if len(e.key) >= shortestSecret {
		e.secret = newRedactor(e.key)
	}
	if e.key != "" {
		e.header.Set(keyHeader, keyPrefix+e.key)
	}
	if o.Client != nil {
		*e.client = *o.Client
	} else {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConns, transport.MaxIdleConnsPerHost = mostIdle, mostIdle
		e.client.Transport = transport
	}
	e.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return e, nil
}

// checkBase returns a base URL without what does not matter in it. Its errors do
// not repeat the URL, which may hold a password.
func checkBase(base, path string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(base))
	switch {
	case err != nil:
		return "", errors.New("is not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return "", errors.New("must begin with http:// or https://")
	case u.Host == "":
		return "", errors.New("names no host")
	case u.User != nil:
		return "", errors.New("must not hold a user or a password: put the key into the variable that api_key_env names")
	case u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("must end before ? and #")
	}
	u.Host, u.Path = strings.ToLower(u.Host), strings.TrimRight(u.Path, "/")
	if strings.HasSuffix(u.Path, path) {
		return "", fmt.Errorf("must leave off %s, which is added to it", path)
	}
	return u.String(), nil
}

func (e *endpoint) close() error {
	e.client.CloseIdleConnections()
	return nil
}

// response is what a server sent, with the key struck out.
type response struct {
	from   string
	status int
	header http.Header
	body   []byte
}

// post sends a body and reads the whole response, whatever its status. Its errors
// are of type [Error].
func (e *endpoint) post(ctx context.Context, body []byte) (*response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.base+e.path, bytes.NewReader(body))
	if err != nil {
		return nil, &Error{Kind: Fatal, Message: "base_url cannot be asked: " + err.Error()}
	}
	req.Header = e.header.Clone()
	resp, err := e.client.Do(req)
	if err != nil {
		return nil, e.broken(ctx, err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	raw, err := io.ReadAll(io.LimitReader(resp.Body, mostBody+1))
	r := &response{from: e.base + e.path, status: resp.StatusCode, header: e.strikeHeader(resp.Header), body: e.secret.bytes(raw)}
	switch {
	case err != nil:
		failed := e.broken(ctx, err)
		failed.Status, failed.Raw = r.status, head(r.body)
		return nil, failed
	case len(raw) > mostBody:
		failed := r.error(Unanswerable, fmt.Sprintf("the response has more than %d MiB", mostBody>>20))
		return nil, failed
	}
	return r, nil
}

// strikeHeader removes the key from the header of a response.
func (e *endpoint) strikeHeader(h http.Header) http.Header {
	for _, values := range h {
		for i := range values {
			values[i] = e.secret.string(values[i])
		}
	}
	return h
}

// broken says why a request got no response, or not all of it.
func (e *endpoint) broken(ctx context.Context, err error) *Error {
	where := e.base + e.path
	if failed := ended(ctx, e.timeout, where); failed != nil {
		return failed
	}
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err // without the URL
	}
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	failed := &Error{Kind: Temporary, Message: where + ": " + excerpt(e.secret.string(err.Error()))}
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		failed.Kind, failed.Message = Fatal, failed.Message+"; correct base_url"
	case errors.As(err, &certificate):
		failed.Kind, failed.Message = Fatal, failed.Message+"; the server cannot be trusted with the key"
	case errors.Is(err, http.ErrSchemeMismatch):
		failed.Kind, failed.Message = Fatal, failed.Message+"; begin base_url with http://"
	}
	return failed
}

// error makes an error of a response.
func (r *response) error(kind Kind, message string) *Error {
	return &Error{
		Kind: kind, Status: r.status, RetryAfter: retryAfter(r.header), Pace: pace(r.header), Raw: head(r.body),
		Message: r.from + ": " + strings.TrimSpace(fmt.Sprintf("%d %s", r.status, http.StatusText(r.status))) + ": " + message,
	}
}

// answer makes an answer of a response; what it says is still to be filled in.
func (r *response) answer(f Finish) Answer {
	return Answer{Finish: f, Raw: r.body, Status: r.status, Pace: pace(r.header)}
}

// isPage reports whether a response is a web page: something else than the model's
// server has answered.
func (r *response) isPage() bool {
	return bytes.HasPrefix(bytes.TrimSpace(r.body), []byte("<"))
}
