package format

import (
	"slices"
	"strings"
)

// OneLine is what err says where there is one line for it: of errors that several
// steps met ([errors.Join]), however deep, each is said once, after a semicolon.
// Line ends that are in names stay, see [EscapeText].
func OneLine(err error) string {
	text := err.Error()
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		all := e.Unwrap()
		plain, short := make([]string, len(all)), make([]string, 0, len(all))
		for i, one := range all {
			plain[i] = one.Error()
			if line := OneLine(one); !slices.ContainsFunc(short, func(said string) bool { return strings.HasSuffix(said, line) }) {
				short = append(short, line)
			}
		}
		if text == strings.Join(plain, "\n") {
			return strings.Join(short, "; ")
		}
		for _, one := range all {
			text = strings.Replace(text, one.Error(), OneLine(one), 1)
		}
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			text = strings.Replace(text, inner.Error(), OneLine(inner), 1)
		}
	}
	return text
}
