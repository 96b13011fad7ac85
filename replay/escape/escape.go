// Package escape makes text that comes from a capture harmless where it is
// shown: names of threads, of files and of containers are chosen by whoever
// was recorded. What a terminal, a line, a page or a shell would obey becomes
// a visible escape.
package escape

import (
	"encoding/xml"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Append appends s so that it can change neither the terminal nor the shape of
// a line, and that two names never look alike: control characters (C0, DEL,
// C1), line ends, format characters such as those that turn the direction of
// writing, characters that leave no mark (see Visible), and bytes that are no
// UTF-8 stand as \xNN, byte by byte. That is the one escape there is, and it is the one of
// captures (format/FORMAT.md, §2), where a backslash of the name itself that
// would begin such an escape stands as \x5c. So a line feed is \x0a, and \n is a
// backslash and an n; what is escaped already stays.
func Append(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		if c := s[i]; c >= ' ' && c < 0x7f {
			dst = append(dst, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || !Visible(r) {
			for _, c := range []byte(s[i : i+n]) {
				dst = append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
			}
		} else {
			dst = append(dst, s[i:i+n]...)
		}
		i += n
	}
	return dst
}

// Text returns s as Append writes it.
func Text(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c >= 0x7f {
			return string(Append(nil, s))
		}
	}
	return s
}

// Name returns the name of a thread as it is shown where it stands alone: as
// Text does, and "" in quotes where there is none. Filters take it.
func Name(s string) string {
	if s == "" {
		return `""`
	}
	return Text(s)
}

// Raw returns what Text has escaped: \x1b and the like become bytes again, as
// do \n, \u00e9 and other escapes of Go that people write. All else stays.
func Raw(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b []byte
	for s != "" {
		if s[0] == '\\' && len(s) > 1 && strings.IndexByte("abfnrtvxuU", s[1]) >= 0 {
			if r, multi, rest, err := strconv.UnquoteChar(s, 0); err == nil {
				if multi {
					b = utf8.AppendRune(b, r)
				} else {
					b = append(b, byte(r))
				}
				s = rest
				continue
			}
		}
		b, s = append(b, s[0]), s[1:]
	}
	return string(b)
}

// Lines is Text for text of several lines that the program itself put
// together: line ends and tabs stay.
func Lines(s string) string {
	var b []byte
	for len(s) > 0 {
		i := strings.IndexAny(s, "\n\t")
		if i < 0 {
			i = len(s)
		}
		b = Append(b, s[:i])
		if i < len(s) {
			b = append(b, s[i])
			i++
		}
		s = s[i:]
	}
	return string(b)
}

// XML returns s as text of an XML or HTML document. Characters that XML does
// not have are visible escapes, so the document stays well-formed.
func XML(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(Text(s)))
	return b.String()
}

// Cell returns s as a text cell of a table that a spreadsheet may open: what
// it would run as a formula (=, +, - or @ at the beginning, also in the wide
// form that East Asian input methods write and spreadsheets take for the same)
// is marked as text by an apostrophe, as the spreadsheets do it themselves.
// Tabs and line ends at the beginning, which they skip, are escapes already.
func Cell(s string) string {
	s = Text(s)
	switch r, _ := utf8.DecodeRuneInString(s); r {
	case '=', '+', '-', '@', '＝', '＋', '－', '＠':
		return "'" + s
	}
	return s
}
