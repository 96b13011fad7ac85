// Package top is the screen of 'systape top': the table of latency for one
// window of time, which keys move. A capture is read by a function of the command
// ([Reader]) that fills a [Pass]; the screen asks the pass for windows, and has
// the capture read again when it is to be counted in another way. Figures and
// columns are those of package views.
package top
