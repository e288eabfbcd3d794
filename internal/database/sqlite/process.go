package sqlite

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/mcp-gateway/mcp-gateway/internal/database/sqlite/protocol"
)

// Command starts a worker. The zero value starts this very program with the
// argument that makes it one, which gateway.Run recognises.
type Command struct {
	Path string
	Args []string // after the program's name
}

// orOwn fills in this program. On Linux it is named by what runs, so that an
// upgrade that replaces the file does not start workers of another version.
func (c Command) orOwn() (Command, error) {
	if c.Path != "" {
		return c, nil
	}
	c.Args = []string{protocol.Command}
	const running = "/proc/self/exe"
	if runtime.GOOS == "linux" {
		if _, err := os.Stat(running); err == nil {
			c.Path = running
			return c, nil
		}
	}
	path, err := os.Executable()
	c.Path = path
	return c, err
}

// process is a worker's process with the three pipes to it.
type process struct {
	cmd      *exec.Cmd
	requests *os.File
	answers  *os.File
	control  *os.File // numbers of requests to stop; its end is the worker's
}

func startProcess(command Command) (*process, error) {
	if os.Getenv(protocol.Marker) != "" {
		return nil, errors.New("this program was started as a worker and does not know it: it has to call gateway.Main, or gateway.Run with its arguments")
	}
	command, err := command.orOwn()
	if err != nil {
		return nil, err
	}
	var pipes pipes
	requests, toRequests := pipes.make()
	answers, toAnswers := pipes.make()
	control, toControl := pipes.make()
	p := &process{exec.Command(command.Path, command.Args...), toRequests, answers, toControl}
	p.cmd.Env = workerEnv()
	p.cmd.Stdin, p.cmd.Stdout = requests, toAnswers
	p.cmd.Stderr = control // turned round: the worker reads it
	if pipes.err == nil {
		pipes.err = p.cmd.Start()
	}
	if pipes.err != nil {
		closeAll(pipes.ends)
		return nil, pipes.err
	}
	closeAll([]*os.File{requests, toAnswers, control})
	return p, nil
}

// pipes makes pipes until one fails.
type pipes struct {
	ends []*os.File
	err  error
}

func (p *pipes) make() (from, into *os.File) {
	if p.err != nil {
		return nil, nil
	}
	if from, into, p.err = os.Pipe(); p.err == nil {
		p.ends = append(p.ends, from, into)
	}
	return from, into
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close() // nothing was written to it
	}
}

// workerEnv passes nothing on but where temporary files lie, which time is
// local, and how the race detector works in tests: the gateway's environment
// holds its secrets.
func workerEnv() []string {
	env := []string{protocol.Marker + "=1"}
	for _, name := range []string{"SQLITE_TMPDIR", "TMPDIR", "TMP", "TEMP", "TZ", "ZONEINFO", "GORACE"} {
		if value := os.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// kill ends the process at once. What reads or writes its pipes returns.
func (p *process) kill() { _ = p.cmd.Process.Kill() } // it may have ended already

// close lets the process end, kills it when that takes too long, and returns
// how it ended.
func (p *process) close() (state string) {
	_ = p.requests.Close()
	timer := time.AfterFunc(grace, p.kill)
	defer timer.Stop()
	_ = p.cmd.Wait() // its state tells more than the error
	_ = p.control.Close()
	_ = p.answers.Close()
	return p.cmd.ProcessState.String()
}
