package bpf

import (
	"errors"
	"strings"
)

// ErrTooManyPatterns says that patterns of names have more letters than the
// kernel side has room for.
var ErrTooManyPatterns = errors.New("the patterns have too many letters")

// automata are patterns of names as the kernel side reads them: a state is a
// bit, see constants.h.
type automata struct {
	words               uint32
	starts, ends, stays [commWords]uint64
	steps               [commWords * 256]uint64
}

const commWords = int(withBTFLayoutCOMM_WORDS)

// compilePatterns makes automata of patterns, in which * stands for any
// letters, none included.
func compilePatterns(patterns []string) (*automata, error) {
	a := &automata{}
	word, free := -1, 0 // states left in the word
	for _, pattern := range patterns {
		states := len(strings.ReplaceAll(pattern, "*", "")) + 1
		if states > 64 {
			return nil, ErrTooManyPatterns
		}
		if states > free {
			if word, free = word+1, 64; word == commWords {
				return nil, ErrTooManyPatterns
			}
		}
		bit := uint64(1) << (64 - free)
		free -= states
		a.starts[word] |= bit
		for _, letter := range []byte(pattern) {
			if letter == '*' {
				a.stays[word] |= bit
				continue
			}
			a.steps[word*256+int(letter)] |= bit
			bit <<= 1
		}
		a.ends[word] |= bit
	}
	a.words = uint32(word + 1)
	return a, nil
}

// matches is what the kernel side does.
func (a *automata) matches(name string) bool {
	matched := uint64(0)
	for w := range int(a.words) {
		at := a.starts[w]
		for _, letter := range []byte(name) {
			at = (at&a.steps[w*256+int(letter)])<<1 | at&a.stays[w]
		}
		matched |= at & a.ends[w]
	}
	return matched != 0
}
