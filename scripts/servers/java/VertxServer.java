import io.vertx.core.Vertx;

public class VertxServer {
    public static void main(String[] arguments) {
        Vertx.vertx()
            .createHttpServer()
            .requestHandler(request -> request.response().end("ok"))
            .listen(Integer.parseInt(arguments[0]), "127.0.0.1");
    }
}
