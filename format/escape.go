package format

import (
	"strings"
	"unicode/utf8"
)

// EscapeText returns the text by which captures store bytes of the kernel,
// such as names of files and threads: UTF-8 as it is, and every byte that is
// none as \xNN (two digits, lower case). A backslash that would begin such an
// escape is itself written as \x5c, so that [UnescapeText] gets back every byte.
func EscapeText(raw string) string {
	if !needsEscape(raw) {
		return raw
	}
	const digits = "0123456789abcdef"
	b := make([]byte, 0, len(raw)+16)
	for i := 0; i < len(raw); {
		r, n := utf8.DecodeRuneInString(raw[i:])
		if r == utf8.RuneError && n == 1 || escapeAt(raw, i) {
			b = append(b, '\\', 'x', digits[raw[i]>>4], digits[raw[i]&15])
		} else {
			b = append(b, raw[i:i+n]...)
		}
		i += n
	}
	return string(b)
}

// UnescapeText is the inverse of [EscapeText]: it returns the kernel's bytes.
// Captures of version 1 did not escape the backslash: there, \xff may have been
// those four letters.
func UnescapeText(text string) string {
	if !strings.Contains(text, `\x`) {
		return text
	}
	b := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if escapeAt(text, i) {
			b = append(b, hexDigit(text[i+2])<<4|hexDigit(text[i+3]))
			i += 3
		} else {
			b = append(b, text[i])
		}
	}
	return string(b)
}

func needsEscape(s string) bool {
	if !utf8.ValidString(s) {
		return true
	}
	for i := 0; ; i++ {
		k := strings.Index(s[i:], `\x`)
		if k < 0 {
			return false
		}
		if i += k; escapeAt(s, i) {
			return true
		}
	}
}

// escapeAt reports whether an escape begins at s[i].
func escapeAt(s string, i int) bool {
	return len(s)-i >= 4 && s[i] == '\\' && s[i+1] == 'x' && hexDigit(s[i+2]) < 16 && hexDigit(s[i+3]) < 16
}

func hexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 16
}
