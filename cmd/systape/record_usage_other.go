//go:build !unix

package main

// processUsage is of a recorder, which there is none of here.
func processUsage() usage { return usage{} }
