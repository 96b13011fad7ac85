package escape

import "unicode"

// Visible says whether a reader sees that r is there: it is printed
// (unicode.IsPrint) and leaves a mark or is the space of ASCII. Fillers,
// selectors of variants and blank patterns are printed without one: names made
// of them look empty, names that differ by them alike.
func Visible(r rune) bool {
	return unicode.IsPrint(r) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, blank)
}

// blank are the characters that Unicode calls symbols or marks, and whose
// picture is empty.
var blank = &unicode.RangeTable{
	R16: []unicode.Range16{{Lo: 0x2800, Hi: 0x2800, Stride: 1}}, // braille pattern blank
	R32: []unicode.Range32{
		{Lo: 0x16fe4, Hi: 0x16fe4, Stride: 1}, // Khitan small script filler
		{Lo: 0x1d159, Hi: 0x1d159, Stride: 1}, // musical symbol null notehead
	},
}
