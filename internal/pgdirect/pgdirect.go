// Package pgdirect tells a connection that ends at a PostgreSQL server from
// one that a pooler may have taken. Behind a pooler every transaction can meet
// another server session, so nothing may be set or prepared for the session.
package pgdirect

import (
	"net"
	"net/netip"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
)

// Columns are the values that a connection selects for [Proven], all of them
// NULL or text of one line.
const Columns = "pg_catalog.pg_backend_pid(), pg_catalog.host(pg_catalog.inet_client_addr()), pg_catalog.inet_client_port()"

// Proven reports whether the server process that answered Columns is the other
// end of conn: it has the process number of the handshake's BackendKeyData, and
// it sees this very socket, address and port. A pooler connects to the server
// from a port of its own, so one that passes the key through is still seen.
// Address translation, tunnels and Unix sockets are not proven: the caller is
// then slower and not wrong.
func Proven(conn *pgconn.PgConn, pid, host, port string) bool {
	local, ok := conn.Conn().LocalAddr().(*net.TCPAddr)
	if !ok || pid != strconv.FormatUint(uint64(conn.PID()), 10) || port != strconv.Itoa(local.Port) {
		return false
	}
	seen, err := netip.ParseAddr(host)
	return err == nil && seen.Unmap().WithZone("") == local.AddrPort().Addr().Unmap().WithZone("")
}
