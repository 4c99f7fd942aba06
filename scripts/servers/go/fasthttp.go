package main

import (
	"os"

	"github.com/valyala/fasthttp"
)

func main() {
	panic(fasthttp.ListenAndServe("127.0.0.1:"+os.Args[1], func(request *fasthttp.RequestCtx) { request.WriteString("ok") }))
}
