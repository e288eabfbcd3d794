package postgres

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// rules names the code's part of the policy; raise it when a verdict changes.
const rules = "postgres-2"

//go:embed lists/*.txt
var listFiles embed.FS

// set is a list of allowed (or, for notation, refused) names.
type set map[string]struct{}

func (s set) has(name string) bool {
	_, ok := s[name]
	return ok
}

// lists are the policy's data, one file each below lists.
type lists struct {
	functions          set // of pg_catalog that only read
	extensionFunctions set // of known extensions, wherever they live
	relations          set // of pg_catalog
	informationSchema  set // views of information_schema
	types              set
	settings           set // that SHOW may tell
	notation           set // refused after a dot
	stored             set // of pg_catalog, for stored code alone
	builtin            set // of pg_catalog, allowed nowhere
	nodes              map[protoreflect.Name]bool
}

func readLists() lists {
	nodes := make(map[protoreflect.Name]bool)
	for _, name := range words("nodes") {
		nodes[protoreflect.Name(name)] = true
	}
	return lists{
		functions:          readSet("functions"),
		extensionFunctions: readSet("extension_functions"),
		relations:          readSet("relations"),
		informationSchema:  readSet("information_schema"),
		types:              readSet("types"),
		settings:           readSet("settings"),
		notation:           readSet("notation"),
		stored:             readSet("stored"),
		builtin:            readSet("builtin"),
		nodes:              nodes,
	}
}

// version is the rules' name and a digest of all lists.
func (lists) version() string {
	digest := sha256.New()
	for _, file := range []string{
		"builtin", "extension_functions", "extensions", "functions", "information_schema", "nodes", "notation", "relations", "settings", "stored", "types",
	} {
		digest.Write([]byte(file + "\n" + strings.Join(words(file), "\n") + "\n"))
	}
	return rules + "-" + hex.EncodeToString(digest.Sum(nil)[:6])
}

func readSet(file string) set {
	s := make(set)
	for _, word := range words(file) {
		s[word] = struct{}{}
	}
	return s
}

// words returns the words of a list file in order, comments left out.
func words(file string) []string {
	text, err := listFiles.ReadFile("lists/" + file + ".txt")
	if err != nil {
		panic(err) // the file is part of the program
	}
	var all []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			all = append(all, strings.Fields(line)...)
		}
	}
	slices.Sort(all)
	return all
}
