package config

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// value is what a row of the table fills in. It is flag.Value: Set parses,
// String shows the value in force without secrets.
type value interface {
	Set(text string) error
	String() string
}

// parsed is a value made of a parse and a show function.
type parsed[T any] struct {
	to    *T
	parse func(string) (T, error)
	show  func(T) string
}

func (p parsed[T]) Set(text string) (err error) {
	*p.to, err = p.parse(text)
	return err
}

func (p parsed[T]) String() string { return p.show(*p.to) }

func plain(to *string) value {
	return matching(to, nil, "")
}

// matching takes texts that match the pattern whole; rule says so in words.
func matching(to *string, pattern *regexp.Regexp, rule string) value {
	return parsed[string]{to, func(s string) (string, error) {
		if pattern != nil && !pattern.MatchString(s) {
			return "", fmt.Errorf("%q must be %s", s, rule)
		}
		return s, nil
	}, func(s string) string { return s }}
}

func secret(to *Secret) value {
	return parsed[Secret]{to, func(s string) (Secret, error) { return Secret(s), nil }, Secret.String}
}

func secrets(to *[]Secret) value {
	return parsed[[]Secret]{to, func(s string) (out []Secret, err error) {
		for _, item := range splitList(s) {
			out = append(out, Secret(item))
		}
		return out, nil
	}, func(list []Secret) string {
		if len(list) == 0 {
			return ""
		}
		return fmt.Sprintf("(%d set)", len(list))
	}}
}

func integer(to *int, low, high int) value {
	return parsed[int]{to, func(s string) (int, error) { return parseInt(s, low, high) }, strconv.Itoa}
}

// duration takes whole numbers of unit.
func duration(to *time.Duration, unit time.Duration, low, high int) value {
	return parsed[time.Duration]{to, func(s string) (time.Duration, error) {
		n, err := parseInt(s, low, high)
		return time.Duration(n) * unit, err
	}, func(d time.Duration) string { return strconv.Itoa(int(d / unit)) }}
}

func parseInt(s string, low, high int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("%q must be a whole number from %d to %d", s, low, high)
	}
	return n, nil
}

func boolean(to *bool) value {
	return parsed[bool]{to, func(s string) (bool, error) {
		switch strings.ToLower(s) {
		case "true", "1", "yes", "on":
			return true, nil
		case "false", "0", "no", "off":
			return false, nil
		}
		return false, fmt.Errorf("%q must be true or false", s)
	}, strconv.FormatBool}
}

func oneOf[T ~string](to *T, allowed ...T) value {
	return parsed[T]{to, func(s string) (T, error) {
		for _, a := range allowed {
			if s == string(a) {
				return a, nil
			}
		}
		return "", fmt.Errorf("%q must be one of %s", s, joinList(allowed))
	}, func(v T) string { return string(v) }}
}

func level(to *slog.Level) value {
	return parsed[slog.Level]{to, func(s string) (slog.Level, error) {
		switch strings.ToUpper(s) {
		case "DEBUG":
			return slog.LevelDebug, nil
		case "INFO":
			return slog.LevelInfo, nil
		case "WARNING", "WARN":
			return slog.LevelWarn, nil
		case "ERROR":
			return slog.LevelError, nil
		}
		return 0, fmt.Errorf("%q must be one of DEBUG, INFO, WARNING, ERROR", s)
	}, func(l slog.Level) string {
		if l == slog.LevelWarn {
			return "WARNING"
		}
		return l.String()
	}}
}

func list(to *[]string, check func(string) error) value {
	return parsed[[]string]{to, func(s string) ([]string, error) {
		items := splitList(s)
		for _, item := range items {
			if err := check(item); err != nil {
				return nil, err
			}
		}
		return items, nil
	}, joinList[string]}
}

func anyText(string) error { return nil }

func prefixes(to *[]netip.Prefix) value {
	return parsed[[]netip.Prefix]{to, func(s string) (out []netip.Prefix, err error) {
		for _, item := range splitList(s) {
			p, err := parsePrefix(item)
			if err != nil {
				return nil, err
			}
			out = append(out, p)
		}
		return out, nil
	}, func(list []netip.Prefix) string {
		texts := make([]string, len(list))
		for i, p := range list {
			texts[i] = p.String()
		}
		return joinList(texts)
	}}
}

// parsePrefix reads a CIDR, or an address as a range of one.
func parsePrefix(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		addr = addr.Unmap().WithZone("")
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, fmt.Errorf("%q must be an address or a CIDR range", s)
	}
	return p.Masked(), nil
}

// webURL takes an absolute http or https URL and drops a trailing slash.
func webURL(to *string) value {
	return parsed[string]{to, func(s string) (string, error) {
		u, err := url.Parse(s)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return "", fmt.Errorf("must be an absolute http or https URL without user, query and fragment")
		}
		return strings.TrimRight(s, "/"), nil
	}, func(s string) string { return s }}
}

func listenAddr(to *string) value {
	return parsed[string]{to, func(s string) (string, error) {
		_, port, err := net.SplitHostPort(s)
		if err == nil {
			_, err = parseInt(port, 0, 65535)
		}
		if err != nil {
			return "", fmt.Errorf("%q must be host:port", s)
		}
		return s, nil
	}, func(s string) string { return s }}
}

func redisURL(to *Secret) value {
	return parsed[Secret]{to, parseRedisURL, func(s Secret) string { return redactURL(s.Reveal()) }}
}

var redisDatabase = regexp.MustCompile(`^/?[0-9]{0,9}$`)

// parseRedisURL completes the URL: the default port, and an empty user before
// a password that stands alone.
func parseRedisURL(s string) (Secret, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" || u.Hostname() == "" ||
		!redisDatabase.MatchString(u.Path) || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("must be redis:// or, for TLS, rediss:// with [user:password@]host[:port][/database number], special characters as %%XX")
	}
	if u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), "6379")
	}
	if _, full := u.User.Password(); u.User != nil && !full {
		u.User = url.UserPassword("", u.User.Username())
	}
	return Secret(u.String()), nil
}

// redactURL shows a URL without its password and query.
func redactURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return redacted
	}
	u.RawQuery = ""
	return u.Redacted()
}

var slugEntry = regexp.MustCompile(`^([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)=(.*)$`)

func dirGrants(to *[]DirGrant) value {
	return parsed[[]DirGrant]{to, func(s string) (out []DirGrant, err error) {
		for _, item := range splitList(s) {
			g := DirGrant{Path: item}
			if m := slugEntry.FindStringSubmatch(item); m != nil {
				g = DirGrant{Slug: m[1], Path: m[2]}
			}
			if !filepath.IsAbs(g.Path) || hasDotDot(g.Path) {
				return nil, fmt.Errorf("%q must be absolute and have no .. part", item)
			}
			g.Path = filepath.Clean(g.Path)
			out = append(out, g)
		}
		return out, nil
	}, func(list []DirGrant) string {
		texts := make([]string, len(list))
		for i, g := range list {
			texts[i] = g.Path
			if g.Slug != "" {
				texts[i] = g.Slug + "=" + g.Path
			}
		}
		return joinList(texts)
	}}
}

func hasDotDot(path string) bool {
	for _, part := range strings.Split(filepath.ToSlash(path), "/") {
		if part == ".." {
			return true
		}
	}
	return false
}

func splitList(s string) (items []string) {
	for _, item := range strings.Split(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

func joinList[T ~string](items []T) string {
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = string(item)
	}
	return strings.Join(texts, ", ")
}
