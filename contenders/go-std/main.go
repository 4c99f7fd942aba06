// A net/http server, as the standard library's documentation writes one: a goroutine per connection,
// routes on a ServeMux, encoding/json.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"crossover/contract"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatalf("usage: %s PORT", os.Args[0])
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", hello)
	mux.HandleFunc("GET /health", health)
	mux.HandleFunc("GET /json", message)
	mux.HandleFunc("GET /work", work)
	mux.HandleFunc("GET /sync-data", syncData)
	mux.HandleFunc("GET /async-data", asyncData)
	mux.HandleFunc("GET /cpu", cpu)
	mux.HandleFunc("GET /block", block)

	server := &http.Server{
		Addr:              net.JoinHostPort("127.0.0.1", os.Args[1]),
		Handler:           mux,
		ReadHeaderTimeout: contract.HeadTimeout,
		IdleTimeout:       contract.IdleTimeout,
	}
	log.Fatal(server.ListenAndServe())
}

func hello(w http.ResponseWriter, r *http.Request) {
	if _, ok := query(w, r); ok {
		text(w, contract.Hello)
	}
}

func health(w http.ResponseWriter, r *http.Request) {
	if _, ok := query(w, r); ok {
		respond(w, http.StatusOK, contract.Health{Status: "ok"})
	}
}

func message(w http.ResponseWriter, r *http.Request) {
	if _, ok := query(w, r); ok {
		respond(w, http.StatusOK, contract.Message{Message: "Hello, World!"})
	}
}

func work(w http.ResponseWriter, r *http.Request) {
	q, ok := query(w, r, contract.WaitMs, contract.CPUUnits, contract.Bytes)
	if !ok {
		return
	}
	time.Sleep(q.Millis("wait_ms"))
	contract.Spend(q.Number("cpu_units"))
	text(w, contract.Filler(q.Number("bytes")))
}

func syncData(w http.ResponseWriter, r *http.Request) {
	if _, ok := query(w, r); !ok {
		return
	}
	start := time.Now()
	for _, wait := range contract.Waits {
		time.Sleep(wait)
	}
	data(w, start, "sequential")
}

func asyncData(w http.ResponseWriter, r *http.Request) {
	if _, ok := query(w, r); !ok {
		return
	}
	start := time.Now()
	var group sync.WaitGroup
	for _, wait := range contract.Waits {
		group.Go(func() { time.Sleep(wait) })
	}
	group.Wait()
	data(w, start, "concurrent")
}

func data(w http.ResponseWriter, start time.Time, mode string) {
	elapsed := time.Since(start).Milliseconds()
	w.Header().Set("X-Execution-Time", fmt.Sprintf("%dms", elapsed))
	respond(w, http.StatusOK, contract.NewData(elapsed, mode))
}

// The scheduler preempts a goroutine that computes, so there is nothing to offload or to yield.
func cpu(w http.ResponseWriter, r *http.Request) {
	q, ok := query(w, r, contract.Units, contract.Mode("inline"))
	if !ok {
		return
	}
	units := q.Number("units")
	respond(w, http.StatusOK, contract.CPU{Units: units, Checksum: contract.Compute(units)})
}

// A goroutine that sleeps holds no thread, so both modes are alike.
func block(w http.ResponseWriter, r *http.Request) {
	q, ok := query(w, r, contract.BlockMs, contract.Mode("wrong", "right"))
	if !ok {
		return
	}
	time.Sleep(q.Millis("ms"))
	respond(w, http.StatusOK, contract.Blocked{BlockedMs: q.Number("ms")})
}

// query reads the parameters, or answers 400 and returns false.
func query(w http.ResponseWriter, r *http.Request, allowed ...contract.Parameter) (contract.Query, bool) {
	q, err := contract.ParseQuery(r.URL.RawQuery, allowed...)
	if err != nil {
		respond(w, http.StatusBadRequest, contract.Error{Error: err.Error()})
		return nil, false
	}
	return q, true
}

func text(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	io.WriteString(w, body)
}

func respond(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}
