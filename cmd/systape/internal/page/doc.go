// Package page is the picture of a capture in a browser: what it shows
// ([Page]), one self-contained file of it ([Write]), and a server of it. What a
// page is made of comes from package index; the page itself is the programs of
// the folder web, built into bundle.
package page
