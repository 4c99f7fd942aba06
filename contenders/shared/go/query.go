package contract

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Parameter is a parameter of a path: a whole number within limits, or one of some words.
type Parameter struct {
	name     string
	fallback uint64
	min, max uint64
	words    []string
}

// The numbers that paths take.
var (
	WaitMs   = Parameter{name: "wait_ms", max: 60_000}
	CPUUnits = Parameter{name: "cpu_units", max: 1_000_000}
	Bytes    = Parameter{name: "bytes", max: 10 << 20}
	Units    = Parameter{name: "units", fallback: 1000, max: 1_000_000}
	BlockMs  = Parameter{name: "ms", fallback: 200, max: 60_000}
)

// Mode is the parameter that picks a variant, the default first.
func Mode(words ...string) Parameter {
	return Parameter{name: "mode", words: words}
}

// Query holds the value of every number that a path takes.
type Query map[string]uint64

// Number is the value of a parameter.
func (q Query) Number(name string) uint64 {
	return q[name]
}

// Millis is the value of a parameter as a duration.
func (q Query) Millis(name string) time.Duration {
	return time.Duration(q[name]) * time.Millisecond
}

// ParseQuery reads a query strictly: a parameter that is missing takes its default; one that is unknown,
// repeated, malformed or out of range is an error that says what is allowed.
func ParseQuery(raw string, allowed ...Parameter) (Query, error) {
	given := map[string]string{}
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, value = decoded(name), decoded(value)
		if !known(name, allowed) {
			return nil, fmt.Errorf("unknown parameter `%s` with value `%s`; allowed: %s", shown(name), shown(value), names(allowed))
		}
		if _, ok := given[name]; ok {
			return nil, fmt.Errorf("parameter `%s` is given again with value `%s`; allowed: once", name, shown(value))
		}
		given[name] = value
	}

	query := Query{}
	for _, parameter := range allowed {
		value, ok := given[parameter.name]
		if !ok {
			query[parameter.name] = parameter.fallback
			continue
		}
		number, err := parameter.parse(value)
		if err != nil {
			return nil, err
		}
		query[parameter.name] = number
	}
	return query, nil
}

// parse gives a number, or the position of a word.
func (p Parameter) parse(value string) (uint64, error) {
	if p.words != nil {
		for position, word := range p.words {
			if value == word {
				return uint64(position), nil
			}
		}
		return 0, fmt.Errorf("parameter `%s` has value `%s`; allowed: %s", p.name, shown(value), strings.Join(p.words, ", "))
	}
	// ParseUint takes digits only: no sign, no blank.
	number, err := strconv.ParseUint(value, 10, 64)
	if err != nil || number < p.min || number > p.max {
		return 0, fmt.Errorf("parameter `%s` has value `%s`; allowed: a whole number from %d to %d", p.name, shown(value), p.min, p.max)
	}
	return number, nil
}

func known(name string, allowed []Parameter) bool {
	for _, parameter := range allowed {
		if parameter.name == name {
			return true
		}
	}
	return false
}

func names(allowed []Parameter) string {
	if len(allowed) == 0 {
		return "none"
	}
	list := make([]string, len(allowed))
	for i, parameter := range allowed {
		list[i] = parameter.name
	}
	return strings.Join(list, ", ")
}

// decoded undoes percent-encoding; text that is not well encoded stays as it is.
func decoded(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

// shown is what a client sent, short enough to stand in an error message.
func shown(text string) string {
	const maxRunes = 64
	if runes := []rune(text); len(runes) > maxRunes {
		return string(runes[:maxRunes]) + "…"
	}
	return text
}
