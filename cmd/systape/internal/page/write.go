package page

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"systape/replay/escape"
)

// The page's program and its looks, built by make web.
var (
	//go:embed bundle/page.js
	script string
	//go:embed bundle/page.css
	style string
)

// Policy is the Content-Security-Policy of a page: it runs the script that came
// with it and no other, and loads nothing. connect is where it may ask for
// more: "'none'", or "'self'" with a server behind it.
func Policy(connect string) string {
	hash := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; script-src " + hash(script) + "; style-src " + hash(style) + "; img-src data:; connect-src " + connect +
		"; base-uri 'none'; form-action 'none'"
}

// WriteLive writes the page that asks its server for data.json, and for that of
// a second capture if there are two.
func WriteLive(w io.Writer, title string, sides int) error {
	return Write(w, &Page{Version: Version, Live: true, Sides: sides, Head: Head{Title: title}}, "")
}

// Write writes the page as one HTML document that needs nothing else. text is
// shown to those without JavaScript, line by line; it comes from a capture.
func Write(w io.Writer, p *Page, text string) error {
	data, err := json.Marshal(p) // < > & as \u00XX, so nothing in it ends the element
	if err != nil {
		return fmt.Errorf("the data of the page: %w", err)
	}
	connect := "'none'"
	if p.Live {
		connect = "'self'"
	}
	_, err = fmt.Fprintf(w, `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="%s">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>%s · systape</title>
<link rel="icon" href="data:,">
<style>%s</style>
</head>
<body>
<noscript><p>This page needs JavaScript for its pictures; what follows is its summary.</p><pre>%s</pre></noscript>
<main id="page"></main>
<script type="application/json" id="data">%s</script>
<script>%s</script>
</body>
</html>
`, escape.XML(Policy(connect)), escape.XML(p.Head.Title), style, escapeLines(text), data, script)
	if err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	return nil
}

// escapeLines escapes each line of a text by itself: their ends stay.
func escapeLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = escape.XML(lines[i])
	}
	return strings.Join(lines, "\n")
}
