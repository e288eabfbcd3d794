package mysql

import "strings"

// AllowedFunctions returns the names as a statement writes them.
func AllowedFunctions(flavour Flavour) []string {
	var names []string
	for name := range allowedFunctions(flavour) {
		names = append(names, strings.TrimSuffix(name, "_func"))
	}
	return names
}
