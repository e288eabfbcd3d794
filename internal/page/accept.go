package page

import (
	"strconv"
	"strings"
)

// PrefersHTML reports whether the caller is a browser rather than a program:
// text/html must be named, and not be wanted less than JSON (RFC 9110, section
// 12.5.1).
func PrefersHTML(accept string) bool {
	html, data := 0.0, 0.0
	for part := range strings.SplitSeq(accept, ",") {
		media, parameters, _ := strings.Cut(part, ";")
		switch strings.ToLower(strings.TrimSpace(media)) {
		case "text/html":
			html = max(html, quality(parameters))
		case "application/json":
			data = max(data, quality(parameters))
		}
	}
	return html > 0 && html >= data
}

func quality(parameters string) float64 {
	for p := range strings.SplitSeq(parameters, ";") {
		if value, ok := strings.CutPrefix(strings.TrimSpace(p), "q="); ok {
			q, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return 0
			}
			return q
		}
	}
	return 1
}
