package signature

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"aead.dev/minisign"

	"systape/format"
)

// Suffix ends the name of the signature beside a part.
const Suffix = ".minisig"

// Signer signs the parts of one recording in their order.
type Signer struct {
	Key     minisign.PrivateKey
	Options format.FileOptions // of the signatures
	Apart   bool               // each file is a recording of its own: none names the one before
	last    string             // the signature of the latest part
}

// Sign signs a finished part, of which the recorder has kept those from the
// number oldest on.
func (s *Signer) Sign(path string, oldest int) error {
	parts, err := format.Parts([]string{path}, format.ReadOptions{})
	if err != nil {
		return fmt.Errorf("sign %s: %w", path, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := minisign.NewReader(f)
	if _, err := io.Copy(io.Discard, r); err != nil {
		return fmt.Errorf("sign %s: %w", path, err)
	}
	about := of(parts[0].Meta)
	about.Oldest = max(oldest, 1)
	if !s.Apart {
		about.Previous = s.last
	}
	text := r.SignWithComments(s.Key, about.String(), "signature of a part of a recording of systape's")
	if err := write(path+Suffix, text, s.Options); err != nil {
		return fmt.Errorf("sign %s: %w", path, err)
	}
	s.last = line(text)
	return nil
}

// line returns the signature itself, which is the second line of its file.
func line(text []byte) string {
	lines := bytes.SplitN(text, []byte{'\n'}, 3)
	if len(lines) < 3 {
		return ""
	}
	return string(bytes.TrimRight(lines[1], "\r"))
}
