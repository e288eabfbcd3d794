package postgres

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
	"github.com/mcp-gateway/mcp-gateway/internal/sqlguard"
	"github.com/mcp-gateway/mcp-gateway/tool"
)

// shape is what a statement's result looks like.
type shape struct {
	columns  []tool.Column
	encoders []encoder
}

// pgType is how the values of one type become JSON.
type pgType struct {
	name   string
	encode encoder
}

// types knows the types of one database: the common ones by heart, all others
// (enums, domains, composites, ranges, extensions, their arrays) as the
// catalogue told. Values are always asked for in the text format: every type
// has one, and most texts are JSON already or nearly so.
type types struct {
	mu      sync.RWMutex
	learned map[uint32]pgType
}

func newTypes() *types { return &types{learned: map[uint32]pgType{}} }

// shape returns the shape of a result, or the types it does not know.
func (t *types) shape(fields []pgproto3.FieldDescription) (*shape, unknownTypes) {
	s := &shape{columns: make([]tool.Column, len(fields)), encoders: make([]encoder, len(fields))}
	var unknown unknownTypes
	for i, f := range fields {
		found, ok := t.find(f.DataTypeOID)
		if !ok {
			unknown = append(unknown, f.DataTypeOID)
		}
		s.columns[i] = tool.Column{Name: columnName(string(f.Name)), Type: found.name}
		s.encoders[i] = found.encode
	}
	return s, unknown
}

// columnName takes PostgreSQL's mark of a column without a name away, so that
// the numbering of contract 6.5 applies.
func columnName(name string) string {
	if name == "?column?" {
		return ""
	}
	return name
}

func (t *types) find(oid uint32) (pgType, bool) {
	if found, ok := builtin(oid); ok {
		return found, true
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	found, ok := t.learned[oid]
	return found, ok
}

// typesSQL returns the types asked for and those they are made of, innermost
// first: domains by their base, arrays by their element.
const typesSQL = `WITH RECURSIVE need(oid, depth) AS (
  SELECT t.oid, 0 FROM pg_catalog.pg_type t WHERE t.oid IN (%s)
  UNION ALL
  SELECT d.part, n.depth + 1
  FROM need n JOIN pg_catalog.pg_type t ON t.oid = n.oid,
    LATERAL (VALUES (t.typelem), (t.typbasetype)) d(part)
  WHERE d.part <> 0 AND n.depth < 16 AND (t.typtype = 'd' OR t.typcategory = 'A'))
SELECT t.oid, pg_catalog.format_type(t.oid, NULL), t.typbasetype,
  CASE WHEN t.typcategory = 'A' AND t.typlen = -1 THEN t.typelem ELSE 0 END, e.typdelim
FROM (SELECT oid, max(depth) AS depth FROM need GROUP BY oid) n
JOIN pg_catalog.pg_type t ON t.oid = n.oid
LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem
ORDER BY n.depth DESC`

// learn asks the catalogue about types.
func (t *types) learn(ctx context.Context, s *session, oids unknownTypes) error {
	list := make([]string, len(oids))
	for i, oid := range oids {
		list[i] = strconv.FormatUint(uint64(oid), 10)
	}
	found := map[uint32]pgType{}
	err := s.run(ctx, request{
		stmt:  &sqlguard.Statement{SQL: strings.Replace(typesSQL, "%s", strings.Join(list, ","), 1)},
		limit: database.Limit{}.OrDefault(),
		types: t,
		sink:  rowFunc(func(values [][]byte) error { return t.take(found, values) }),
	})
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for oid, it := range found {
		t.learned[oid] = it
	}
	for _, oid := range oids { // dropped meanwhile
		if _, ok := t.learned[oid]; !ok {
			t.learned[oid] = pgType{name: "unknown", encode: appendText}
		}
	}
	return nil
}

// take adds one row of typesSQL.
func (t *types) take(found map[uint32]pgType, values [][]byte) error {
	oid, err1 := parseOID(values[0])
	base, err2 := parseOID(values[2])
	elem, err3 := parseOID(values[3])
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	if _, ok := builtin(oid); ok {
		return nil
	}
	known := func(oid uint32) pgType {
		if it, ok := found[oid]; ok {
			return it
		}
		it, ok := t.find(oid)
		if !ok {
			it.encode = appendText
		}
		return it
	}
	it := pgType{name: string(values[1]), encode: appendText}
	switch {
	case base != 0:
		it.encode = known(base).encode
	case elem != 0:
		delimiter := byte(',')
		if len(values[4]) == 1 {
			delimiter = values[4][0]
		}
		it.encode = arrayOf(known(elem).encode, delimiter)
	}
	found[oid] = it
	return nil
}

func parseOID(b []byte) (uint32, error) {
	n, err := strconv.ParseUint(string(b), 10, 32)
	return uint32(n), err
}

// builtin knows the types that need no look at the catalogue, by the fixed
// numbers of pg_type.dat.
func builtin(oid uint32) (pgType, bool) {
	if it, ok := scalar(oid); ok {
		return it, true
	}
	if elem := elementOf(oid); elem != 0 {
		it, ok := scalar(elem)
		return pgType{name: it.name + "[]", encode: arrayOf(it.encode, ',')}, ok
	}
	return pgType{}, false
}

func scalar(oid uint32) (pgType, bool) {
	switch oid {
	case 16:
		return pgType{"boolean", appendBool}, true
	case 17:
		return pgType{"bytea", appendBytes}, true
	case 18:
		return pgType{`"char"`, appendText}, true
	case 19:
		return pgType{"name", appendText}, true
	case 20:
		return pgType{"bigint", appendNumber}, true
	case 21:
		return pgType{"smallint", appendNumber}, true
	case 22:
		return pgType{"int2vector", appendText}, true
	case 23:
		return pgType{"integer", appendNumber}, true
	case 25:
		return pgType{"text", appendText}, true
	case 26:
		return pgType{"oid", appendNumber}, true
	case 28:
		return pgType{"xid", appendNumber}, true
	case 29:
		return pgType{"cid", appendNumber}, true
	case 30:
		return pgType{"oidvector", appendText}, true
	case 114:
		return pgType{"json", appendJSON}, true
	case 700:
		return pgType{"real", appendNumber}, true
	case 701:
		return pgType{"double precision", appendNumber}, true
	case 705:
		return pgType{"text", appendText}, true
	case 790:
		return pgType{"money", appendText}, true
	case 1042:
		return pgType{"character", appendText}, true
	case 1043:
		return pgType{"character varying", appendText}, true
	default:
		return laterScalar(oid)
	}
}

func laterScalar(oid uint32) (pgType, bool) {
	switch oid {
	case 1082:
		return pgType{"date", appendText}, true
	case 1083:
		return pgType{"time without time zone", appendText}, true
	case 1114:
		return pgType{"timestamp without time zone", appendTimestamp}, true
	case 1184:
		return pgType{"timestamp with time zone", appendZoned}, true
	case 1186:
		return pgType{"interval", appendText}, true
	case 1266:
		return pgType{"time with time zone", appendZoned}, true
	case 1700:
		return pgType{"numeric", appendText}, true
	case 2249:
		return pgType{"record", appendText}, true
	case 2278:
		return pgType{"void", appendText}, true
	case 2950:
		return pgType{"uuid", appendText}, true
	case 3802:
		return pgType{"jsonb", appendJSON}, true
	case 5069:
		return pgType{"xid8", appendNumber}, true
	default:
		return pgType{}, false
	}
}

// elementOf returns the element type of the common array types, 0 of others.
func elementOf(oid uint32) uint32 {
	switch oid {
	case 199:
		return 114
	case 1000:
		return 16
	case 1001:
		return 17
	case 1003:
		return 19
	case 1005:
		return 21
	case 1007:
		return 23
	case 1009:
		return 25
	case 1014:
		return 1042
	case 1015:
		return 1043
	case 1016:
		return 20
	case 1021:
		return 700
	case 1022:
		return 701
	case 1115:
		return 1114
	case 1182:
		return 1082
	case 1185:
		return 1184
	case 1231:
		return 1700
	case 2287:
		return 2249
	case 2951:
		return 2950
	case 3807:
		return 3802
	default:
		return 0
	}
}
