package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/mcp-gateway/mcp-gateway/tests/process"
)

// target is one request, repeated, and what its answer must hold.
type target struct {
	server  *process.Process
	addr    string
	request []byte // the bytes of one HTTP/1.1 request
	want    []byte // must be in every answer: a fast wrong answer is no result
}

// newTarget writes req once, so that the load costs the client next to
// nothing: the machine's cores belong to the servers.
func newTarget(server *process.Process, req *http.Request, want string) (target, error) {
	var buf bytes.Buffer
	if err := req.Write(&buf); err != nil {
		return target{}, err
	}
	return target{server: server, addr: req.URL.Host, request: buf.Bytes(), want: []byte(want)}, nil
}

// run is what one closed-loop run measured.
type run struct {
	perSecond float64
	p50, p99  time.Duration
	cpu       time.Duration // of the server, per request
}

// load repeats the target from n connections for d and counts the answers.
func load(ctx context.Context, t target, n int, d time.Duration) (run, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		times []time.Duration
		errs  []error
	)
	before, err := t.server.CPU()
	if err != nil {
		return run{}, err
	}
	start := time.Now()
	for range n {
		wg.Go(func() {
			own, err := worker(ctx, t)
			mu.Lock()
			defer mu.Unlock()
			times = append(times, own...)
			errs = append(errs, err)
		})
	}
	wg.Wait()
	took := time.Since(start)
	if err := errors.Join(errs...); err != nil {
		return run{}, err
	}
	after, err := t.server.CPU()
	if err != nil {
		return run{}, err
	}
	slices.Sort(times)
	return run{
		cpu:       (after - before) / time.Duration(len(times)),
		perSecond: float64(len(times)) / took.Seconds(),
		p50:       times[len(times)/2], p99: times[len(times)*99/100],
	}, nil
}

func worker(ctx context.Context, t target) ([]time.Duration, error) {
	conn, err := net.Dial("tcp", t.addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 64<<10)
	var times []time.Duration
	var body []byte
	for ctx.Err() == nil {
		begin := time.Now()
		if _, err := conn.Write(t.request); err != nil {
			return nil, err
		}
		if body, err = answer(in, body[:0]); err != nil {
			return nil, err
		}
		times = append(times, time.Since(begin))
		if !bytes.Contains(body[:min(len(body), 4096)], t.want) {
			return nil, fmt.Errorf("unexpected answer: %.300s", body)
		}
	}
	return times, nil
}

func answer(in *bufio.Reader, body []byte) ([]byte, error) {
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return body, err
	}
	defer resp.Body.Close()
	buf := bytes.NewBuffer(body)
	if _, err := io.Copy(buf, resp.Body); err != nil {
		return body, err
	}
	if resp.StatusCode != http.StatusOK {
		return body, fmt.Errorf("status %d: %.300s", resp.StatusCode, buf.Bytes())
	}
	return buf.Bytes(), nil
}

// pair runs a and b in turn, so that a machine whose speed drifts treats both
// alike, and returns the medians and the median of the ratios a/b.
func pair(ctx context.Context, a, b target, clients, rounds int, d time.Duration) (ra, rb run, ratio float64, err error) {
	var as, bs []run
	var ratios []float64
	for i := range rounds + 1 {
		x, err := load(ctx, a, clients, d)
		if err != nil {
			return ra, rb, 0, err
		}
		y, err := load(ctx, b, clients, d)
		if err != nil {
			return ra, rb, 0, err
		}
		if i == 0 {
			continue // warm-up
		}
		as, bs, ratios = append(as, x), append(bs, y), append(ratios, x.perSecond/y.perSecond)
	}
	slices.Sort(ratios)
	return median(as), median(bs), ratios[len(ratios)/2], nil
}

func median(runs []run) run {
	slices.SortFunc(runs, func(a, b run) int { return int(a.perSecond - b.perSecond) })
	return runs[len(runs)/2]
}
