import io.undertow.Undertow;

public class UndertowServer {
    public static void main(String[] arguments) {
        Undertow.builder()
            .addHttpListener(Integer.parseInt(arguments[0]), "127.0.0.1")
            .setHandler(exchange -> exchange.getResponseSender().send("ok"))
            .build()
            .start();
    }
}
