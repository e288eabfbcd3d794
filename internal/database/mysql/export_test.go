package mysql

// PowerOf lets tests judge lines of SHOW GRANTS that need another server.
func PowerOf(grant, db string) string { return powerOf(grant, db) }
