// What the Node servers serve: two bytes, by the server that is named.
//
// usage: plain.cjs express|fastify|hapi|http|koa PORT
const [name, port] = process.argv.slice(2);
const servers = {
  express: () => require("express")().get("/", (request, response) => response.send("ok")).listen(port, "127.0.0.1"),
  fastify: () => require("fastify")().get("/", async () => "ok").listen({ port, host: "127.0.0.1" }),
  hapi() {
    const server = require("@hapi/hapi").server({ port, host: "127.0.0.1" });
    server.route({ method: "GET", path: "/", handler: () => "ok" });
    return server.start();
  },
  http: () => require("node:http").createServer((request, response) => response.end("ok")).listen(port, "127.0.0.1"),
  koa() {
    const application = new (require("koa"))();
    application.use((context) => {
      context.body = "ok";
    });
    return application.listen(port, "127.0.0.1");
  },
};
servers[name]();
