package postgres

import (
	"slices"
	"strconv"
)

// references are the objects that a stored tree (pg_node_tree) names.
type references struct {
	relations, functions, operators, types []uint32
	// writes says that the tree holds a statement that is no SELECT.
	writes bool
}

// readTree collects all that a tree names, each once.
func readTree(tree string) references {
	var found references
	scanTree(tree, &found)
	for _, list := range []*[]uint32{&found.relations, &found.functions, &found.operators, &found.types} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return found
}

// readConstants collects the functions and operators that a tree calls without
// any column below the call: those that planning evaluates.
func readConstants(tree string) references {
	reader := constants{nodes: make([]constantNode, 1)}
	scanTree(tree, &reader)
	return reader.found
}

// treeVisitor is told what a tree holds, in order.
type treeVisitor interface {
	open(node string)
	close()
	number(k treeKey, id uint32)
}

func (*references) open(string) {}

func (*references) close() {}

func (r *references) number(k treeKey, id uint32) { r.add(k, id) }

// constants is the visitor of [readConstants]. Its first node is the whole.
type constants struct {
	found references
	nodes []constantNode
}

type constantNode struct {
	calls  references // of the node itself
	column bool       // the node or one below it is a column
}

func (c *constants) open(node string) {
	c.nodes = append(c.nodes, constantNode{column: node == "VAR"})
}

func (c *constants) close() {
	last := len(c.nodes) - 1
	if last == 0 {
		return
	}
	node := c.nodes[last]
	c.nodes = c.nodes[:last]
	c.nodes[last-1].column = c.nodes[last-1].column || node.column
	if !node.column {
		c.found.functions = append(c.found.functions, node.calls.functions...)
		c.found.operators = append(c.found.operators, node.calls.operators...)
	}
}

func (c *constants) number(k treeKey, id uint32) {
	if k == functionKey || k == operatorKey {
		c.nodes[len(c.nodes)-1].calls.add(k, id)
	}
}

func (r *references) add(k treeKey, id uint32) {
	switch k {
	case relationKey:
		r.relations = append(r.relations, id)
	case functionKey:
		r.functions = append(r.functions, id)
	case operatorKey:
		r.operators = append(r.operators, id)
	case typeKey:
		r.types = append(r.types, id)
	case commandKey:
		r.writes = r.writes || id != 1 // CMD_SELECT
	}
}

// treeKey says what the numbers of a tree's field are.
type treeKey int

const (
	otherKey treeKey = iota
	relationKey
	functionKey
	operatorKey
	typeKey
	commandKey
)

// keyOf knows the fields of PostgreSQL 13 to 18 that name something which can
// run. Input, output and support functions follow from the types.
func keyOf(field string) treeKey {
	switch field {
	case ":relid":
		return relationKey
	case ":funcid", ":opfuncid", ":hashfuncid", ":negfuncid", ":aggfnoid", ":winfnoid", ":tsmhandler",
		":startInRangeFunc", ":endInRangeFunc":
		return functionKey
	case ":opno", ":opnos", ":eqop", ":sortop", ":cycle_mark_neop":
		return operatorKey
	case ":resulttype", ":consttype", ":vartype", ":paramtype", ":funcresulttype", ":opresulttype",
		":aggtype", ":aggtranstype", ":aggargtypes", ":wintype", ":casetype", ":coalescetype", ":minmaxtype",
		":array_typeid", ":element_typeid", ":row_typeid", ":refcontainertype", ":refelemtype", ":refrestype",
		":typeId", ":typid", ":type", ":coltypes", ":colTypes", ":funccoltypes", ":ctecoltypes", ":cycle_mark_type":
		return typeKey
	case ":commandType":
		return commandKey
	}
	return otherKey
}

// scanTree tells v the nodes and the identifiers in a tree. A tree is words
// between spaces and brackets; in the names that users have chosen these stand
// behind backslashes, so that none of them looks like a field and a number.
func scanTree(tree string, v treeVisitor) {
	key := otherKey
	for i := 0; i < len(tree); {
		word := treeWord(tree[i:])
		switch {
		case word == "":
			switch {
			case tree[i] == '{' && !isEscaped(tree, i):
				name := treeWord(tree[i+1:])
				v.open(name)
				i += len(name)
				key = otherKey
			case tree[i] == '}' && !isEscaped(tree, i):
				v.close()
				key = otherKey
			}
			i++
		case word[0] == ':':
			key = keyOf(word)
		case key != otherKey:
			// Zero stands for no object.
			if id, err := strconv.ParseUint(word, 10, 32); err == nil && (id != 0 || key == commandKey) {
				v.number(key, uint32(id))
			}
		}
		i += len(word)
	}
}

// treeWord returns the word that text begins with.
func treeWord(text string) string {
	for i := range len(text) {
		switch text[i] {
		case ' ', '\n', '\t', '(', ')', '{', '}':
			return text[:i]
		}
	}
	return text
}

// isEscaped reports whether an odd number of backslashes precedes tree[i].
func isEscaped(tree string, i int) bool {
	before := i
	for before > 0 && tree[before-1] == '\\' {
		before--
	}
	return (i-before)%2 == 1
}
