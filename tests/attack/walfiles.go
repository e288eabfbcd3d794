package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// hostileWAL registers databases in write-ahead-log mode whose logs are not
// what a SQLite would leave. Any answer is good that leaves the gateway alive
// and small.
func hostileWAL(ctx context.Context, r *rig) ([]attempt, error) {
	whole, log, err := r.walDatabase(ctx)
	if err != nil {
		return nil, err
	}
	var all []attempt
	for i, w := range walDamages(log) {
		path := filepath.Join(r.files(), fmt.Sprintf("wal%d.db", i))
		if err := os.WriteFile(path, whole, 0o644); err != nil {
			return nil, err
		}
		if err := w.place(path); err != nil {
			return nil, fmt.Errorf("%s: %w", w.name, err)
		}
		all = append(all, attempt{name: w.name, run: func(ctx context.Context, r *rig) (string, bool) {
			return r.readDamaged(ctx, fmt.Sprintf("wal %d", i), path)
		}})
	}
	return all, nil
}

// walDatabase returns a database file and its log, both as they are while a
// writer has them open.
func (r *rig) walDatabase(ctx context.Context) (whole, log []byte, err error) {
	path := filepath.Join(r.folder, "writer.db")
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)")
	if err != nil {
		return nil, nil, err
	}
	defer db.Close()
	err = executeAll(ctx, db, "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)", "PRAGMA wal_checkpoint(TRUNCATE)",
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<2000) INSERT INTO t SELECT i, printf('%0100d', i) FROM n")
	if err != nil {
		return nil, nil, err
	}
	if whole, err = os.ReadFile(path); err != nil {
		return nil, nil, err
	}
	log, err = os.ReadFile(path + "-wal")
	return whole, log, err
}

type walDamage struct {
	name  string
	place func(path string) error // puts the log beside the database
}

func walDamages(log []byte) []walDamage {
	written := func(name string, change func(log []byte) []byte) walDamage {
		return walDamage{name, func(path string) error { return os.WriteFile(path+"-wal", change(bytes.Clone(log)), 0o644) }}
	}
	frames := func(name string, page, size uint32) walDamage {
		return written(name, func(log []byte) []byte { return forge(log, page, size) })
	}
	return []walDamage{
		written("a log as it should be", func(log []byte) []byte { return log }),
		written("a log that is cut in a frame", func(log []byte) []byte { return log[:len(log)-2000] }),
		written("a header alone", func(log []byte) []byte { return log[:32] }),
		written("half a header", func(log []byte) []byte { return log[:16] }),
		written("noise", func(log []byte) []byte { return bytes.Repeat([]byte{0xa5}, len(log)) }),
		written("a page size of 3", func(log []byte) []byte { binary.BigEndian.PutUint32(log[8:], 3); return log }),
		frames("well-formed frames of page 4294967294", 0xfffffffe, 0xffffffff),
		frames("well-formed frames of page 0", 0, 1),
		frames("well-formed frames that replace page 1", 1, 2),
		frames("well-formed frames, a database of 1 page", 2, 1),
		{"an index of noise", func(path string) error {
			return errorsOf(os.WriteFile(path+"-wal", log, 0o644), os.WriteFile(path+"-shm", bytes.Repeat([]byte{0x5a}, 32<<10), 0o644))
		}},
		{"a huge index without content", func(path string) error {
			return errorsOf(os.WriteFile(path+"-wal", log, 0o644), os.WriteFile(path+"-shm", nil, 0o644), os.Truncate(path+"-shm", 1<<30))
		}},
		{"a huge log without content", func(path string) error {
			return errorsOf(os.WriteFile(path+"-wal", log[:32], 0o644), os.Truncate(path+"-wal", 8<<30))
		}},
		{"a log that is a pipe", func(path string) error { return syscall.Mkfifo(path+"-wal", 0o644) }},
		{"a log that is a link to the gateway's keys", func(path string) error {
			return os.Symlink(filepath.Join(filepath.Dir(filepath.Dir(path)), "data", "secret.key"), path+"-wal")
		}},
		{"a log that is a folder", func(path string) error { return os.Mkdir(path+"-wal", 0o755) }},
	}
}

func errorsOf(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}

// forge makes every frame one of this page and lets each commit a database of
// so many pages, with the checksums that SQLite wants
// (https://www.sqlite.org/fileformat2.html#walformat).
func forge(log []byte, page, size uint32) []byte {
	const header, frameHeader = 32, 24
	var order binary.ByteOrder = binary.LittleEndian
	if log[3]&1 == 1 {
		order = binary.BigEndian
	}
	pageSize := int(binary.BigEndian.Uint32(log[8:]))
	a, b := walSum(order, 0, 0, log[:24])
	for at := header; at+frameHeader+pageSize <= len(log); at += frameHeader + pageSize {
		frame := log[at : at+frameHeader+pageSize]
		binary.BigEndian.PutUint32(frame, page)
		binary.BigEndian.PutUint32(frame[4:], size)
		a, b = walSum(order, a, b, frame[:8])
		a, b = walSum(order, a, b, frame[frameHeader:])
		binary.BigEndian.PutUint32(frame[16:], a)
		binary.BigEndian.PutUint32(frame[20:], b)
	}
	return log
}

func walSum(order binary.ByteOrder, a, b uint32, content []byte) (uint32, uint32) {
	for i := 0; i < len(content); i += 8 {
		a += order.Uint32(content[i:]) + b
		b += order.Uint32(content[i+4:]) + a
	}
	return a, b
}
