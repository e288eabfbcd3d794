// Package process runs programs of ours beside a load or an attack and reads
// their memory and processor time.
package process

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/client"
)

// Process is a program of ours.
type Process struct {
	Base string // its URL without a trailing slash

	cmd *exec.Cmd
}

// Start runs cmd with env added to the environment. It serves on base.
func Start(cmd *exec.Cmd, env []string, base string) (*Process, error) {
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	return &Process{cmd: cmd, Base: base}, cmd.Start()
}

// StartGateway runs a program that is a gateway on a data folder of its own
// and returns when it is ready. env wins over what is set here.
func StartGateway(ctx context.Context, program, data string, env []string) (*Process, error) {
	addr, err := FreeAddr()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command(program, "serve")
	p, err := Start(cmd, append([]string{
		"DATA_DIR=" + data, "DATABASE_URL=sqlite:////" + strings.TrimPrefix(filepath.Join(data, "gateway.db"), "/"),
		"BASE_URL=http://127.0.0.1:" + port, "PORT=" + port, "LOG_LEVEL=ERROR",
	}, env...), "http://127.0.0.1:"+port)
	if err != nil {
		return p, err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return p, (&client.Client{Base: p.Base}).WaitReady(ctx)
}

// Stop interrupts the process and waits for its end. A nil Process has ended.
func (p *Process) Stop() {
	if p == nil || p.cmd.Process == nil {
		return
	}
	p.cmd.Process.Signal(os.Interrupt)
	p.cmd.Wait()
}

// PID is the number of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Memory returns a field of /proc/<pid>/status in bytes: VmRSS, VmHWM.
func (p *Process) Memory(field string) (int64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("no %s in /proc status", field)
}

// CPU returns the processor time that the process has used, from
// /proc/<pid>/stat (proc(5)): unlike throughput it does not depend on what
// else the machine does.
func (p *Process) CPU() (time.Duration, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(raw), ") ") // the name may hold spaces
	fields := strings.Fields(rest)
	var ticks int64
	for _, field := range fields[11:13] { // utime, stime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / 100, nil
}

// FreeAddr returns a loopback address on which nobody listens now.
func FreeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// WaitListening returns when somebody listens on addr, or after 10 s with the
// last error.
func WaitListening(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", addr, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Kill ends the process at once. A nil Process has ended.
func (p *Process) Kill() {
	if p == nil || p.cmd.Process == nil {
		return
	}
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// ResetPeak makes VmHWM count from now on (proc(5), clear_refs).
func (p *Process) ResetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte("5"), 0)
}
