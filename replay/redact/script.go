package redact

import "strings"

// maskScript masks the commands of a shell's script, each as a command line of
// its own. What is no secret stays as it is written.
func maskScript(text string) string {
	var out strings.Builder
	var gaps, raw, words []string // of one command: what is before each word, the word as it is written, and what it says
	end := func() {
		set := assignments(words)
		masked, _ := MaskCommand(words[set:])
		for i := range words {
			m := ""
			if i < set {
				m = maskText(words[i])
			} else {
				m = masked[i-set]
			}
			if out.WriteString(gaps[i]); m == words[i] {
				m = raw[i]
			} else {
				m = quotedAs(raw[i], m)
			}
			out.WriteString(m)
		}
		gaps, raw, words = nil, nil, nil
	}
	for {
		n := 0
		for n < len(text) && strings.IndexByte(between, text[n]) >= 0 {
			n++
		}
		gap := text[:n]
		text = text[n:]
		if text == "" || strings.ContainsAny(gap, "\n;|&()") {
			end()
		}
		if text == "" {
			out.WriteString(gap)
			return out.String()
		}
		length, word := shellWord(text)
		gaps, raw, words = append(gaps, gap), append(raw, text[:length]), append(words, word)
		text = text[length:]
	}
}

// between stands between the words of a shell.
const between = " \t\n;|&()"

// assignments is how many variables are set before a command.
func assignments(words []string) (n int) {
	for n < len(words) && strings.Contains(words[n], "=") && !strings.HasPrefix(words[n], "-") {
		n++
	}
	return n
}

// shellWord returns the length of the word that text begins with, and what it
// says without its quotes.
func shellWord(text string) (length int, word string) {
	var b strings.Builder
	quote := byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote == 0 && strings.IndexByte(between, c) >= 0:
			return i, b.String()
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case c == quote:
			quote = 0
		case c == '\\' && quote != '\'' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	return len(text), b.String()
}

// quotedAs writes a word in the quotes that the one had which it stands for.
func quotedAs(raw, word string) string {
	if q := raw[:1]; (q == "'" || q == `"`) && strings.HasSuffix(raw, q) && !strings.Contains(word, q) {
		return q + word + q
	}
	if strings.ContainsAny(word, between) {
		return "'" + strings.ReplaceAll(word, "'", "") + "'"
	}
	return word
}
