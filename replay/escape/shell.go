package escape

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Command writes a command line so that it can be pasted into a shell and
// borders of arguments are seen: what needs it is quoted. Control characters
// and the like are written as $'\x1b', which bash, zsh and ksh read.
func Command(args []string) string {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = Word(a)
	}
	return strings.Join(words, " ")
}

// Word writes one argument of a command line.
func Word(s string) string {
	plain, control := s != "", false
	for i, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("_@%+:,./-", r):
		case r == '=' && i > 0: // at the beginning zsh looks for a command of that name
		case r == utf8.RuneError || !unicode.IsPrint(r):
			control = true
		default:
			plain = false
		}
	}
	switch {
	case control:
		return ansi(s)
	case plain:
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// ansi writes s as $'…' of the bytes that it is made of.
func ansi(s string) string {
	b := []byte("$'")
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\'' || r == '\\':
			b = append(b, '\\', s[i])
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r == utf8.RuneError && n == 1 || !unicode.IsPrint(r):
			// Octal, because hexadecimal digits that follow would be taken
			// for a part of the escape.
			for _, c := range []byte(s[i : i+n]) {
				b = append(b, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
			}
		default:
			b = append(b, s[i:i+n]...)
		}
		i += n
	}
	return string(append(b, '\''))
}
