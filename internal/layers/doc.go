// Package layers holds the tests of the program as a whole: who imports whom.
package layers
