package mssql

import (
	_ "embed"
	"maps"
	"strings"
)

// policyText is the curated policy, see the head of the file.
//
//go:embed policy.txt
var policyText string

// set is a set of names.
type set map[string]bool

// policy is the parsed policy: section title → names.
type policy map[string]set

// parsePolicy parses the embedded text. The sections of refused functions
// document decisions; what counts is that a name is in no allowed section.
func parsePolicy() policy {
	p := make(policy)
	var section set
	for line := range strings.Lines(policyText) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			section = make(set)
			p[strings.Trim(line, "[]")] = section
		default:
			for name := range strings.FieldsSeq(line) {
				section[name] = true
			}
		}
	}
	return p
}

// reserved returns all reserved words, those of queries included.
func (p policy) reserved() set {
	all := maps.Clone(p["reserved"])
	maps.Copy(all, p["keywords"])
	return all
}
