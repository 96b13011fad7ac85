package out

import (
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"systape/replay/escape"
)

// What people read: tables to standard output, lower case, no frame; numbers
// to the right with their units below each other; a blank where there is
// nothing to see.

// Column is one column of a table for people.
type Column struct {
	Name  string
	Right bool
	Min   int                 // columns it takes at least
	Max   int                 // columns it may take; 0: as many as it needs
	Paint func(string) string // colour of its cells; nil: none
}

// Columns returns columns with these names, to the right if the name begins
// with >.
func Columns(names ...string) []Column {
	cols := make([]Column, len(names))
	for i, n := range names {
		cols[i].Name, cols[i].Right = strings.CutPrefix(n, ">")
	}
	return cols
}

// Table is a table for people. Cells may hold whatever a capture holds: they
// are escaped here.
type Table struct {
	Columns []Column
	Rows    [][]string
	Indent  string // before every line
	Tight   bool   // one blank between columns, not two
}

// Add adds a row.
func (t *Table) Add(cells ...string) { t.Rows = append(t.Rows, cells) }

// Write writes the rows under the names of the columns, if there are names.
func (t *Table) Write(w io.Writer, s Style) error {
	if len(t.Columns) == 0 {
		return nil
	}
	p := table.NewWriter()
	p.SetStyle(table.Style{
		Box:     table.BoxStyle{PaddingRight: strings.Repeat(" ", t.gap()), UnfinishedRow: "…"},
		Format:  table.FormatOptions{Header: text.FormatDefault, Row: text.FormatDefault},
		Options: table.Options{},
	})
	var header table.Row
	var configs []table.ColumnConfig
	named := false
	for i, c := range t.Columns {
		config := table.ColumnConfig{Number: i + 1, Align: text.AlignLeft, AlignHeader: text.AlignLeft}
		if c.Right {
			config.Align, config.AlignHeader = text.AlignRight, text.AlignRight
		}
		config.WidthMin = c.Min
		if c.Max > 0 {
			config.WidthMax, config.WidthMaxEnforcer = c.Max, Snip
		}
		if paint := c.Paint; paint != nil && s.Colour {
			config.Transformer = func(v any) string { return paint(v.(string)) }
		}
		if s.Colour {
			config.TransformerHeader = func(v any) string { return s.Dim(v.(string)) }
		}
		named = named || c.Name != ""
		header = append(header, c.Name)
		configs = append(configs, config)
	}
	p.SetColumnConfigs(configs)
	if named {
		p.AppendHeader(header)
	}
	for _, row := range t.Rows {
		cells := make(table.Row, len(row))
		for i, s := range row {
			cells[i] = escape.Text(s)
		}
		p.AppendRow(cells)
	}
	var b strings.Builder
	for line := range strings.Lines(p.Render()) {
		b.WriteString(strings.TrimRight(t.Indent+strings.TrimRight(line, " \n"), " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Fit bounds the columns that names lists, so that the table fits into width
// columns; none of them gets less than 10. It returns by how many columns the
// table is still too wide.
func (t *Table) Fit(width int, names ...int) (over int) {
	widths := t.widths()
	width -= t.Width()
	for width < 0 {
		longest := names[0]
		for _, i := range names {
			if widths[i] > widths[longest] {
				longest = i
			}
		}
		if widths[longest] <= 10 {
			return -width
		}
		widths[longest]--
		t.Columns[longest].Max = widths[longest]
		width++
	}
	return 0
}

// widths returns how many columns of the terminal each column takes.
func (t *Table) widths() []int {
	widths := make([]int, len(t.Columns))
	for i, c := range t.Columns {
		widths[i] = max(c.Min, len([]rune(c.Name)))
		for _, row := range t.Rows {
			widths[i] = max(widths[i], Width(row[i]))
		}
		if c.Max > 0 {
			widths[i] = min(widths[i], c.Max)
		}
	}
	return widths
}

// Width returns how many columns of the terminal the table takes.
func (t *Table) Width() int {
	sum := -t.gap()
	for _, w := range t.widths() {
		sum += w + t.gap()
	}
	return max(sum, 0)
}

func (t *Table) gap() int {
	if t.Tight {
		return 1
	}
	return 2
}

// Squeeze makes the table fit where it is known how wide that is: it bounds the
// columns of these names, and where that is still too narrow rather leaves out
// columns than breaks lines, the first of drop first. Elsewhere, as in a pipe,
// all stays whole.
func (t *Table) Squeeze(s Style, bound []string, drop ...string) {
	if s.Width == 0 {
		return
	}
	for {
		var columns []int
		for i, c := range t.Columns {
			if slices.Contains(bound, c.Name) {
				columns = append(columns, i)
			}
		}
		if len(columns) == 0 || t.Fit(s.Width, columns...) <= 0 || len(drop) == 0 {
			return
		}
		t.Drop(drop[0])
		drop = drop[1:]
	}
}

// Drop removes the column of that name.
func (t *Table) Drop(name string) {
	for i, c := range t.Columns {
		if c.Name != name {
			continue
		}
		t.Columns = append(t.Columns[:i:i], t.Columns[i+1:]...)
		for j, row := range t.Rows {
			t.Rows[j] = append(row[:i:i], row[i+1:]...)
		}
		return
	}
}

// Snip shortens text to width columns: at its end, but a path at its begin,
// since paths differ at their ends.
func Snip(s string, width int) string {
	if !strings.HasPrefix(s, "/") || text.StringWidth(s) <= width {
		return text.Snip(s, width, "…")
	}
	for text.StringWidth(s) > max(width-1, 0) {
		_, n := utf8.DecodeRuneInString(s)
		s = s[n:]
	}
	return "…" + s
}

// Pad right-aligns text in width columns.
func Pad(s string, width int) string {
	if n := text.StringWidth(s); n < width {
		return strings.Repeat(" ", width-n) + s
	}
	return s
}

// Wrap writes words in lines of about width columns, broken at blanks.
func Wrap(w io.Writer, words, indent string, width int) {
	line := 0
	for i, word := range strings.Split(words, " ") {
		n := text.StringWidth(word)
		switch {
		case i == 0:
			io.WriteString(w, indent)
		case line+1+n > width:
			io.WriteString(w, "\n"+indent)
			line = 0
		default:
			io.WriteString(w, " ")
			line++
		}
		io.WriteString(w, word)
		line += n
	}
	io.WriteString(w, "\n")
}

// Width returns how many columns text takes once it is escaped.
func Width(s string) int { return text.StringWidth(escape.Text(s)) }

// Cut shortens a line, which may have colours, to width columns.
func Cut(line string, width int) string { return text.Snip(line, width, "…") }
