// Package cost bounds statements that are small and cost everything: WITH
// queries that refer to one another exponentially often, values whose length
// the text alone multiplies, functions whose time is the product of their
// arguments' lengths. Engines notice such statements late or never: within one
// function call PostgreSQL and MySQL look at no timeout and no cancel.
//
// A dialect turns its tree into a [Query]; [Check] judges that. It knows
// nothing of the data, so it bounds what a statement's own text makes. What a
// table's rows cost is for timeouts and for the server's configuration
// (docs/design/015-cost-of-statements.md).
package cost

// Query is a SELECT, VALUES or set operation, reduced to what its cost
// depends on.
type Query struct {
	With []With
	// Arms are the queries of a UNION and the like. A query with arms has
	// none of the fields from From to Limit of its own, except Exprs.
	Arms    []*Query
	From    []Source
	Renamed []string // new names of columns that FROM joins, in unknown order
	Outputs []Output
	Exprs   []Expr  // all other expressions: conditions, order, groups
	Holds   bool    // its rows are sorted or compared, so that all are held at once
	Grouped bool    // there is a GROUP BY
	Sets    float64 // how many grouping sets it stands for
	Rows    float64 // how many rows VALUES has
	Limit   float64 // 0 without a constant LIMIT
}

// With is one WITH query.
type With struct {
	Name      string
	Columns   []string
	Query     *Query
	Recursive bool
	// Inlined says that the engine repeats the query for each reference.
	Inlined bool
}

// Source is one item of a FROM clause: a relation or WITH query by name, a
// subquery, or a call of a function.
type Source struct {
	Table   string // without its schema, if it had none
	Alias   string
	Columns []string
	Query   *Query
	Calls   []Expr
}

// Output is one column of a result. Its name is empty where the engine makes
// one up, and * for all columns of a source.
type Output struct {
	Name string
	Expr Expr
}

// Kind says what an expression is.
type Kind uint8

// The kinds of expressions.
const (
	// Other is an expression of which only the parts are known.
	Other Kind = iota
	// Text is a literal; Name holds its characters.
	Text
	// Number is a literal with its value in Number.
	Number
	// Column is a reference to a column or to a whole row.
	Column
	// Call is a function by its lower-case name, or an operator by its sign.
	Call
	// Padded is a value cast to a type that fills it up to Number bytes.
	Padded
	// Scalar is a subquery that stands for its only value, after Args.
	Scalar
	// List is an array constructor.
	List
)

// Expr is an expression.
type Expr struct {
	Kind      Kind
	Name      string
	Qualifier string // of a column
	Number    float64
	Over      bool // it is a window function
	Args      []Expr
	Query     *Query
}
