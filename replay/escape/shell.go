package escape

import (
	"strings"
	"unicode/utf8"
)

// Command writes a command line so that it can be pasted into a shell and
// borders of arguments are seen: what needs it is quoted. Control characters
// and the like are written as $'\x1b', which bash, zsh and ksh read.
func Command(args []string) string {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = Word(a)
		if i == 0 && words[i] == a && (reserved[a] || assignment(a)) {
			words[i] = "'" + a + "'"
		}
	}
	return strings.Join(words, " ")
}

// reserved are the words that no command can have as its name unless they are
// quoted: POSIX.1-2024, Shell Command Language, 2.4, and what bash and zsh add.
var reserved = map[string]bool{
	"if": true, "then": true, "else": true, "elif": true, "fi": true, "do": true, "done": true, "case": true, "esac": true,
	"while": true, "until": true, "for": true, "in": true, "select": true, "function": true, "time": true, "coproc": true,
	"foreach": true, "end": true, "repeat": true, "nocorrect": true, "namespace": true,
}

// assignment reports whether a shell takes a command's first word for a variable
// and its value.
func assignment(word string) bool {
	name, _, found := strings.Cut(word, "=")
	name = strings.TrimSuffix(name, "+")
	for i, r := range name {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return found && name != ""
}

// Word writes one argument of a command line.
func Word(s string) string {
	plain, control := s != "", false
	for i, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("_@%+:,./-", r):
		case r == '=' && i > 0: // at the beginning zsh looks for a command of that name
		case r == utf8.RuneError || !Visible(r):
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
		case r == utf8.RuneError && n == 1 || !Visible(r):
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
