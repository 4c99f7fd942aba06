package crossover;

import crossover.Contract.BadParameter;
import crossover.Contract.Blocked;
import crossover.Contract.Cpu;
import crossover.Contract.Data;
import crossover.Contract.Failure;
import crossover.Contract.Health;
import crossover.Contract.Message;
import crossover.Contract.Query;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.springframework.core.task.AsyncTaskExecutor;
import org.springframework.http.HttpStatus;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;

/**
 * Blocking handlers: what a thread of Tomcat's pool runs, or a virtual thread, is the same code. They return
 * plain values: Spring flushes a ResponseEntity before its length is known, so it is sent in chunks.
 */
@RestController
public class Controller {
    private static final String TEXT = "text/plain; charset=utf-8";

    private final AsyncTaskExecutor tasks;
    private final ExecutorService computePool =
            Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors());

    Controller(AsyncTaskExecutor applicationTaskExecutor) {
        this.tasks = applicationTaskExecutor;
    }

    @GetMapping(path = "/", produces = TEXT)
    String hello(HttpServletRequest request) {
        query(request);
        return Contract.HELLO;
    }

    @GetMapping("/health")
    Health health(HttpServletRequest request) {
        query(request);
        return new Health("ok");
    }

    @GetMapping("/json")
    Message json(HttpServletRequest request) {
        query(request);
        return new Message("Hello, World!");
    }

    @GetMapping(path = "/work", produces = TEXT)
    String work(HttpServletRequest request) {
        Query query = query(request, Contract.WAIT_MS, Contract.CPU_UNITS, Contract.BYTES);
        Contract.sleep(query.number("wait_ms"));
        Contract.spend(query.number("cpu_units"));
        return Contract.filler(query.number("bytes"));
    }

    @GetMapping("/sync-data")
    Data syncData(HttpServletRequest request, HttpServletResponse response) {
        query(request);
        long start = System.nanoTime();
        for (long wait : Contract.WAITS_MS) {
            Contract.sleep(wait);
        }
        return data(response, start, "sequential");
    }

    @GetMapping("/async-data")
    Data asyncData(HttpServletRequest request, HttpServletResponse response) {
        query(request);
        long start = System.nanoTime();
        CompletableFuture.allOf(Arrays.stream(Contract.WAITS_MS)
                        .mapToObj(wait -> CompletableFuture.runAsync(() -> Contract.sleep(wait), tasks))
                        .toArray(CompletableFuture[]::new))
                .join();
        return data(response, start, "concurrent");
    }

    @GetMapping("/cpu")
    Cpu cpu(HttpServletRequest request) throws InterruptedException, ExecutionException {
        Query query = query(request, Contract.UNITS, Contract.mode("inline", "offload"));
        long units = query.number("units");
        long checksum = query.mode().equals("inline")
                ? Contract.compute(units)
                : computePool.submit(() -> Contract.compute(units)).get();
        return new Cpu(units, checksum);
    }

    /** A thread that sleeps is the idiom here, so both modes are alike. */
    @GetMapping("/block")
    Blocked block(HttpServletRequest request) {
        Query query = query(request, Contract.BLOCK_MS, Contract.mode("wrong", "right"));
        Contract.sleep(query.number("ms"));
        return new Blocked(query.number("ms"));
    }

    @ExceptionHandler
    @ResponseStatus(HttpStatus.BAD_REQUEST)
    Failure badParameter(BadParameter error) {
        return new Failure(error.getMessage());
    }

    private static Data data(HttpServletResponse response, long start, String mode) {
        long elapsed = (System.nanoTime() - start) / 1_000_000;
        response.setHeader("X-Execution-Time", elapsed + "ms");
        return Contract.data(elapsed, mode);
    }

    private static Query query(HttpServletRequest request, Contract.Parameter... allowed) {
        return Contract.query(request.getQueryString(), allowed);
    }
}
