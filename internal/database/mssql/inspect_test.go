package mssql

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
)

// columnOf is COLMETADATA of one column v of a type.
func columnOf(info ...byte) []byte {
	b := append([]byte{0x81, 1, 0, 0, 0, 0, 0, 0, 0}, info...)
	return append(b, 1, 'v', 0)
}

func finished(parts ...[]byte) []byte {
	return append(bytes.Join(parts, nil), append([]byte{0xFD, 0x10, 0, 0, 0}, make([]byte, 8)...)...)
}

func zeros(n int) []byte { return make([]byte, n) }

func TestInspectorFollowsTypes(t *testing.T) {
	coll := []byte{9, 4, 0xD0, 0, 0x34}
	long := func(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }
	plp := func(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }
	for name, tt := range map[string]struct{ info, value []byte }{
		"null":               {[]byte{0x1F}, nil},
		"tinyint":            {[]byte{0x30}, zeros(1)},
		"bit":                {[]byte{0x32}, zeros(1)},
		"smallint":           {[]byte{0x34}, zeros(2)},
		"int":                {[]byte{0x38}, zeros(4)},
		"smalldatetime":      {[]byte{0x3A}, zeros(4)},
		"real":               {[]byte{0x3B}, zeros(4)},
		"money":              {[]byte{0x3C}, zeros(8)},
		"smallmoney":         {[]byte{0x7A}, zeros(4)},
		"bigint":             {[]byte{0x7F}, zeros(8)},
		"nullable int":       {[]byte{0x26, 4}, []byte{4, 1, 2, 3, 4}},
		"nullable int, NULL": {[]byte{0x26, 4}, zeros(1)},
		"decimal":            {[]byte{0x6A, 17, 38, 0}, append([]byte{17}, zeros(17)...)},
		"date":               {[]byte{0x28}, []byte{3, 1, 1, 1}},
		"time":               {[]byte{0x29, 7}, []byte{5, 1, 1, 1, 1, 1}},
		"nchar":              {append([]byte{0xEF, 4, 0}, coll...), []byte{4, 0, 1, 1, 1, 1}},
		"nchar, NULL":        {append([]byte{0xEF, 4, 0}, coll...), []byte{0xFF, 0xFF}},
		"binary":             {[]byte{0xAD, 4, 0}, []byte{2, 0, 1, 1}},
		"max, NULL":          {[]byte{0xA5, 0xFF, 0xFF}, plp(1<<64 - 1)},
		"max, unknown":       {[]byte{0xA5, 0xFF, 0xFF}, append(append(plp(1<<64-2), 2, 0, 0, 0, 1, 1), zeros(4)...)},
		"xml with a schema":  {[]byte{0xF1, 1, 1, 'd', 0, 1, 's', 0, 1, 0, 'c', 0}, append(plp(0), zeros(4)...)},
		"CLR":                {[]byte{0xF0, 0xFF, 0xFF, 1, 'd', 0, 0, 1, 't', 0, 1, 0, 'a', 0}, plp(1<<64 - 1)},
		"image":              {[]byte{0x22, 0, 0, 0, 0, 2, 1, 0, 'a', 0, 0, 0}, append(append([]byte{2, 1, 1}, zeros(8)...), 1, 0, 0, 0, 9)},
		"text, NULL":         {append(append([]byte{0x23, 0, 0, 0, 0}, coll...), 0), zeros(1)},
		"text, late NULL":    {append(append([]byte{0x23, 0, 0, 0, 0}, coll...), 0), append(append([]byte{1, 1}, zeros(8)...), long(0xFFFFFFFF)...)},
		"variant":            {[]byte{0x62, 0, 0, 0, 0}, append(long(6), 0x38, 0, 1, 2, 3, 4)},
		"variant, NULL":      {[]byte{0x62, 0, 0, 0, 0}, zeros(4)},
	} {
		stream := finished(columnOf(tt.info...), []byte{0xD1}, tt.value, []byte{0xD2, 1}, []byte{0xD2, 0}, tt.value)
		var i inspector
		i.most.Store(1000)
		if _, err := i.feed(stream, true); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(tt.value) == 0 {
			continue
		}
		short := bytes.Join([][]byte{columnOf(tt.info...), {0xD1}, tt.value[:len(tt.value)-1]}, nil)
		if _, err := new(inspector).feed(short, true); err == nil {
			t.Errorf("%s: a value cut short is accepted", name)
		}
	}
}

func TestInspectorRefuses(t *testing.T) {
	max := columnOf(0xA5, 0xFF, 0xFF)
	claim := func(n uint64) []byte { return binary.LittleEndian.AppendUint64([]byte{0xD1}, n) }
	for name, tt := range map[string]struct {
		stream []byte
		want   error
	}{
		"a length beyond the limit":        {finished(max, claim(1001)), errFlood},
		"an old text beyond the limit":     {finished(columnOf(0x22, 0, 0, 0, 0, 0), []byte{0xD1, 1, 1}, zeros(8), []byte{0xFF, 0xFF, 0xFF, 0x7F}), errFlood},
		"a negative length":                {finished(columnOf(0x22, 0, 0, 0, 0, 0), []byte{0xD1, 1, 1}, zeros(8), []byte{0xFE, 0xFF, 0xFF, 0xFF}), errFlood},
		"a variant of another length":      {finished(columnOf(0x62, 0, 0, 0, 0), []byte{0xD1, 7, 0, 0, 0, 0x38, 0, 1, 2, 3, 4, 5}), errProtocol},
		"a variant with other properties":  {finished(columnOf(0x62, 0, 0, 0, 0), []byte{0xD1, 7, 0, 0, 0, 0x38, 1, 1, 2, 3, 4, 5}), errProtocol},
		"a variant of an unknown type":     {finished(columnOf(0x62, 0, 0, 0, 0), []byte{0xD1, 6, 0, 0, 0, 0xF1, 0, 1, 2, 3, 4}), errProtocol},
		"a variant of two gigabytes":       {finished(columnOf(0x62, 0, 0, 0, 0), []byte{0xD1, 0xFF, 0xFF, 0xFF, 0x7F, 0xE7, 7}), errProtocol},
		"an unknown change of environment": {finished([]byte{0xE3, 3, 0, 99, 0, 0}), errProtocol},
		"a change longer than its parts":   {finished([]byte{0xE3, 4, 0, 4, 0, 0, 1}), errProtocol},
		"an odd order":                     {finished([]byte{0xA9, 3, 0, 1, 1, 1}), errProtocol},
		"a feature not asked for":          {finished([]byte{0xAE, 4, 0, 0, 0, 0, 0xFF}), errProtocol},
		"a return value":                   {finished([]byte{0xAC, 0, 0}), errProtocol},
		"a challenge":                      {finished([]byte{0xED, 1, 0, 1}), errProtocol},
		"more after the end":               {finished(finished(), nil), errProtocol},
		"an unfinished feature list":       {[]byte{0xAE, 9, 0, 0, 0, 0}, errProtocol},
	} {
		var i inspector
		i.most.Store(1000)
		if _, err := i.feed(tt.stream, true); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

// TestInspectorKeepsWhatIsGood: rows before a value that is too long count.
func TestInspectorKeepsWhatIsGood(t *testing.T) {
	head := finished(columnOf(0xA5, 0xFF, 0xFF), []byte{0xD1}, binary.LittleEndian.AppendUint64(nil, 1<<64-1))
	head = head[:len(head)-13]
	var i inspector
	i.most.Store(1000)
	good, err := i.feed(append(head, binary.LittleEndian.AppendUint64([]byte{0xD1}, 1<<31)...), false)
	if !errors.Is(err, errFlood) || good != len(head) {
		t.Errorf("good = %d of %d, %v", good, len(head), err)
	}
	accepted := finished([]byte{0xAE, 1, 2, 0, 0, 0, 9, 9, 0xFF}, []byte{0xAB, 14, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0}, []byte{0x79, 0, 0, 0, 0})
	if _, err := new(inspector).feed(accepted, true); err != nil {
		t.Errorf("features, notice, status: %v", err)
	}
}
