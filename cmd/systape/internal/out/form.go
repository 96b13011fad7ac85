package out

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// IsPicture reports whether a result of this form is a picture.
func IsPicture(form string) bool { return form == "svg" || form == "png" }

// FormOf chooses the form of a result among those that a command has: what
// --format says, or what the name of the file ends in, or the first. pictures
// says that the name may ask for one.
func FormOf(flag, file string, forms []string, pictures bool) (string, error) {
	ext := strings.TrimPrefix(filepath.Ext(file), ".")
	asks := pictures && IsPicture(ext)
	switch {
	case flag != "" && !slices.Contains(forms, flag):
		return "", fmt.Errorf("--format: unknown format %q, want one of %s", flag, strings.Join(forms, " "))
	case asks && flag != "" && flag != forms[0]:
		return "", fmt.Errorf("--format %s into %s: a name that ends in .%s asks for a picture", flag, file, ext)
	case asks:
		return ext, nil
	case flag != "":
		return flag, nil
	case slices.Contains(forms, ext):
		return ext, nil
	}
	return forms[0], nil
}
