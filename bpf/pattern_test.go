package bpf

import (
	"errors"
	"strings"
	"testing"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		patterns string
		yes, no  []string
	}{
		{"nginx*", []string{"nginx", "nginx: worker"}, []string{"ngin", "xnginx", ""}},
		{"*worker", []string{"worker", "nginx-worker", "workworker"}, []string{"workers", "work"}},
		{"k*/0:*", []string{"kworker/0:1", "k/0:"}, []string{"kworker/1:0"}},
		{"a**b", []string{"ab", "aXb", "aabb"}, []string{"a", "b"}},
		{"*", []string{"", "x"}, nil},
		{"java", []string{"java"}, []string{"java2", "jav", "xjava"}},
		{"a* b* *c d", []string{"a1", "b", "xc", "d"}, []string{"dd", "c1", "xa"}},
		{"0123456789abcd* 0123456789abcd* 0123456789abcd* 0123456789abcd* 0123456789ABCD* zz*", []string{"0123456789abcdx", "0123456789ABCD", "zzz"}, []string{"0123456789", "z"}},
		{"\xff*", []string{"\xff\xfe"}, []string{"\xfe"}},
	} {
		a, err := compilePatterns(strings.Fields(c.patterns))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range c.yes {
			if !a.matches(name) {
				t.Errorf("%q does not match %q", c.patterns, name)
			}
		}
		for _, name := range c.no {
			if a.matches(name) {
				t.Errorf("%q matches %q", c.patterns, name)
			}
		}
	}
	if _, err := compilePatterns(strings.Fields(strings.Repeat("0123456789abcd* ", 17))); !errors.Is(err, ErrTooManyPatterns) {
		t.Errorf("got %v", err)
	}
}
