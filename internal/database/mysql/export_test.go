package mysql

// PowerOf lets tests judge lines of SHOW GRANTS that need another server.
func PowerOf(grant, db string) string { return powerOf(grant, db) }

// BeyondSQL does the same for the powers over the server.
func BeyondSQL(grant string) []string { return beyondSQL(grant) }
