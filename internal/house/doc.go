// Package house holds the tests of the program as a whole: who imports whom.
package house
