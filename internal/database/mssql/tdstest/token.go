package tdstest

import (
	"encoding/binary"
	"fmt"
)

// Tokens of the reply stream (MS-TDS 2.2.7).
const (
	tokenReturnStatus = 0x79
	tokenColumns      = 0x81
	tokenError        = 0xAA
	tokenLoginAck     = 0xAD
	tokenRow          = 0xD1
	tokenEnvChange    = 0xE3
	tokenDone         = 0xFD
	tokenDoneProc     = 0xFE
	tokenDoneInProc   = 0xFF
)

// Bits of a DONE token's status (MS-TDS 2.2.7.6).
const (
	doneMore      = 0x01
	doneError     = 0x02
	doneCount     = 0x10
	doneAttention = 0x20
)

// Kinds of ENVCHANGE (MS-TDS 2.2.7.9).
const (
	envDatabase  = 1
	envPacket    = 4
	envCollation = 7
	envBegin     = 8
	envCommit    = 9
	envRollback  = 10
	envRouting   = 20
)

// Error is a server error: what a [Session] returns to choose its number.
type Error struct {
	Number  int32
	Class   byte // severity; 0 means 16
	Message string
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("%s (%d)", e.Message, e.Number) }

// sized appends a token whose length is told in two bytes.
func sized(dst []byte, token byte, body []byte) []byte {
	dst = append(dst, token)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(body)))
	return append(dst, body...)
}

func appendDone(dst []byte, token byte, status uint16, rows uint64) []byte {
	const selectCommand = 0xC1
	dst = append(dst, token)
	dst = binary.LittleEndian.AppendUint16(dst, status)
	dst = binary.LittleEndian.AppendUint16(dst, selectCommand)
	return binary.LittleEndian.AppendUint64(dst, rows)
}

func appendError(dst []byte, e *Error) []byte {
	class := e.Class
	if class == 0 {
		class = 16
	}
	text := appendUTF16(nil, e.Message)
	body := binary.LittleEndian.AppendUint32(nil, uint32(e.Number))
	body = append(body, 1, class)
	body = binary.LittleEndian.AppendUint16(body, uint16(len(text)/2))
	body = append(body, text...)
	body = appendShortText(body, "tdstest")
	body = appendShortText(body, "")
	body = binary.LittleEndian.AppendUint32(body, 1)
	return sized(dst, tokenError, body)
}

// appendTransaction tells the client that a transaction began or ended.
func appendTransaction(dst []byte, kind byte) []byte {
	id := []byte{8, 1, 0, 0, 0, 0, 0, 0, 0}
	if kind == envBegin {
		return sized(dst, tokenEnvChange, append(append([]byte{kind}, id...), 0))
	}
	return sized(dst, tokenEnvChange, append([]byte{kind, 0}, id...))
}

// appendWelcome answers a login that succeeded.
func appendWelcome(dst []byte, database string) []byte {
	env := append(appendShortText([]byte{envDatabase}, database), 0)
	dst = sized(dst, tokenEnvChange, env)
	env = append([]byte{envCollation, byte(len(collation))}, collation...)
	dst = sized(dst, tokenEnvChange, append(env, 0))
	ack := appendShortText([]byte{1, 0x74, 0, 0, 4}, "Microsoft SQL Server")
	dst = sized(dst, tokenLoginAck, append(ack, 16, 0, 0x10, 0))
	env = appendShortText(appendShortText([]byte{envPacket}, "4096"), "4096")
	return sized(dst, tokenEnvChange, env)
}

// appendRoute sends the client to another server.
func appendRoute(dst []byte, host string, port uint16) []byte {
	name := appendUTF16(nil, host)
	route := binary.LittleEndian.AppendUint16([]byte{0}, port)
	route = binary.LittleEndian.AppendUint16(route, uint16(len(name)/2))
	route = append(route, name...)
	body := binary.LittleEndian.AppendUint16([]byte{envRouting}, uint16(len(route)))
	body = append(append(body, route...), 0, 0)
	return sized(dst, tokenEnvChange, body)
}
