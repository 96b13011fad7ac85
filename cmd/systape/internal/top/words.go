package top

import (
	"errors"
	"strconv"
	"strings"
)

// splitWords cuts a line into words as a shell does: it reads what
// [systape/replay/escape.Command] writes, and "…" and \ as well.
func splitWords(line string) (words []string, err error) {
	var b strings.Builder
	begun := false
	for i := 0; i < len(line); {
		rest := line[i:]
		switch {
		case rest[0] == ' ' || rest[0] == '\t':
			if begun {
				words = append(words, b.String())
			}
			b.Reset()
			begun = false
			i++
			continue
		case strings.HasPrefix(rest, "$'"):
			n, ok := dollarQuoted(&b, rest[2:])
			if !ok {
				return nil, errors.New("a quote is not closed")
			}
			i += 2 + n
		case rest[0] == '\'' || rest[0] == '"':
			end := strings.IndexByte(rest[1:], rest[0])
			if end < 0 {
				return nil, errors.New("a quote is not closed")
			}
			b.WriteString(rest[1 : 1+end])
			i += end + 2
		case rest[0] == '\\' && len(rest) > 1:
			b.WriteByte(rest[1])
			i += 2
		default:
			b.WriteByte(rest[0])
			i++
		}
		begun = true
	}
	if begun {
		words = append(words, b.String())
	}
	return words, nil
}

// dollarQuoted reads what stands behind $' up to the quote behind it, and returns
// how long it was.
func dollarQuoted(b *strings.Builder, s string) (n int, ok bool) {
	for n < len(s) && s[n] != '\'' {
		if s[n] != '\\' || n+1 == len(s) {
			b.WriteByte(s[n])
			n++
			continue
		}
		end := n + 1
		for end < len(s) && end < n+4 && s[end] >= '0' && s[end] <= '7' {
			end++
		}
		if octal, err := strconv.ParseUint(s[n+1:end], 8, 8); err == nil {
			b.WriteByte(byte(octal))
			n = end
			continue
		}
		switch c := s[n+1]; c {
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		default:
			b.WriteByte(c)
		}
		n += 2
	}
	return n + 1, n < len(s)
}
