package signature

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"aead.dev/minisign"

	"systape/format"
)

// The rules that signatures are checked by. FORMAT.md §12 has them.
const (
	RuleBytes = "S1" // every file is as it was when it was signed
	RuleParts = "S2" // no part was removed or replaced
)

// Signature is what stands beside a part. Nothing of it is proven before it was
// checked with a key.
type Signature struct {
	Path  string    `json:"file"` // of the signature
	Key   string    `json:"key"`  // number of the key, in hex digits
	About Statement `json:"-"`
	Other bool      `json:"-"` // made by minisign and not by a recorder: About says nothing
	text  []byte
}

// Read returns the signature of a part, nil if there is none.
func Read(part string) (*Signature, error) {
	// What lies beside a capture may be anything; to open a pipe would wait for a writer.
	if info, err := os.Stat(part + Suffix); err == nil && !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: part + Suffix, Err: errors.New("not a regular file")}
	}
	text, err := readText(part + Suffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", part+Suffix, err)
	}
	s.Path = part + Suffix
	return s, nil
}

func parse(text []byte) (*Signature, error) {
	var sig minisign.Signature
	if err := sig.UnmarshalText(text); err != nil {
		return nil, err
	}
	if sig.Algorithm != minisign.HashEdDSA {
		return nil, errors.New("a signature over the bytes themselves (minisign -S -l), want one over their hash (minisign -S)")
	}
	about, err := ParseStatement(sig.TrustedComment)
	other := errors.Is(err, errNotOurs)
	if err != nil && !other {
		return nil, err
	}
	return &Signature{Key: KeyName(sig.KeyID), About: about, Other: other, text: text}, nil
}

// Found returns the signatures that stand beside the parts of a capture, nil
// where there is none or none that can be read.
func Found(parts []format.PartFile) (all []*Signature, any bool) {
	for _, p := range parts {
		s, err := Read(p.Path)
		any = any || s != nil || err != nil
		all = append(all, s)
	}
	return all, any
}

// Check holds the parts of a capture, all that are there and in their order,
// against their signatures. Files that could not be opened are told of by
// unopened, and are not as they were signed.
func Check(ctx context.Context, parts []format.PartFile, unopened []error, key minisign.PublicKey) ([]format.Finding, error) {
	chain := make([]link, 0, len(parts))
	var wrong []string
	for _, err := range unopened {
		wrong = append(wrong, err.Error())
	}
	for _, p := range parts {
		s, why, err := checkFile(ctx, p, key)
		if err != nil {
			return nil, err
		}
		if why != "" {
			wrong = append(wrong, p.Path+": "+why)
			continue
		}
		chain = append(chain, link{p, s})
	}
	files := format.Finding{Rule: RuleBytes, State: format.Holds,
		Detail: fmt.Sprintf("every file is as it was when it was signed: %d of %d, with key %s", len(chain), len(parts), KeyName(key.ID()))}
	order := format.Finding{Rule: RuleParts, State: format.NotChecked, Detail: "no part was removed or replaced: not checked: not every file is as it was signed"}
	if len(wrong) > 0 {
		files.State, files.Detail = format.Fails, strings.Join(wrong, "; ")
		return []format.Finding{files, order}, nil
	}
	order.State, order.Detail = format.Holds, "no part was removed or replaced"
	if more := removed(chain); more != "" {
		order.Detail += ": " + more
	}
	if by := signedByMinisign(chain); len(by) > 0 && len(by) == len(chain) {
		order.State, order.Detail = format.NotChecked, "not checked: signed with minisign and not by a recorder, which says nothing of parts"
	} else if len(by) > 0 {
		order.State, order.Detail = format.Fails, strings.Join(by, "; ")
	} else if why := broken(chain); len(why) > 0 {
		order.State, order.Detail = format.Fails, strings.Join(why, "; ")
	}
	return []format.Finding{files, order}, nil
}

// signedByMinisign tells of the parts that a person signed: bundles, copies.
func signedByMinisign(chain []link) (why []string) {
	for _, l := range chain {
		if l.sig.Other {
			why = append(why, l.part.Path+": it is signed with minisign and not by the recorder, which signed others")
		}
	}
	return why
}

// link is a part whose bytes are those that were signed.
type link struct {
	part format.PartFile
	sig  *Signature
}

// checkFile says why a file is not as it was signed, "" if it is.
func checkFile(ctx context.Context, p format.PartFile, key minisign.PublicKey) (s *Signature, why string, err error) {
	if s, err = Read(p.Path); err != nil {
		return nil, "its signature cannot be read: " + err.Error(), nil
	}
	if s == nil {
		return nil, unsigned(p), nil
	}
	if s.Key != KeyName(key.ID()) {
		return nil, fmt.Sprintf("it is signed with key %s, not with %s", s.Key, KeyName(key.ID())), nil
	}
	f, err := os.Open(p.Path)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	r := minisign.NewReader(f)
	if _, err := io.Copy(io.Discard, &interruptible{ctx, r}); err != nil {
		return nil, "", fmt.Errorf("check %s: %w", p.Path, err)
	}
	if !r.Verify(key, s.text) {
		return nil, "it or its signature was changed after it was signed", nil
	}
	m := of(p.Meta)
	if a := s.About; !s.Other && (a.Capture != m.Capture || a.Part != m.Part || a.Last != m.Last) {
		return nil, "the signature is of another part than the file says it is", nil
	}
	return s, "", nil
}

// unsigned says why a part has no signature, as far as the part tells it.
func unsigned(p format.PartFile) string {
	why := "it is not signed: " + p.Path + Suffix + " is not there"
	switch m := p.Meta; {
	case p.Spool:
		return "a spool is never signed"
	case m.Redacted != nil:
		return why + "; redacting makes another file of what was signed"
	case m.Selection != nil:
		return why + "; it is a selection of rows, not what was recorded"
	case m.Recovered != "":
		return why + "; it was recovered from what a recorder left, and what is recovered is not signed"
	}
	return why
}

// broken says where the chain of parts does not hold.
func broken(chain []link) (why []string) {
	if len(chain) == 0 {
		return []string{"no part is there"}
	}
	first, last := chain[0].sig.About, chain[len(chain)-1].sig.About
	if last.Last && first.Part > last.Oldest { // later parts may have let the recorder remove more
		why = append(why, fmt.Sprintf("%s not there, which the recorder had kept", are(last.Oldest, first.Part-1)))
	}
	if first.Part == 1 && first.Previous != "" {
		why = append(why, chain[0].part.Path+": it is the first part, and its signature names one before it")
	}
	for i, l := range chain[1:] {
		before := chain[i]
		switch a, b := before.sig.About, l.sig.About; {
		case b.Capture != a.Capture:
			why = append(why, l.part.Path+": it is of another recording")
		case b.Part > a.Part+1:
			why = append(why, fmt.Sprintf("%s not there", are(a.Part+1, b.Part-1)))
		case b.Part <= a.Part:
			why = append(why, fmt.Sprintf("%s: part %d is there twice", l.part.Path, b.Part))
		case b.Previous != line(before.sig.text):
			why = append(why, fmt.Sprintf("%s: it did not follow %s when it was signed", l.part.Path, before.part.Path))
		}
	}
	if !last.Last {
		why = append(why, fmt.Sprintf("what followed part %d is not there: it was removed, or the recorder ended without signing it; which of the two, signatures cannot tell", last.Part))
	}
	return why
}

// are names the parts from one to another.
func are(from, to int) string {
	if from == to {
		return fmt.Sprintf("part %d is", from)
	}
	return fmt.Sprintf("parts %d to %d are", from, to)
}

// removed says which parts the recorder removed itself.
func removed(chain []link) string {
	if len(chain) == 0 || chain[len(chain)-1].sig.About.Oldest <= 1 {
		return ""
	}
	return fmt.Sprintf("the recorder kept those from %d on, as -W asked", chain[len(chain)-1].sig.About.Oldest)
}

// interruptible is a reader that ends when ctx does.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i *interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}
