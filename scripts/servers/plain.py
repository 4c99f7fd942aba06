"""What the Python servers serve: two bytes, by WSGI (`app`) and ASGI (`asgi`), or by the server that is named.

usage: plain.py aiohttp|cheroot|http-server|tornado|werkzeug PORT
"""

import sys

FIELDS = [("Content-Type", "text/plain"), ("Content-Length", "2")]


def app(environ, start_response):
    start_response("200 OK", FIELDS)
    return [b"ok"]


async def asgi(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    fields = [(name.lower().encode(), value.encode()) for name, value in FIELDS]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": b"ok"})


def aiohttp(port):
    from aiohttp import web

    async def answer(request):
        return web.Response(text="ok")

    application = web.Application()
    application.router.add_get("/", answer)
    web.run_app(application, host="127.0.0.1", port=port, access_log=None, print=None)


def cheroot(port):
    from cheroot.wsgi import Server

    Server(("127.0.0.1", port), app).start()


def http_server(port):
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.send_response(200)
            for field in FIELDS:
                self.send_header(*field)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *arguments):
            pass

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


def tornado(port):
    import asyncio

    from tornado.web import Application, RequestHandler

    class Handler(RequestHandler):
        def get(self):
            self.write("ok")

    async def serve():
        Application([("/", Handler)], log_function=lambda handler: None).listen(port, "127.0.0.1")
        await asyncio.Event().wait()

    asyncio.run(serve())


def werkzeug(port):
    from werkzeug.serving import run_simple

    run_simple("127.0.0.1", port, app, threaded=True)


if __name__ == "__main__":
    globals()[sys.argv[1].replace("-", "_")](int(sys.argv[2]))
