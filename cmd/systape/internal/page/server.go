package page

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
)

// Server shows a page to one user of this machine. Whoever asks must know the
// token in the address, and must have got to the server by an address that it
// has: a name that somebody else has made to lead here is refused (DNS
// rebinding), and so are other sites.
type Server struct {
	Title string
	// Answers are those to what the page asks for: data.json, a [Page] of the
	// part that the query names; rest.json, a [Rest]; calls.json, a [Single]; sequences.json, a
	// [Sequences]. With two captures the names of the second begin with b/, and
	// comparison.json is a [Comparison].
	Answers map[string]http.HandlerFunc
	Sides   int // captures: 1 or 2

	token string
	hosts []string
}

// Address begins to serve at an address that a listener has, and returns what
// the user is to open.
func (s *Server) Address(at net.Addr, name string) string {
	s.token = rand.Text()
	_, port, _ := net.SplitHostPort(at.String())
	s.hosts = []string{at.String(), net.JoinHostPort("localhost", port), net.JoinHostPort("127.0.0.1", port)}
	if name != "" {
		s.hosts = append(s.hosts, net.JoinHostPort(name, port))
	}
	shown := at.String()
	if host, _, err := net.SplitHostPort(shown); err == nil {
		if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
			shown = net.JoinHostPort("localhost", port)
		}
	}
	return "http://" + shown + "/" + s.token + "/"
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Security-Policy", Policy("'self'")+"; frame-ancestors 'none'")
	token, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	answer := s.Answers[name]
	switch {
	case !s.here(r.Host), r.Header.Get("Origin") != "" && !s.here(strings.TrimPrefix(r.Header.Get("Origin"), "http://")):
		http.Error(w, "this server is asked by another name than its own", http.StatusForbidden)
	case subtle.ConstantTimeCompare([]byte(token), []byte(s.token)) != 1:
		http.Error(w, "the address lacks the token that systape view has printed", http.StatusForbidden)
	case r.Method != http.MethodGet:
		http.Error(w, "there is nothing to change here", http.StatusMethodNotAllowed)
	case name == "":
		var b bytes.Buffer
		if err := WriteLive(&b, s.Title, s.Sides); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		h.Set("Content-Type", "text/html; charset=utf-8")
		w.Write(b.Bytes())
	case answer != nil:
		h.Set("Content-Type", "application/json")
		answer(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (s *Server) here(host string) bool {
	for _, h := range s.hosts {
		if strings.EqualFold(h, host) {
			return true
		}
	}
	return false
}
