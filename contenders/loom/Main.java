import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import crossover.Contract;
import crossover.Contract.BadParameter;
import crossover.Contract.Query;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** The JDK's own HTTP server with a virtual thread per exchange: blocking code, few threads. */
public final class Main {
    private static final int BACKLOG = 4096;
    private static final int YIELD_EVERY_UNITS = 100;
    private static final List<String> METHODS = List.of("GET", "HEAD");
    private static final String TEXT = "text/plain; charset=utf-8";
    private static final String JSON = "application/json";

    /** An answer, ready to be sent; a header of the answer is set on the exchange by the handler. */
    private record Answer(int status, String contentType, String body) {
        static Answer json(String body) {
            return new Answer(200, JSON, body);
        }
    }

    private interface Handler {
        Answer handle(HttpExchange exchange) throws Exception;
    }

    private static final Map<String, Handler> ROUTES = Map.of(
            "/", Main::hello,
            "/health", Main::health,
            "/json", Main::message,
            "/work", Main::work,
            "/sync-data", Main::syncData,
            "/async-data", Main::asyncData,
            "/cpu", Main::cpu,
            "/block", Main::block);

    private static final ExecutorService VIRTUAL = Executors.newVirtualThreadPerTaskExecutor();
    private static final ExecutorService COMPUTE =
            Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors());

    public static void main(String[] args) throws IOException {
        int port = Integer.parseInt(args[0]);
        var address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
        HttpServer server = HttpServer.create(address, BACKLOG);
        server.setExecutor(VIRTUAL);
        server.createContext("/", Main::dispatch);
        server.start();
    }

    /** A context matches by prefix, so the exact path is looked up here. */
    private static void dispatch(HttpExchange exchange) throws IOException {
        try (exchange) {
            send(exchange, answer(exchange));
        }
    }

    private static Answer answer(HttpExchange exchange) {
        Handler handler = ROUTES.get(exchange.getRequestURI().getPath());
        if (handler == null) {
            return new Answer(404, JSON, "{\"error\":\"no such path\"}");
        }
        if (!METHODS.contains(exchange.getRequestMethod())) {
            exchange.getResponseHeaders().set("Allow", String.join(",", METHODS));
            return new Answer(405, JSON, "{\"error\":\"only GET and HEAD are allowed\"}");
        }
        try {
            return handler.handle(exchange);
        } catch (BadParameter error) {
            return new Answer(400, JSON, "{\"error\":" + Contract.quote(error.getMessage()) + "}");
        } catch (Exception error) {
            return new Answer(500, JSON, "{\"error\":" + Contract.quote(error.toString()) + "}");
        }
    }

    private static void send(HttpExchange exchange, Answer answer) throws IOException {
        byte[] body = answer.body().getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", answer.contentType());
        if (exchange.getRequestMethod().equals("HEAD")) {
            exchange.getResponseHeaders().set("Content-Length", Integer.toString(body.length));
            exchange.sendResponseHeaders(answer.status(), -1);
            return;
        }
        // A length of 0 would mean "chunked" here, and -1 means an empty body.
        exchange.sendResponseHeaders(answer.status(), body.length == 0 ? -1 : body.length);
        exchange.getResponseBody().write(body);
    }

    private static Answer hello(HttpExchange exchange) {
        query(exchange);
        return new Answer(200, TEXT, Contract.HELLO);
    }

    private static Answer health(HttpExchange exchange) {
        query(exchange);
        return Answer.json("{\"status\":\"ok\"}");
    }

    private static Answer message(HttpExchange exchange) {
        query(exchange);
        return Answer.json("{\"message\":" + Contract.quote("Hello, World!") + "}");
    }

    private static Answer work(HttpExchange exchange) {
        Query query = query(exchange, Contract.WAIT_MS, Contract.CPU_UNITS, Contract.BYTES);
        Contract.sleep(query.number("wait_ms"));
        Contract.spend(query.number("cpu_units"));
        return new Answer(200, TEXT, Contract.filler(query.number("bytes")));
    }

    private static Answer syncData(HttpExchange exchange) {
        query(exchange);
        long start = System.nanoTime();
        for (long wait : Contract.WAITS_MS) {
            Contract.sleep(wait);
        }
        return data(exchange, start, "sequential");
    }

    private static Answer asyncData(HttpExchange exchange) throws Exception {
        query(exchange);
        long start = System.nanoTime();
        var waits = Arrays.stream(Contract.WAITS_MS)
                .<Future<?>>mapToObj(wait -> VIRTUAL.submit(() -> Contract.sleep(wait)))
                .toList();
        for (Future<?> wait : waits) {
            wait.get();
        }
        return data(exchange, start, "concurrent");
    }

    private static Answer data(HttpExchange exchange, long start, String mode) {
        long elapsed = (System.nanoTime() - start) / 1_000_000;
        exchange.getResponseHeaders().set("X-Execution-Time", elapsed + "ms");
        Contract.Data data = Contract.data(elapsed, mode);
        return Answer.json("{\"database_data\":" + Contract.quote(data.database_data())
                + ",\"api_data\":" + Contract.quote(data.api_data())
                + ",\"file_data\":" + Contract.quote(data.file_data())
                + ",\"total_time_ms\":" + data.total_time_ms()
                + ",\"execution_mode\":" + Contract.quote(data.execution_mode()) + "}");
    }

    private static Answer cpu(HttpExchange exchange) throws Exception {
        Query query = query(exchange, Contract.UNITS, Contract.mode("inline", "offload", "yield"));
        long units = query.number("units");
        long checksum = switch (query.mode()) {
            case "offload" -> COMPUTE.submit(() -> Contract.compute(units)).get();
            case "yield" -> computeYielding(units);
            default -> Contract.compute(units);
        };
        return Answer.json("{\"units\":" + units + ",\"checksum\":" + checksum + "}");
    }

    /** A virtual thread is not preempted: it computes until it blocks or yields. */
    private static long computeYielding(long units) {
        int state = Contract.SEED;
        for (long done = 0; done < units; done += YIELD_EVERY_UNITS) {
            state = Contract.advance(state, Math.min(YIELD_EVERY_UNITS, units - done));
            Thread.yield();
        }
        return Contract.checksum(state);
    }

    /** A virtual thread that sleeps holds no other thread, so both modes are alike. */
    private static Answer block(HttpExchange exchange) {
        Query query = query(exchange, Contract.BLOCK_MS, Contract.mode("wrong", "right"));
        long ms = query.number("ms");
        Contract.sleep(ms);
        return Answer.json("{\"blocked_ms\":" + ms + "}");
    }

    private static Query query(HttpExchange exchange, Contract.Parameter... allowed) {
        return Contract.query(exchange.getRequestURI().getRawQuery(), allowed);
    }
}
