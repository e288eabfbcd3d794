package audit

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/mcp-gateway/mcp-gateway/identity"
	"github.com/mcp-gateway/mcp-gateway/internal/seal"
)

// AnchorFileName is the anchor file's name in DATA_DIR.
const AnchorFileName = "audit-anchors.jsonl"

// compactFrom is the size in bytes from which an anchor file is compacted,
// each time that it has doubled since.
const compactFrom = 1 << 20

// Anchor is one line of an anchor file.
type Anchor struct {
	File   string            `json:"file"` // the file's id, the same in all its lines
	Number int64             `json:"n"`    // microseconds since 1970, rising from line to line
	Tenant identity.TenantID `json:"tenant"`
	Seq    int64             `json:"seq"`
	Hash   string            `json:"hash"`
	KeyID  string            `json:"key"`
	MAC    string            `json:"mac"`
}

// Head returns what the anchor holds, with the time of the anchor.
func (a Anchor) Head() Head {
	return Head{Tenant: a.Tenant, Seq: a.Seq, Hash: a.Hash, At: time.UnixMicro(a.Number).UTC()}
}

func (a Anchor) message(s *seal.Signer) *seal.Message {
	return s.Message("audit anchor").Texts(a.File, string(a.Tenant), a.Hash).Numbers(a.Number, a.Seq)
}

// Marks remembers elsewhere how far each anchor file has been written, so that
// a file that was cut is noticed.
type Marks interface {
	RememberAuditAnchors(ctx context.Context, file string, number int64) error
	// AuditAnchorMark returns the number that was remembered, 0 for none.
	AuditAnchorMark(ctx context.Context, file string) (int64, error)
}

// AnchorFileConfig is what an anchor file is made of.
type AnchorFileConfig struct {
	Path   string
	Signer *seal.Signer
	Marks  Marks
	Log    *slog.Logger
	Now    func() time.Time
}

// AnchorFile is a [Sink]: a file that is only appended to, apart from being
// compacted now and then.
type AnchorFile struct {
	cfg       AnchorFileConfig
	id        string
	number    int64
	newest    map[identity.TenantID]Head
	size      int64 // as this process left it
	compacted int64 // size after this process compacted it last
}

// NewAnchorFile returns the sink. The file is read, and made when it is
// missing, when something is written.
func NewAnchorFile(cfg AnchorFileConfig) *AnchorFile { return &AnchorFile{cfg: cfg} }

// Anchor implements [Sink]. A chain that has become shorter than the file
// knows is logged; its new head is written all the same.
func (f *AnchorFile) Anchor(ctx context.Context, heads []Head) error {
	err := f.anchor(ctx, heads)
	if err == nil {
		return nil
	}
	// Logs name no paths.
	if at := new(fs.PathError); errors.As(err, &at) {
		err = fmt.Errorf("%s: %w", at.Op, at.Err)
	} else if at := new(os.LinkError); errors.As(err, &at) {
		err = fmt.Errorf("%s: %w", at.Op, at.Err)
	}
	return fmt.Errorf("%s in DATA_DIR: %w", AnchorFileName, err)
}

func (f *AnchorFile) anchor(ctx context.Context, heads []Head) error {
	if err := f.refresh(ctx); err != nil {
		return err
	}
	lines, number, err := f.lines(ctx, heads)
	if err != nil || len(lines) == 0 {
		return err
	}
	size, err := appendDurably(f.cfg.Path, lines)
	if err != nil {
		f.id = "" // part of it may be written
		return err
	}
	f.number, f.size = number, size
	for _, h := range heads {
		f.newest[h.Tenant] = h
	}
	if size > max(compactFrom, 2*f.compacted) {
		if err := f.compact(); err != nil {
			return err
		}
	}
	return f.cfg.Marks.RememberAuditAnchors(ctx, f.id, f.number)
}

// lines returns the anchors of the heads that are not in the file yet, and the
// number of the last one.
func (f *AnchorFile) lines(ctx context.Context, heads []Head) (text []byte, number int64, err error) {
	var lines bytes.Buffer
	number = f.number
	for _, h := range heads {
		known := f.newest[h.Tenant]
		if h.Seq < known.Seq {
			f.cfg.Log.ErrorContext(ctx, "an audit chain is shorter than it was: run mcp-gateway audit verify",
				"tenant_id", h.Tenant, "seq", h.Seq, "anchored_seq", known.Seq)
		}
		if h.Seq == known.Seq && h.Hash == known.Hash {
			continue
		}
		number = max(number+1, f.cfg.Now().UnixMicro())
		if err := f.line(&lines, number, h); err != nil {
			return nil, 0, err
		}
	}
	return lines.Bytes(), number, nil
}

func (f *AnchorFile) line(lines *bytes.Buffer, number int64, h Head) error {
	a := Anchor{File: f.id, Number: number, Tenant: h.Tenant, Seq: h.Seq, Hash: h.Hash, KeyID: f.cfg.Signer.KeyID()}
	a.MAC = a.message(f.cfg.Signer).Sign()
	return json.NewEncoder(lines).Encode(a)
}

// refresh reads the file at first and whenever somebody else has changed it.
// One that holds less than was remembered goes on under a new id, so that
// verifying still finds the old one cut.
func (f *AnchorFile) refresh(ctx context.Context) error {
	info, err := os.Stat(f.cfg.Path)
	if err == nil && f.id != "" && info.Size() == f.size {
		return nil
	}
	mark := int64(0)
	for range 2 { // another gateway on the same folder may write between the two looks
		if err := f.load(); err != nil {
			return err
		}
		if mark, err = f.cfg.Marks.AuditAnchorMark(ctx, f.id); err != nil {
			return err
		}
		if mark <= f.number {
			return nil
		}
	}
	f.cfg.Log.ErrorContext(ctx, "anchors were removed from the anchor file: run mcp-gateway audit verify", "file", f.id)
	f.id, f.newest = rand.Text(), map[identity.TenantID]Head{}
	return nil
}

// load reads what is in the file. A last line that a crash cut short was never
// relied on and is taken away.
func (f *AnchorFile) load() error {
	text, err := os.ReadFile(f.cfg.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	whole := bytes.LastIndexByte(text, '\n') + 1
	if whole < len(text) {
		if err := os.Truncate(f.cfg.Path, int64(whole)); err != nil {
			return err
		}
	}
	f.id, f.number = rand.Text(), 0
	// Later on only the heads of this process count: another gateway on the
	// same folder may be ahead of it.
	first := f.newest == nil
	if first {
		f.newest = map[identity.TenantID]Head{}
	}
	for _, a := range parseAnchors(text, f.cfg.Signer).Anchors {
		f.id, f.number = a.File, max(f.number, a.Number)
		if first {
			f.newest[a.Tenant] = a.Head()
		}
	}
	f.size = int64(whole)
	return os.MkdirAll(filepath.Dir(f.cfg.Path), 0o700)
}

// appendDurably appends to the file and returns its size.
func appendDurably(path string, text []byte) (size int64, err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return 0, err
	}
	_, err = file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	info, errStat := file.Stat()
	if err = errors.Join(err, errStat, file.Close()); err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// compact rewrites the file without the lines that say little.
func (f *AnchorFile) compact() error {
	text, err := os.ReadFile(f.cfg.Path)
	if err != nil {
		return err
	}
	kept := thin(text, f.cfg.Signer, f.cfg.Now())
	file, err := os.CreateTemp(filepath.Dir(f.cfg.Path), AnchorFileName+".*.tmp") // mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(kept)
	err = errors.Join(err, file.Sync(), file.Close())
	info, errStat := os.Stat(f.cfg.Path)
	if err = errors.Join(err, errStat); err == nil && info.Size() != int64(len(text)) {
		return os.Remove(file.Name()) // another gateway has written meanwhile: the next time will do
	}
	if err == nil {
		err = os.Rename(file.Name(), f.cfg.Path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	f.size, f.compacted = int64(len(kept)), int64(len(kept))
	return nil
}
