package config

import (
	"fmt"
	"reflect"
	"strings"
)

// Reference is docs/config.md: every setting with its help and default.
func Reference() string {
	var b strings.Builder
	b.WriteString(`# Configuration

` + "`backlot serve --config FILE`" + ` reads a YAML file; a key it does not know is an error.
BACKLOT_DATA, BACKLOT_LISTEN, BACKLOT_PUBLIC_URL, BACKLOT_STORE_URL, BACKLOT_ACCOUNT_ID
and BACKLOT_REGION in the environment win over the file, flags win over both.

| setting | default | meaning |
|---|---|---|
`)
	describe(&b, "", reflect.ValueOf(Default()))
	return b.String()
}

func describe(b *strings.Builder, prefix string, v reflect.Value) {
	for f, value := range v.Fields() {
		name := prefix + f.Tag.Get("yaml")
		shown := ""
		if !value.IsZero() && f.Type.Kind() != reflect.Struct {
			shown = fmt.Sprintf("`%v`", value)
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", name, shown, f.Tag.Get("help"))
		switch {
		case f.Type.Kind() == reflect.Struct:
			describe(b, name+".", value)
		case f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct:
			describe(b, name+"[].", reflect.Zero(f.Type.Elem()))
		}
	}
}
