package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// What people read: tables to standard output, lower case, no frame; numbers
// to the right with their units below each other; a blank where there is
// nothing to see.

// latencyTextColumn is one column of a table for people.
type latencyTextColumn struct {
	name  string
	right bool
	min   int                 // columns it takes at least
	max   int                 // columns it may take; 0: as many as it needs
	paint func(string) string // colour of its cells; nil: none
}

// printLatencyTable writes rows under the names of cols. margin is put before
// every line.
func printLatencyTable(w io.Writer, p latencyPaint, cols []latencyTextColumn, rows [][]string) error {
	t := table.NewWriter()
	t.SetStyle(table.Style{
		Box:     table.BoxStyle{PaddingRight: "  ", UnfinishedRow: "…"},
		Format:  table.FormatOptions{Header: text.FormatDefault, Row: text.FormatDefault},
		Options: table.Options{},
	})
	var header table.Row
	var configs []table.ColumnConfig
	for i, c := range cols {
		config := table.ColumnConfig{Number: i + 1, Align: text.AlignLeft, AlignHeader: text.AlignLeft}
		if c.right {
			config.Align, config.AlignHeader = text.AlignRight, text.AlignRight
		}
		config.WidthMin = c.min
		if c.max > 0 {
			config.WidthMax, config.WidthMaxEnforcer = c.max, snipLatencyName
		}
		if paint := c.paint; paint != nil && p.color {
			config.Transformer = func(v any) string { return paint(v.(string)) }
		}
		if p.color {
			config.TransformerHeader = func(v any) string { return p.dim(v.(string)) }
		}
		header = append(header, c.name)
		configs = append(configs, config)
	}
	t.SetColumnConfigs(configs)
	t.AppendHeader(header)
	for _, row := range rows {
		cells := make(table.Row, len(row))
		for i, s := range row {
			cells[i] = s
		}
		t.AppendRow(cells)
	}
	for line := range strings.Lines(t.Render() + "\n") {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// fitLatencyNames bounds the columns that names lists, so that the table fits
// into width columns; none of them gets less than 10. It returns by how many
// columns the table is still too wide.
func fitLatencyNames(cols []latencyTextColumn, rows [][]string, width int, names ...int) (over int) {
	widths := make([]int, len(cols))
	for i, c := range cols {
		widths[i] = max(c.min, len([]rune(c.name)))
		for _, row := range rows {
			widths[i] = max(widths[i], len([]rune(row[i])))
		}
		if c.max > 0 {
			widths[i] = min(widths[i], c.max)
		}
		width -= widths[i] + 2
	}
	width += 2
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
		cols[longest].max = widths[longest]
		width++
	}
	return 0
}

// snipLatencyName shortens a name to width columns.
func snipLatencyName(s string, width int) string { return text.Snip(s, width, "…") }
