package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Where a value came from.
const (
	originDefault = "default"
	originEnv     = "environment"
	originDotEnv  = ".env"
)

// source looks variables up: first the environment, then the .env file.
type source struct {
	getenv func(string) string
	dotenv map[string]string
}

func newSource(getenv func(string) string, dir string) (source, error) {
	src := source{getenv: getenv}
	if dir == "" {
		return src, nil
	}
	text, err := os.ReadFile(filepath.Join(dir, ".env"))
	if errors.Is(err, fs.ErrNotExist) {
		return src, nil
	}
	if err != nil {
		return src, fmt.Errorf(".env: %w", err)
	}
	src.dotenv, err = parseDotEnv(string(text))
	return src, err
}

func (s source) raw(name string) (text, origin string) {
	if text := s.getenv(name); text != "" {
		return text, originEnv
	}
	if text := s.dotenv[name]; text != "" {
		return text, originDotEnv
	}
	return "", originDefault
}

// lookup returns the text of a variable. A secret may be given as the name of
// a file in <NAME>_FILE instead, as container secrets are.
func (s source) lookup(name string, secret bool) (text, origin string, err error) {
	text, origin = s.raw(name)
	if !secret {
		return text, origin, nil
	}
	file, _ := s.raw(name + "_FILE")
	switch {
	case file == "":
		return text, origin, nil
	case text != "":
		return "", origin, fmt.Errorf("set either %s or %s_FILE, not both", name, name)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", name + "_FILE", fmt.Errorf("%s_FILE: %w", name, err)
	}
	text = strings.TrimRight(string(b), "\r\n")
	if text == "" {
		return "", name + "_FILE", fmt.Errorf("%s_FILE: the file is empty", name)
	}
	return text, name + "_FILE", nil
}

// parseDotEnv reads NAME=value lines with comments, an optional "export" and
// optional quotes. Values are taken literally: a $ in a password stays a $.
// Errors give the line number and never the line, which may hold a secret.
func parseDotEnv(text string) (map[string]string, error) {
	vars := make(map[string]string)
	for i, line := range strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		name = strings.TrimSpace(name)
		if !ok || name == "" || strings.ContainsAny(name, " \t\"'") {
			return nil, fmt.Errorf(".env: line %d is not NAME=value", i+1)
		}
		value, ok = unquote(strings.TrimSpace(value))
		if !ok {
			return nil, fmt.Errorf(".env: line %d (%s) has an unfinished quote", i+1, name)
		}
		vars[name] = value
	}
	return vars, nil
}

// unquote removes quotes and a trailing comment. In double quotes \" and \\
// are escapes; single quotes hold everything literally.
func unquote(s string) (string, bool) {
	if s == "" || s[0] != '"' && s[0] != '\'' {
		if strings.HasPrefix(s, "#") {
			return "", true
		}
		value, _, _ := strings.Cut(s, " #")
		return strings.TrimSpace(value), true
	}
	quote := s[0]
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == quote:
			return b.String(), true
		case s[i] == '\\' && quote == '"' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", false
}
