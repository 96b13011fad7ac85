package abi

import (
	"errors"
	"fmt"
	"math/bits"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Set is a choice of system calls under every ABI. It does not change
// after it was made.
type Set struct {
	text  string
	bits  [numABIs][slots / 64]uint64
	other [numABIs]bool    // everything that has no slot
	apart [numABIs][]int32 // but these, in order
}

// slots is how many numbers of each ABI have a bit of their own. Those beyond
// all tables, and negative ones, share one answer unless they are named. The
// private calls of ARM, numbers from 0x0f0001, have the last slots.
const (
	slots    = 1024
	armSlots = slots - 16
)

// slot returns where nr is in the bits, -1 if it has no place of its own.
func slot(a ABI, nr int32) int {
	switch {
	case a == X32 && nr >= x32Bit:
		nr &^= x32Bit
	case a == X32:
		return -1
	case a == ARM && nr > armPrivateBase && nr <= armPrivateBase+16:
		return armSlots + int(nr) - armPrivateBase - 1
	}
	if nr < 0 || nr >= armSlots {
		return -1
	}
	return int(nr)
}

// Has reports whether the set contains call nr of a. It takes every number:
// negative ones and those beyond all tables are in the set when "all" or a
// negation left them in.
func (s *Set) Has(a ABI, nr int32) bool {
	if a >= numABIs {
		return false
	}
	i := slot(a, nr)
	if i < 0 {
		_, apart := slices.BinarySearch(s.apart[a], nr)
		return s.other[a] != apart
	}
	return s.bits[a][i/64]&(1<<(i%64)) != 0
}

// HasUnlisted reports whether the set contains a number of a beyond all
// tables; HasNegative whether it contains a negative one.
func (s *Set) HasUnlisted(a ABI) bool {
	return s.other[a] || slices.ContainsFunc(s.apart[a], func(nr int32) bool { return nr >= 0 })
}

// HasNegative is described with [Set.HasUnlisted].
func (s *Set) HasNegative(a ABI) bool {
	return s.other[a] || slices.ContainsFunc(s.apart[a], func(nr int32) bool { return nr < 0 })
}

// Meets reports whether a call can be in both sets: whether one that is listed
// is, or both have others.
func (s *Set) Meets(other *Set) bool {
	for a := range s.bits {
		if (s.other[a] || len(s.apart[a]) > 0) && (other.other[a] || len(other.apart[a]) > 0) {
			return true
		}
		for w := range s.bits[a] {
			if s.bits[a][w]&other.bits[a][w] != 0 {
				return true
			}
		}
	}
	return false
}

// HasName reports whether the set contains the call of that name under any
// ABI. It takes the names of captures, "syscall_N" among them.
func (s *Set) HasName(name string) bool {
	if digits, ok := strings.CutPrefix(name, "syscall_"); ok {
		if nr, err := strconv.ParseInt(digits, 10, 32); err == nil {
			return slices.ContainsFunc(All(), func(a ABI) bool { return s.Has(a, int32(nr)) })
		}
	}
	known := false
	for _, a := range All() {
		if nr, ok := Number(a, name); ok {
			if known = true; s.Has(a, nr) {
				return true
			}
		}
	}
	return !known && slices.Contains(s.other[:], true)
}

// String returns the expression that the set was parsed from.
func (s *Set) String() string { return s.text }

// Numbers lists the calls of a in the set that have a name, in order.
func (s *Set) Numbers(a ABI) []int32 {
	if a >= numABIs {
		return nil
	}
	var nrs []int32
	for w, word := range s.bits[a] {
		for ; word != 0; word &= word - 1 {
			nr := int32(w*64 + bits.TrailingZeros64(word))
			switch {
			case a == X32:
				nr |= x32Bit
			case a == ARM && nr >= armSlots:
				nr += armPrivateBase + 1 - armSlots
			}
			if _, ok := Name(a, nr); ok {
				nrs = append(nrs, nr)
			}
		}
	}
	return nrs
}

// ParseSet reads strace's language for -e: words with commas between them,
// after an optional "trace=" and an optional "!" that negates the whole list.
//
//	openat         the call of that name, in every ABI that has it
//	openat@64      only in 64-bit ABIs; @32 and @x32 likewise
//	59             the call with that number, whatever its name, in every ABI; any 32-bit number
//	syscall_999    likewise: what captures call a number without a name
//	%file          a class: %file %desc %network (%net) %process %memory %signal %ipc %clock %timer
//	               %poll %sync %io %creds %pure %stat %lstat %fstat %%stat %statfs %fstatfs %%statfs
//	/^open|creat$  every call whose name the regular expression matches; it may not hold a comma
//	?name          as name, but no error when there is no such call
//	all  none      every call, known or not; no call
//
// A name that no ABI has is an error that says which name is nearest.
func ParseSet(expr string) (*Set, error) {
	s := &Set{text: expr}
	list := strings.TrimPrefix(strings.TrimSpace(expr), "trace=")
	list, negate := strings.CutPrefix(list, "!")
	for word := range strings.SplitSeq(list, ",") {
		if word = strings.TrimSpace(word); word == "" {
			return nil, fmt.Errorf("set of system calls %q: empty word", expr)
		}
		if strings.HasPrefix(word, "!") {
			return nil, fmt.Errorf("set of system calls %q: %q: a ! negates the whole list and stands in front of it", expr, word)
		}
		if err := s.add(word); err != nil {
			return nil, fmt.Errorf("set of system calls %q: %w", expr, err)
		}
	}
	if negate {
		s.negate()
	}
	return s, nil
}

func (s *Set) negate() {
	for a := range s.bits {
		s.other[a] = !s.other[a]
		for i := range s.bits[a] {
			s.bits[a][i] = ^s.bits[a][i]
		}
	}
}

func (s *Set) set(a ABI, nr int32) {
	if i := slot(a, nr); i >= 0 {
		s.bits[a][i/64] |= 1 << (i % 64)
	} else if at, apart := slices.BinarySearch(s.apart[a], nr); apart == s.other[a] {
		if apart {
			s.apart[a] = slices.Delete(s.apart[a], at, at+1)
		} else {
			s.apart[a] = slices.Insert(s.apart[a], at, nr)
		}
	}
}

var widths = map[string][]ABI{"64": {X86_64, ARM64}, "32": {I386, ARM}, "x32": {X32}}

func (s *Set) add(full string) error {
	word, optional := strings.CutPrefix(full, "?")
	switch word {
	case "all":
		var none Set
		none.negate()
		s.bits, s.other, s.apart = none.bits, none.other, none.apart
		return nil
	case "none":
		return nil
	}
	abis := All()
	if pattern, ok := strings.CutPrefix(word, "/"); ok {
		re, err := regexp.Compile(strings.TrimSuffix(pattern, "/"))
		if err != nil {
			return fmt.Errorf("%q: %w", full, err)
		}
		return s.addNames(full, abis, optional, re.MatchString)
	}
	if at := strings.LastIndexByte(word, '@'); at >= 0 {
		var ok bool
		if abis, ok = widths[word[at+1:]]; !ok {
			return fmt.Errorf("%q: after @ stands 64, 32 or x32", full)
		}
		word = word[:at]
	}
	if name, ok := strings.CutPrefix(word, "%"); ok {
		calls, ok := class(name)
		if !ok {
			if optional {
				return nil
			}
			return fmt.Errorf("unknown class %q, did you mean %q?", word, "%"+nearest(name, classNames()))
		}
		for _, c := range calls {
			s.addName(abis, c)
		}
		return nil
	}
	if nr, err := strconv.ParseInt(strings.TrimPrefix(word, "syscall_"), 0, 32); err == nil {
		s.addNumber(abis, int32(nr))
		return nil
	} else if errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("%q: system-call numbers have 32 bits", full)
	}
	if s.addName(abis, word) || optional {
		return nil
	}
	if _, ok := class(word); ok {
		return fmt.Errorf("unknown system call %q, did you mean the class %q?", word, "%"+word)
	}
	return fmt.Errorf("unknown system call %q, did you mean %q?", word, nearest(word, allNames()))
}

// addNumber adds the raw number nr; on x32, which marks its numbers, nr may
// come with or without the mark.
func (s *Set) addNumber(abis []ABI, nr int32) {
	for _, a := range abis {
		s.set(a, nr)
		if a == X32 && nr >= 0 {
			s.set(a, nr|x32Bit)
		}
	}
}

func (s *Set) addName(abis []ABI, name string) (found bool) {
	for _, a := range abis {
		if nr, ok := Number(a, name); ok {
			s.set(a, nr)
			found = true
		}
	}
	return found
}

func (s *Set) addNames(full string, abis []ABI, optional bool, match func(string) bool) error {
	found := optional
	for _, n := range allNames() {
		if match(n) {
			found = true
			s.addName(abis, n)
		}
	}
	if !found {
		return fmt.Errorf("%q matches no system call", full)
	}
	return nil
}

// allNames returns the names of all ABIs, sorted, each once.
func allNames() []string {
	var names []string
	for _, m := range numbers() {
		for n := range m {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Classes lists the names of the classes of calls, without their percent signs.
func Classes() []string { return classNames() }

func classNames() []string {
	var names []string
	for n := range classes {
		names = append(names, n)
	}
	for n := range classUnions {
		names = append(names, n)
	}
	for n := range classAliases {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// nearest returns the name with the smallest edit distance to word, the
// first in order when several are equally near.
func nearest(word string, names []string) string {
	if len(word) > 64 {
		word = word[:64]
	}
	best, least := "", -1
	for _, n := range names {
		if d := distance(word, n); least < 0 || d < least {
			best, least = n, d
		}
	}
	return best
}

// distance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b (optimal string alignment).
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
