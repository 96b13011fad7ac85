package page

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

// The page is compiled against the types of contract.go: with -run Contract and
// UPDATE=1, this writes them down for it.
func TestContractIsThatOfThePage(t *testing.T) {
	generatedIs(t, "contract.ts", contract(), "contract.go says", "Contract")
}

// generatedIs holds a file of the page against the text that it is generated as, or
// writes that there where UPDATE is set. tests are those that do.
func generatedIs(t *testing.T, name, want, source, tests string) {
	t.Helper()
	path := "../../../../web/src/" + name
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != want {
		t.Errorf("%s is not what %s: run UPDATE=1 go test -run %s ./cmd/systape/internal/page, and make web", path, source, tests)
	}
}

// contract writes Page and all that it is made of in TypeScript.
func contract() string {
	var b strings.Builder
	fmt.Fprintf(&b, "// Code generated from cmd/systape/internal/page/contract.go by its test; DO NOT EDIT.\n\nexport const VERSION = %d;\n", Version)
	done := map[reflect.Type]bool{}
	queue := []reflect.Type{reflect.TypeFor[Page](), reflect.TypeFor[Single](), reflect.TypeFor[Rest](), reflect.TypeFor[Sequences](), reflect.TypeFor[Comparison]()}
	var name func(t reflect.Type) string
	name = func(t reflect.Type) string {
		switch t.Kind() {
		case reflect.String:
			return "string"
		case reflect.Bool:
			return "boolean"
		case reflect.Slice:
			return name(t.Elem()) + "[]"
		case reflect.Pointer:
			return name(t.Elem()) + " | null"
		case reflect.Map:
			return "Record<string, " + name(t.Elem()) + ">"
		case reflect.Struct:
			queue = append(queue, t)
			return t.Name()
		}
		return "number"
	}
	for len(queue) > 0 {
		t := queue[0]
		queue = queue[1:]
		if done[t] {
			continue
		}
		done[t] = true
		fmt.Fprintf(&b, "\nexport interface %s {\n", t.Name())
		for i := range t.NumField() {
			f := t.Field(i)
			fmt.Fprintf(&b, "  %s: %s;\n", f.Tag.Get("json"), name(f.Type))
		}
		b.WriteString("}\n")
	}
	return b.String()
}
