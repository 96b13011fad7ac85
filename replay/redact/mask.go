package redact

import (
	"path"
	"slices"
	"strings"
)

// Masked stands where a secret stood.
const Masked = "***"

// MaskCommand returns a command line with the secrets in it masked, as far as
// they can be known by the usual patterns, and how many words were. The path of
// a file that holds a secret is none: --token-file /run/token stays.
func MaskCommand(args []string) (masked []string, n int) {
	masked = make([]string, len(args))
	m := masker{}
	for i, a := range args {
		masked[i] = m.word(a, i == 0)
	}
	if m.program.lastWord && m.flagged && len(args) > 1 {
		masked[len(args)-1] = Masked
	}
	for i := range args {
		if masked[i] != args[i] {
			n++
		}
	}
	return masked, n
}

// masker goes over the words of a command line.
type masker struct {
	name    string  // of the program whose options these are; a wrapper such as sudo or env comes before it
	program program // what is known of its options
	next    meaning // of the word that follows
	flagged bool    // the option was there that makes the last word a secret
	shell   bool    // a program that takes a script was named
}

// meaning is what a word is because of the one before it.
type meaning uint8

const (
	plain meaning = iota
	secret
	code     // a secret if it looks like one: of --key, which may name a file or a column
	userPass // user:password
	script   // commands of a shell
)

func (m *masker) word(a string, first bool) string {
	means := m.next
	m.next = plain
	switch {
	case means == script:
		return maskScript(a)
	case strings.HasPrefix(a, "--") || means == plain:
	case means == secret && !oneDigit.MatchString(a) || means == code && looksSecret(a):
		return Masked
	case means == userPass:
		return m.userPassword(a)
	default:
		return a
	}
	base := path.Base(a)
	if p, known := programs[base]; known || first {
		m.name, m.program = base, p
	}
	if slices.Contains(scriptTakers, base) {
		m.shell = true
		if slices.Contains(wordRunners, base) {
			m.name, m.program = base, program{}
		}
	}
	if !first && strings.HasPrefix(a, "-") && len(a) > 1 {
		if masked, done := m.option(a); done {
			return masked
		}
	} else if !first && strings.ContainsAny(a, " \t\n") && slices.Contains(wordRunners, m.name) {
		return maskScript(a)
	}
	return maskText(a)
}

// option masks an option; done is false when only its text is to be looked at.
func (m *masker) option(a string) (masked string, done bool) {
	name, value, has := strings.Cut(a, "=")
	bare := strings.TrimLeft(name, "-")
	long := strings.HasPrefix(a, "--")
	p := &m.program
	switch {
	case m.shell && !long && strings.HasSuffix(a, "c") && len(a) <= 4:
		m.next = script
		return a, true
	case isSecretName(bare) && has:
		if oneDigit.MatchString(value) {
			return a, true
		}
		return name + "=" + Masked, true
	case isSecretName(bare) && long:
		m.next = secret
		return a, true
	case isCodeName(bare) && has:
		if looksSecret(value) {
			return name + "=" + Masked, true
		}
		return a, true
	case isCodeName(bare) && long:
		m.next = code
		return a, true
	case p.lastWord && !long && strings.Contains(a, "b"):
		m.flagged = true
		return a, true
	}
	for _, o := range p.attached {
		if !long && strings.HasPrefix(a, o) && len(a) > len(o) {
			return o + Masked, true
		}
	}
	for _, o := range p.userPass {
		if !long && strings.HasPrefix(a, o) && len(a) > len(o) {
			return o + m.userPassword(a[len(o):]), true
		}
	}
	switch {
	case slices.Contains(p.separate, a):
		m.next = secret
		return a, true
	case slices.Contains(p.userPass, a), slices.Contains(userPassOptions, a) && !p.userGroup:
		m.next = userPass
		return a, true
	case has && slices.Contains(userPassOptions, name) && !p.userGroup:
		return name + "=" + m.userPassword(value), true
	}
	return "", false
}

// userPassword masks what is behind the user: after a colon, and with Samba
// after a per cent sign. Numbers are a user and a group.
func (m *masker) userPassword(a string) string {
	if m.program.samba {
		if user, _, ok := strings.Cut(a, "%"); ok {
			return user + "%" + Masked
		}
		return a
	}
	user, password, ok := strings.Cut(a, ":")
	if !ok || password == "" || strings.Contains(user, "/") || strings.HasPrefix(password, "//") || digits.MatchString(user) && digits.MatchString(password) {
		return maskText(a)
	}
	return user + ":" + Masked
}
