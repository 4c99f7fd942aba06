#lang racket/base
(require web-server/http web-server/servlet-dispatch web-server/web-server)

(define port (string->number (vector-ref (current-command-line-arguments) 0)))
(define (answer request) (response/output #:mime-type #"text/plain" (lambda (out) (write-bytes #"ok" out))))
(serve #:dispatch (dispatch/servlet answer) #:listen-ip "127.0.0.1" #:port port)
(sync never-evt)
