package postgres

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// graph is built from the rows of closure.sql: which object runs, reads or
// holds which other.
type graph struct {
	relations map[uint32]*relation
	functions map[uint32]*function
	nodes     map[object]*node
	reads     []relationReads   // what views and policies read
	path      string            // the schema that is searched first
	hashes    map[string]string // of the listed functions, by signature
}

type relationReads struct {
	reader uint32
	read   []uint32
}

// object identifies something in one of PostgreSQL's catalogues.
type object struct {
	class objectClass
	oid   uint32
}

type objectClass int

const (
	relationClass objectClass = iota
	functionClass
	typeClass
	operatorClass
)

// node is an object with the reason for which nothing may run it, which its
// users inherit.
type node struct {
	reason string
	users  []*node
}

// relation is a table, a view or the like.
type relation struct {
	*node
	full    string // schema.name
	name    string
	visible bool // by its name alone, first in the search path
	system  bool // of the server's own, and not for statements
	reads   []*relation
}

// function is one that statements may run only when it is listed.
type function struct {
	*node
	schema, name   string
	signature      string // of a built-in one the name
	visible        bool
	listed         bool
	args, defaults int
	variadic       bool
}

// closureInfo is the last column of closure.sql where it is no tree.
type closureInfo struct {
	Schema, Name, Signature, Hash string
	Visible, Known, Variadic      bool
	Args, Defaults                int
}

func newGraph(hashes map[string]string) *graph {
	return &graph{
		relations: make(map[uint32]*relation), functions: make(map[uint32]*function),
		nodes: make(map[object]*node), hashes: hashes,
	}
}

// node returns an object's node.
func (g *graph) node(class objectClass, oid uint32) *node {
	key := object{class, oid}
	n := g.nodes[key]
	if n == nil {
		n = new(node)
		g.nodes[key] = n
	}
	return n
}

// addRow takes a row of closure.sql.
func (g *graph) addRow(values [][]byte) error {
	kind := string(values[0])
	id, err := parseOID(values[1])
	ref, bad := parseOID(values[2])
	if err := errors.Join(err, bad); err != nil {
		return fmt.Errorf("closure: %w", err)
	}
	switch kind {
	case "relation", "denied", "function", "built-in":
		var info closureInfo
		if err := json.Unmarshal(values[3], &info); err != nil {
			return fmt.Errorf("closure: %w", err)
		}
		g.addObject(kind, id, ref, info)
	case "path":
		g.path = string(values[3])
	case "relation tree":
		g.addRelationTree(id, readTree(string(values[3])))
	case "relation constants":
		g.addTree(g.node(relationClass, id), readConstants(string(values[3])))
	case "type tree":
		g.addTree(g.node(typeClass, id), readTree(string(values[3])))
	default:
		return g.addEdge(kind, id, ref)
	}
	return nil
}

func (g *graph) addObject(kind string, id, ref uint32, info closureInfo) {
	switch kind {
	case "relation", "denied":
		r := &relation{
			node: g.node(relationClass, id), full: info.Schema + "." + info.Name, name: info.Name,
			visible: info.Visible, system: kind == "denied",
		}
		g.relations[id] = r
		if r.system {
			r.reason = "it reads " + r.full
		} else {
			link(g.node(typeClass, ref), r.node)
		}
	case "built-in":
		g.node(functionClass, id).reason = "it runs " + info.Name
		g.functions[id] = &function{node: g.node(functionClass, id), schema: systemSchema, name: info.Name, signature: info.Name, visible: true}
	case "function":
		f := &function{
			node: g.node(functionClass, id), schema: info.Schema, name: info.Name, signature: info.Signature, visible: info.Visible,
			args: info.Args, defaults: info.Defaults, variadic: info.Variadic,
		}
		hash, listed := g.hashes[info.Signature]
		f.listed = listed && hash == info.Hash && hash != ""
		if !f.listed && !info.Known {
			f.reason = "it runs " + info.Signature + ", which an administrator can allow for this connection"
		}
		g.functions[id] = f
	}
}

// addEdge takes a row that says what an object runs or holds.
func (g *graph) addEdge(kind string, id, ref uint32) error {
	switch kind {
	case "relation child":
		link(g.node(relationClass, ref), g.node(relationClass, id))
	case "relation function":
		link(g.node(functionClass, ref), g.node(relationClass, id))
	case "type type":
		link(g.node(typeClass, ref), g.node(typeClass, id))
	case "type function":
		link(g.node(functionClass, ref), g.node(typeClass, id))
	case "operator function":
		link(g.node(functionClass, ref), g.node(operatorClass, id))
	case "function type":
		link(g.node(typeClass, ref), g.node(functionClass, id))
	default:
		return fmt.Errorf("closure: unknown kind %q", kind)
	}
	return nil
}

// addRelationTree takes what a view's definition or a policy names.
func (g *graph) addRelationTree(id uint32, names references) {
	reader := g.node(relationClass, id)
	g.addTree(reader, names)
	g.linkAll(relationClass, names.relations, reader)
	if names.writes {
		reader.reason = "it writes"
	}
	g.reads = append(g.reads, relationReads{id, names.relations})
}

func (g *graph) addTree(user *node, names references) {
	g.linkAll(functionClass, names.functions, user)
	g.linkAll(operatorClass, names.operators, user)
	g.linkAll(typeClass, names.types, user)
}

func (g *graph) linkAll(class objectClass, used []uint32, user *node) {
	for _, oid := range used {
		link(g.node(class, oid), user)
	}
}

// link says that user runs, reads or holds used.
func link(used, user *node) { used.users = append(used.users, user) }

// spread hands each node's reason to all that use it, directly or not.
func (g *graph) spread() {
	var refused []*node
	for _, n := range g.nodes {
		if n.reason != "" {
			refused = append(refused, n)
		}
	}
	// The reasons are told in the same words after each reading.
	slices.SortFunc(refused, func(a, b *node) int { return cmp.Compare(a.reason, b.reason) })
	for len(refused) > 0 {
		n := refused[0]
		refused = refused[1:]
		for _, user := range n.users {
			if user.reason == "" {
				user.reason = n.reason
				refused = append(refused, user)
			}
		}
	}
}

// closure returns the verdicts, and nothing of what led to them.
func (g *graph) closure() *closure {
	g.spread()
	for _, reads := range g.reads {
		reader := g.relations[reads.reader]
		for _, oid := range reads.read {
			if read := g.relations[oid]; reader != nil && read != nil && read != reader && !read.system {
				reader.reads = append(reader.reads, read)
			}
		}
	}
	c := &closure{relations: make(map[string][]*relation, 2*len(g.relations)), functions: make(map[string][]*function)}
	for _, r := range g.relations {
		c.relations[r.full] = append(c.relations[r.full], r)
		if r.visible {
			c.relations[r.name] = append(c.relations[r.name], r)
		}
		r.users = nil
	}
	for oid, f := range g.functions {
		c.functions[f.name] = append(c.functions[f.name], f)
		if f.listed && f.reason == "" {
			c.allowed = append(c.allowed, strconv.FormatUint(uint64(oid), 10))
		}
		f.users = nil
	}
	return c
}
