package main

import (
	"os"

	"github.com/gin-gonic/gin"
)

func main() {
	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	router.GET("/", func(request *gin.Context) { request.String(200, "ok") })
	panic(router.Run("127.0.0.1:" + os.Args[1]))
}
