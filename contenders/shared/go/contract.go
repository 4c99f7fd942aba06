// Package contract is what the Go contenders have in common: the fixed parts of answers, the simulated
// waits, the CPU kernel, and the parameters with their limits.
package contract

import (
	"strings"
	"sync/atomic"
	"time"
)

// Idle connections, and heads that trickle in, are treated alike on all servers.
const (
	HeadTimeout = 10 * time.Second
	IdleTimeout = 75 * time.Second
)

// Hello is the answer to /.
const Hello = "Hello World"

// Health is the answer to /health.
type Health struct {
	Status string `json:"status"`
}

// Message is the answer to /json.
type Message struct {
	Message string `json:"message"`
}

// Waits are how long the database, the interface and the file of /sync-data and /async-data take.
var Waits = [...]time.Duration{200 * time.Millisecond, 300 * time.Millisecond, 100 * time.Millisecond}

// Data is the answer to /sync-data and /async-data.
type Data struct {
	DatabaseData  string `json:"database_data"`
	APIData       string `json:"api_data"`
	FileData      string `json:"file_data"`
	TotalTimeMs   int64  `json:"total_time_ms"`
	ExecutionMode string `json:"execution_mode"`
}

// NewData is the answer after waits that took so many milliseconds together.
func NewData(elapsedMs int64, mode string) Data {
	return Data{"Database result", "API result", "File content", elapsedMs, mode}
}

// CPU is the answer to /cpu.
type CPU struct {
	Units    uint64 `json:"units"`
	Checksum uint32 `json:"checksum"`
}

// Blocked is the answer to /block.
type Blocked struct {
	BlockedMs uint64 `json:"blocked_ms"`
}

// Error is the answer to a parameter that can't be taken.
type Error struct {
	Error string `json:"error"`
}

// Filler is the body of /work: so many times the letter x.
func Filler(bytes uint64) string {
	return strings.Repeat("x", int(bytes))
}

const (
	roundsPerUnit = 500
	seed          = 2463534242
)

var spent atomic.Uint32

// Spend computes without using the checksum; the variable keeps the compiler from dropping the work.
func Spend(units uint64) {
	if units > 0 {
		spent.Store(Compute(units))
	}
}

// Compute is the CPU kernel: rounds of Marsaglia's 32-bit xorshift. It returns the checksum.
func Compute(units uint64) uint32 {
	x := uint32(seed)
	for range units {
		for range roundsPerUnit {
			x ^= x << 13
			x ^= x >> 17
			x ^= x << 5
		}
	}
	return x
}
