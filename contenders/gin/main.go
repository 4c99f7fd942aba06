// A Gin server in release mode, without its access log.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"crossover/contract"

	"github.com/gin-gonic/gin"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatalf("usage: %s PORT", os.Args[0])
	}
	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	router.Use(gin.Recovery())
	router.GET("/", hello)
	router.GET("/health", health)
	router.GET("/json", message)
	router.GET("/work", work)
	router.GET("/sync-data", syncData)
	router.GET("/async-data", asyncData)
	router.GET("/cpu", cpu)
	router.GET("/block", block)

	server := &http.Server{
		Addr:              net.JoinHostPort("127.0.0.1", os.Args[1]),
		Handler:           router,
		ReadHeaderTimeout: contract.HeadTimeout,
		IdleTimeout:       contract.IdleTimeout,
	}
	log.Fatal(server.ListenAndServe())
}

func hello(c *gin.Context) {
	if _, ok := query(c); ok {
		c.String(http.StatusOK, contract.Hello)
	}
}

func health(c *gin.Context) {
	if _, ok := query(c); ok {
		respond(c, http.StatusOK, contract.Health{Status: "ok"})
	}
}

func message(c *gin.Context) {
	if _, ok := query(c); ok {
		respond(c, http.StatusOK, contract.Message{Message: "Hello, World!"})
	}
}

func work(c *gin.Context) {
	q, ok := query(c, contract.WaitMs, contract.CPUUnits, contract.Bytes)
	if !ok {
		return
	}
	time.Sleep(q.Millis("wait_ms"))
	contract.Spend(q.Number("cpu_units"))
	body := contract.Filler(q.Number("bytes"))
	// Without it, net/http sends a body of more than 2 KiB in chunks.
	c.Header("Content-Length", strconv.Itoa(len(body)))
	c.String(http.StatusOK, "%s", body)
}

func syncData(c *gin.Context) {
	if _, ok := query(c); !ok {
		return
	}
	start := time.Now()
	for _, wait := range contract.Waits {
		time.Sleep(wait)
	}
	data(c, start, "sequential")
}

func asyncData(c *gin.Context) {
	if _, ok := query(c); !ok {
		return
	}
	start := time.Now()
	var group sync.WaitGroup
	for _, wait := range contract.Waits {
		group.Go(func() { time.Sleep(wait) })
	}
	group.Wait()
	data(c, start, "concurrent")
}

func data(c *gin.Context, start time.Time, mode string) {
	elapsed := time.Since(start).Milliseconds()
	c.Header("X-Execution-Time", fmt.Sprintf("%dms", elapsed))
	respond(c, http.StatusOK, contract.NewData(elapsed, mode))
}

// The scheduler preempts a goroutine that computes, so there is nothing to offload or to yield.
func cpu(c *gin.Context) {
	q, ok := query(c, contract.Units, contract.Mode("inline"))
	if !ok {
		return
	}
	units := q.Number("units")
	respond(c, http.StatusOK, contract.CPU{Units: units, Checksum: contract.Compute(units)})
}

// A goroutine that sleeps holds no thread, so both modes are alike.
func block(c *gin.Context) {
	q, ok := query(c, contract.BlockMs, contract.Mode("wrong", "right"))
	if !ok {
		return
	}
	time.Sleep(q.Millis("ms"))
	respond(c, http.StatusOK, contract.Blocked{BlockedMs: q.Number("ms")})
}

// query reads the parameters, or answers 400 and returns false.
func query(c *gin.Context, allowed ...contract.Parameter) (contract.Query, bool) {
	q, err := contract.ParseQuery(c.Request.URL.RawQuery, allowed...)
	if err != nil {
		respond(c, http.StatusBadRequest, contract.Error{Error: err.Error()})
		return nil, false
	}
	return q, true
}

// Gin keeps a content type that is already set; its own would add a charset, which JSON has none of.
func respond(c *gin.Context, status int, value any) {
	c.Header("Content-Type", "application/json")
	c.JSON(status, value)
}
