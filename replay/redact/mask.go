package redact

import (
	"path"
	"regexp"
	"strings"
)

// Masked stands where a secret stood.
const Masked = "***"

var (
	// --token=x, TOKEN=x, --api-key x, -Dpassword=x
	secretName = regexp.MustCompile(`(?i)(passw(or)?d|passwd|passphrase|pass|pwd|token|secret|api[-_]?key|access[-_]?key|private[-_]?key|auth(orization)?|credentials?|session[-_]?id|cookie|bearer|signature)$`)
	urlSecret  = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://[^/?#\s:@]*):[^/?#\s@]+@`)
	urlQuery   = regexp.MustCompile(`(?i)([?&;](?:[a-z0-9_-]*(?:passw(?:or)?d|token|secret|api[-_]?key|access[-_]?key|auth|sig|signature))=)[^&;#\s]+`)
	header     = regexp.MustCompile(`(?i)((?:authorization|proxy-authorization|cookie|x-[a-z-]*(?:token|key|secret|auth)[a-z-]*)\s*:\s*).+`)
	assigned   = regexp.MustCompile(`(?i)([a-z0-9_.-]*(?:passw(?:or)?d|passphrase|token|secret|api[-_]?key|access[-_]?key|private[-_]?key)[a-z0-9_.-]*\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s"'&;,]+)`)
	// Tokens that are known by their form: GitHub, GitLab, Slack, AWS, Google, JWT, Stripe, npm.
	form   = regexp.MustCompile(`\b(gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}|xox[abprs]-[A-Za-z0-9-]{10,}|(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{30,}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*|[sr]k_(?:live|test)_[A-Za-z0-9]{10,}|npm_[A-Za-z0-9]{30,})`)
	pemKey = regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----`)
)

// attached are short options whose value, in the same word, is a secret, and
// separate those whose value is the next word, by program.
var (
	attached = map[string]string{"mysql": "-p", "mysqldump": "-p", "mysqladmin": "-p", "mariadb": "-p", "mariadb-dump": "-p", "mariadb-admin": "-p",
		"mysqlimport": "-p", "mysqlcheck": "-p", "7z": "-p", "7za": "-p", "rar": "-p", "unrar": "-p", "sshpass": "-p", "ldapsearch": "-w", "ldapmodify": "-w", "ldapadd": "-w"}
	separate = map[string][]string{"sshpass": {"-p"}, "ldapsearch": {"-w"}, "ldapmodify": {"-w"}, "ldapadd": {"-w"}, "redis-cli": {"-a"}, "mongo": {"-p"}, "mongosh": {"-p"},
		"mongodump": {"-p"}, "smbclient": {"-U"}, "htpasswd": {"-b"}, "zip": {"-P"}, "unzip": {"-P"}, "openssl": {"-k", "-K"}}
	userPass = []string{"-u", "--user", "-U", "--proxy-user"} // user:password, of curl and its like
)

// MaskCommand returns a command line with the secrets in it masked, as far as
// they can be known by the usual patterns, and how many words were.
func MaskCommand(args []string) (masked []string, n int) {
	masked = make([]string, len(args))
	program := "" // the one whose options these are; a wrapper such as sudo or env comes before it
	next := ""    // what the next word is to become
	for i, a := range args {
		m := a
		base := path.Base(a)
		switch {
		case next == "user":
			if user, _, ok := strings.Cut(a, ":"); ok && !strings.Contains(a, "/") {
				m = user + ":" + Masked
			}
			next = ""
		case next != "" && !strings.HasPrefix(a, "--"):
			m, next = Masked, ""
		default:
			next = ""
			m, next = maskWord(program, a, i > 0)
		}
		if attached[base] != "" || separate[base] != nil || i == 0 {
			program = base
		}
		if m != a {
			n++
		}
		masked[i] = m
	}
	return masked, n
}

// maskWord masks one word; next says what the word after it is.
func maskWord(program, a string, option bool) (m, next string) {
	if pemKey.MatchString(a) {
		return Masked, ""
	}
	if option && strings.HasPrefix(a, "-") {
		name, _, has := strings.Cut(a, "=")
		switch p := attached[program]; {
		case secretName.MatchString(strings.TrimLeft(name, "-")) && has:
			return name + "=" + Masked, ""
		case secretName.MatchString(strings.TrimLeft(name, "-")) && strings.HasPrefix(a, "--"):
			return a, "secret"
		case p != "" && strings.HasPrefix(a, p) && len(a) > len(p) && !strings.HasPrefix(a, "--"):
			return p + Masked, ""
		}
		for _, s := range separate[program] {
			if a == s {
				return a, "secret"
			}
		}
		for _, s := range userPass {
			if a == s {
				return a, "user"
			}
		}
	}
	m = urlSecret.ReplaceAllString(a, "${1}:"+Masked+"@")
	m = urlQuery.ReplaceAllString(m, "${1}"+Masked)
	m = header.ReplaceAllString(m, "${1}"+Masked)
	m = assigned.ReplaceAllString(m, "${1}"+Masked)
	return form.ReplaceAllString(m, Masked), ""
}
