package escape

import "unicode/utf8"

const hexDigits = "0123456789abcdef"

// AppendJSON appends s as a JSON string. Beyond what JSON wants, it escapes
// what a terminal obeys or what turns the direction of writing; nothing is
// lost. A byte that is no UTF-8 becomes the lone surrogate U+DC00 plus the
// byte, as in Python.
func AppendJSON(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < 0x7f {
			if c == '"' || c == '\\' {
				dst = append(dst, '\\')
			}
			dst = append(dst, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			dst = appendUnit(dst, 0xdc00|rune(c))
		case !Visible(r):
			dst = appendRune(dst, r)
		default:
			dst = append(dst, s[i:i+n]...)
		}
		i += n
	}
	return append(dst, '"')
}

// JSON does for a finished JSON document what AppendJSON does for a string:
// outside of strings a document has no such characters. The white space
// between its values stays. It returns doc itself if there is nothing to do.
func JSON(doc []byte) []byte {
	var out []byte
	done := 0 // doc[:done] is in out
	for i := 0; i < len(doc); {
		if doc[i] < 0x7f {
			i++
			continue
		}
		r, n := utf8.DecodeRune(doc[i:])
		invalid := r == utf8.RuneError && n == 1
		if invalid || !Visible(r) {
			out = append(out, doc[done:i]...)
			if invalid {
				out = appendUnit(out, 0xdc00|rune(doc[i]))
			} else {
				out = appendRune(out, r)
			}
			done = i + n
		}
		i += n
	}
	if done == 0 {
		return doc
	}
	return append(out, doc[done:]...)
}

func appendRune(dst []byte, r rune) []byte {
	if r >= 0x10000 {
		r -= 0x10000
		return appendUnit(appendUnit(dst, 0xd800|r>>10), 0xdc00|r&0x3ff)
	}
	return appendUnit(dst, r)
}

func appendUnit(dst []byte, u rune) []byte {
	return append(dst, '\\', 'u', hexDigits[u>>12&15], hexDigits[u>>8&15], hexDigits[u>>4&15], hexDigits[u&15])
}
