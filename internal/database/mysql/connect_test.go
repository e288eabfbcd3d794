package mysql_test

import (
	"encoding/binary"
	"testing"

	"github.com/mcp-gateway/mcp-gateway/internal/database"
)

// TestRefusals puts what servers say to a login into the fixed set of contract
// 3.4, without their texts.
func TestRefusals(t *testing.T) {
	for code, want := range map[uint16]string{
		1040: database.ErrCannotConnect, // too many connections
		1044: database.ErrDatabaseNotFound,
		1045: database.ErrAuthentication,
		1049: database.ErrDatabaseNotFound,
		1053: database.ErrCannotConnect, // shutting down
		1129: database.ErrCannotConnect, // host blocked
		1130: database.ErrAuthentication,
		1203: database.ErrCannotConnect,
		1698: database.ErrAuthentication,
		1862: database.ErrAuthentication,
		3118: database.ErrAuthentication,
		3159: database.ErrTLS,
		4151: database.ErrAuthentication,
		1105: database.ErrOther,
	} {
		packet := binary.LittleEndian.AppendUint16([]byte{0xff}, code)
		packet = append(packet, "#HY000refused"...)
		wantFailure(t, fake(t, func(p *peer) { p.send(string(packet)) }), want)
		wantFailure(t, fake(t, afterLogin(string(packet))), want)
	}
}

// TestSetUpIsRefused: a server too old for the limits is not used without them.
func TestSetUpIsRefused(t *testing.T) {
	server := fake(t, func(p *peer) {
		if !p.login() || p.packet() == nil {
			return
		}
		p.result("7", "5.5.99", "fake:1:1")
		if p.packet() != nil {
			p.send("\xff\xa9\x04#HY000Unknown system variable 'max_execution_time'")
		}
	})
	wantFailure(t, server, database.ErrOther)
}
