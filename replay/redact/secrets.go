package redact

import (
	"regexp"
	"strings"
)

// program says which of a program's short options have secrets.
type program struct {
	attached  []string // in the same word
	separate  []string // as the next word
	userPass  []string // user:password, in the same word or the next
	lastWord  bool     // with an option that has a b, the last word is one
	userGroup bool     // -u and --user are user:group
	samba     bool     // a password stands behind a %
}

var (
	mysql     = program{attached: []string{"-p"}}
	ldap      = program{attached: []string{"-w"}, separate: []string{"-w"}}
	mongo     = program{attached: []string{"-p"}, separate: []string{"-p"}}
	container = program{userGroup: true}
	samba     = program{userPass: []string{"-U"}, samba: true}
)

var programs = map[string]program{
	"mysql": mysql, "mysqldump": mysql, "mysqladmin": mysql, "mysqlimport": mysql, "mysqlcheck": mysql,
	"mariadb": mysql, "mariadb-dump": mysql, "mariadb-admin": mysql, "7z": mysql, "7za": mysql, "rar": mysql, "unrar": mysql,
	"sshpass": mongo, "mongo": mongo, "mongosh": mongo, "mongodump": mongo, "mongorestore": mongo,
	"ldapsearch": ldap, "ldapmodify": ldap, "ldapadd": ldap, "ldapdelete": ldap, "ldappasswd": ldap,
	"redis-cli": {attached: []string{"-a"}, separate: []string{"-a"}},
	"zip":       {attached: []string{"-P"}, separate: []string{"-P"}}, "unzip": {attached: []string{"-P"}, separate: []string{"-P"}},
	"openssl": {separate: []string{"-k", "-K"}}, "htpasswd": {lastWord: true},
	"curl": {userPass: []string{"-u", "-U"}}, "http": {userPass: []string{"-a"}}, "https": {userPass: []string{"-a"}},
	"ab": {userPass: []string{"-A", "-P"}}, "lftp": {userPass: []string{"-u"}}, "smbclient": samba, "rpcclient": samba,
	"docker": container, "podman": container, "nerdctl": container, "runc": container, "crun": container, "setpriv": container, "chroot": container, "chown": container,
}

// userPassOptions have user:password with any program that is not known to
// mean user:group.
var userPassOptions = []string{"-u", "--user", "-U", "--proxy-user"}

// scriptTakers have a script behind -c, or in any word.
var scriptTakers = append([]string{"sh", "bash", "dash", "zsh", "ksh", "ash", "fish", "su", "runuser", "script", "flock"}, wordRunners...)

// wordRunners have one in any word.
var wordRunners = []string{"ssh", "watch", "eval"}

const secretWords = `passw(?:or)?d|passphrase|passcode|token|secret|api[-_]?key|access[-_]?key|private[-_]?key|secret[-_]?key|encryption[-_]?key|credentials?`

var (
	// --token=x, --api-key x, -Dpassword=x, DB_PASS=x, MYPWD=x
	secretName = regexp.MustCompile(`(?i)(?:(?:` + secretWords + `|authorization|session[-_]?id|cookie|bearer|signature)|(?:^|[-_.])(?:pass|pwd|auth|psk))$|[a-z](?:Pass|Pwd|Auth)$`)
	upperName  = regexp.MustCompile(`^[A-Z0-9_]*(?:PASS|PWD|PASSWD)$`)
	plainName  = regexp.MustCompile(`(?i)^(?:no|not|without|disable|skip|ask|prompt|need|use)[-_]|(?:by|com|tres|sur|over|under|en)pass$|^(?:old)?pwd$`)
	codeName   = regexp.MustCompile(`(?i)^(?:.*[-_.])?(?:key|pin|otp|totp|mfa|2fa)$`)

	assigned = regexp.MustCompile(`(?i)([a-z0-9_.-]*(?:` + secretWords + `)s?(?:[_.0-9-][a-z0-9_.-]*)?|(?:[a-z0-9_.-]*[-_.])?(?:pass|pwd)|\b[A-Z0-9_]*(?:PASS|PWD))(["']?\s*[=:]\s*)("(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'&;,}]+)`)
	// What such a name may end in that makes its value none.
	aboutSecret = regexp.MustCompile(`(?i)(?:file|path|dir|url|uri|endpoint|name|ttl|type|count|length|len|size|min|max|bits|limit|policy|expiry|expires|age|env|fd|store|provider|cmd|command|tokens|ref|arn|mode|version|format|prompt|for)$`)

	urlSecret = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://[^/?#\s:@]*):[^/?#\s@]+@`)
	urlQuery  = regexp.MustCompile(`(?i)([?&;](?:[a-z0-9_-]*(?:passw(?:or)?d|token|secret|api[-_]?key|access[-_]?key|auth|sig|signature)|pass|pwd|otp|key)=)[^&;#\s"']+`)
	header    = regexp.MustCompile(`(?i)((?:authorization|proxy-authorization|cookie|x-[a-z-]*(?:token|key|secret|auth)[a-z-]*)\s*:\s*).+`)
	openssl   = regexp.MustCompile(`^pass:.+`)
	pemKey    = regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----`)

	// Tokens that are known by their form: GitHub, GitLab, Slack, AWS, Google, JWT,
	// Stripe, npm, Hugging Face, OpenAI and Anthropic, PyPI, Docker, Vault,
	// DigitalOcean, SendGrid, age.
	form = regexp.MustCompile(`\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|gl(?:pat|rt|dt|cbt|ptt)-[A-Za-z0-9_-]{16,}|xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}|` +
		`(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{20,}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*|[sr]k_(?:live|test)_[A-Za-z0-9]{10,}|` +
		`sk-[A-Za-z0-9_-]{20,}|npm_[A-Za-z0-9]{30,}|hf_[A-Za-z0-9]{20,}|pypi-[A-Za-z0-9_-]{30,}|dckr_pat_[A-Za-z0-9_-]{20,}|hv[sbr]\.[A-Za-z0-9_-]{20,}|do[opr]_v1_[a-f0-9]{40,}|` +
		`SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|AGE-SECRET-KEY-1[A-Z0-9]{20,})`)

	oneDigit = regexp.MustCompile(`^[0-9]?$`)
	digits   = regexp.MustCompile(`^[0-9]+$`)
	numbers  = regexp.MustCompile(`^[0-9]{4,}$`)
	word     = regexp.MustCompile(`^[A-Za-z0-9_+=!@#%^*~-]{6,}$`)
)

// isSecretName reports whether the value of an option or a variable of that name
// is a secret.
func isSecretName(name string) bool {
	return (secretName.MatchString(name) || upperName.MatchString(name)) && !plainName.MatchString(name)
}

// isCodeName reports whether it may be one, as that of --key and --pin.
func isCodeName(name string) bool { return codeName.MatchString(name) && !isSecretName(name) }

// looksSecret tells a secret from the name of a file or a column: it has letters
// and digits, or four digits and more alone, and nothing that parts a path.
func looksSecret(s string) bool {
	if numbers.MatchString(s) {
		return true
	}
	return word.MatchString(s) && strings.ContainsAny(s, "0123456789") && strings.ContainsAny(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz")
}

// maskText masks what is known by its form, wherever it stands.
func maskText(a string) string {
	if pemKey.MatchString(a) {
		return Masked
	}
	m := openssl.ReplaceAllString(a, "pass:"+Masked)
	m = urlSecret.ReplaceAllString(m, "${1}:"+Masked+"@")
	m = urlQuery.ReplaceAllString(m, "${1}"+Masked)
	m = header.ReplaceAllString(m, "${1}"+Masked)
	m = assigned.ReplaceAllStringFunc(m, maskAssigned)
	return form.ReplaceAllString(m, Masked)
}

// maskAssigned masks the value of NAME=VALUE, NAME: VALUE and "NAME": "VALUE".
func maskAssigned(s string) string {
	p := assigned.FindStringSubmatch(s)
	name, sign, value := p[1], p[2], p[3]
	quote := ""
	if strings.HasPrefix(value, `"`) || strings.HasPrefix(value, "'") {
		quote = value[:1]
	}
	switch bare := strings.TrimLeft(name, "-"); {
	case aboutSecret.MatchString(bare), plainName.MatchString(bare), oneDigit.MatchString(strings.Trim(value, `"'`)):
		return s
	case strings.HasPrefix(value, "//"): // of an address: token://
		return s
	case strings.HasPrefix(value, "$"): // a variable's name
		return s
	}
	return name + sign + quote + Masked + quote
}
