package crossover;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What the Java contenders have in common: the fixed parts of answers, the simulated waits, the CPU kernel,
 * and the parameters with their limits.
 */
public final class Contract {
    /** The answer to {@code /}. */
    public static final String HELLO = "Hello World";

    /** How long the database, the interface and the file of /sync-data and /async-data take. */
    public static final long[] WAITS_MS = {200, 300, 100};

    /** The state of the CPU kernel before the first unit. */
    public static final int SEED = (int) 2_463_534_242L;

    private static final int ROUNDS_PER_UNIT = 500;
    private static final int MAX_SHOWN = 64;

    public record Health(String status) {}

    public record Message(String message) {}

    public record Data(
            String database_data, String api_data, String file_data, long total_time_ms, String execution_mode) {}

    public record Cpu(long units, long checksum) {}

    public record Blocked(long blocked_ms) {}

    public record Failure(String error) {}

    private static volatile long spent;

    private Contract() {}

    /** The answer of /sync-data and /async-data after waits that took so many milliseconds together. */
    public static Data data(long elapsedMs, String mode) {
        return new Data("Database result", "API result", "File content", elapsedMs, mode);
    }

    /** The body of /work: so many times the letter x. */
    public static String filler(long bytes) {
        return "x".repeat(Math.toIntExact(bytes));
    }

    /** Sleeps on the calling thread, without a checked exception; not at all for 0. */
    public static void sleep(long ms) {
        try {
            if (ms > 0) {
                Thread.sleep(ms);
            }
        } catch (InterruptedException error) {
            throw new IllegalStateException(error);
        }
    }

    /** The CPU kernel: rounds of Marsaglia's 32-bit xorshift. Gives the checksum. */
    public static long compute(long units) {
        return checksum(advance(SEED, units));
    }

    /** Computes without using the checksum; the field keeps the compiler from dropping the work. */
    public static void spend(long units) {
        if (units > 0) {
            spent = compute(units);
        }
    }

    /** The state of the kernel after so many units more. */
    public static int advance(int state, long units) {
        int x = state;
        for (long unit = 0; unit < units; unit++) {
            for (int round = 0; round < ROUNDS_PER_UNIT; round++) {
                x ^= x << 13;
                x ^= x >>> 17;
                x ^= x << 5;
            }
        }
        return x;
    }

    /** The state as the unsigned number that it stands for. */
    public static long checksum(int state) {
        return Integer.toUnsignedLong(state);
    }

    /** A parameter of a path: a whole number within limits, or one of some words, the default first. */
    public record Parameter(String name, long fallback, long min, long max, List<String> words) {
        private String allowed() {
            return words.isEmpty()
                    ? "a whole number from " + min + " to " + max
                    : String.join(", ", words);
        }

        /** The number, or the position of the word. */
        private long parse(String value) {
            long parsed = words.isEmpty() ? number(value) : words.indexOf(value);
            if (parsed < 0) {
                throw new BadParameter("parameter `" + name + "` has value `" + shown(value)
                        + "`; allowed: " + allowed());
            }
            return parsed;
        }

        private long number(String value) {
            if (value.isEmpty() || !value.chars().allMatch(c -> '0' <= c && c <= '9')) {
                return -1;
            }
            try {
                long number = Long.parseLong(value);
                return min <= number && number <= max ? number : -1;
            } catch (NumberFormatException tooLarge) {
                return -1;
            }
        }
    }

    public static final Parameter WAIT_MS = number("wait_ms", 0, 0, 60_000);
    public static final Parameter CPU_UNITS = number("cpu_units", 0, 0, 1_000_000);
    public static final Parameter BYTES = number("bytes", 0, 0, 10 << 20);
    public static final Parameter UNITS = number("units", 1000, 0, 1_000_000);
    public static final Parameter BLOCK_MS = number("ms", 200, 0, 60_000);

    private static Parameter number(String name, long fallback, long min, long max) {
        return new Parameter(name, fallback, min, max, List.of());
    }

    /** The parameter that picks a variant. */
    public static Parameter mode(String... words) {
        return new Parameter("mode", 0, 0, 0, List.of(words));
    }

    /** A parameter that can't be taken; its message goes to the client with status 400. */
    public static final class BadParameter extends RuntimeException {
        BadParameter(String message) {
            // No stack trace: this is an answer, not a failure.
            super(message, null, false, false);
        }
    }

    /** The values of all parameters that a path takes. */
    public static final class Query {
        private final Map<String, Long> numbers = new HashMap<>();
        private String mode = "";

        public long number(String name) {
            return numbers.get(name);
        }

        public String mode() {
            return mode;
        }
    }

    /**
     * Reads a query strictly: a parameter that is missing takes its default; one that is unknown, repeated,
     * malformed or out of range throws a {@link BadParameter} that says what is allowed.
     */
    public static Query query(String raw, Parameter... allowed) {
        Map<String, String> given = given(raw, allowed);
        Query query = new Query();
        for (Parameter parameter : allowed) {
            String value = given.get(parameter.name());
            long number = value == null ? parameter.fallback() : parameter.parse(value);
            if (parameter.words().isEmpty()) {
                query.numbers.put(parameter.name(), number);
            } else {
                query.mode = parameter.words().get((int) number);
            }
        }
        return query;
    }

    private static Map<String, String> given(String raw, Parameter[] allowed) {
        Map<String, String> given = new HashMap<>();
        if (raw == null) {
            return given;
        }
        List<String> names = new ArrayList<>();
        for (Parameter parameter : allowed) {
            names.add(parameter.name());
        }
        for (String pair : raw.split("&")) {
            if (pair.isEmpty()) {
                continue;
            }
            int equals = pair.indexOf('=');
            String name = decoded(equals < 0 ? pair : pair.substring(0, equals));
            String value = decoded(equals < 0 ? "" : pair.substring(equals + 1));
            if (!names.contains(name)) {
                throw new BadParameter("unknown parameter `" + shown(name) + "` with value `" + shown(value)
                        + "`; allowed: " + (names.isEmpty() ? "none" : String.join(", ", names)));
            }
            if (given.put(name, value) != null) {
                throw new BadParameter(
                        "parameter `" + name + "` is given again with value `" + shown(value) + "`; allowed: once");
            }
        }
        return given;
    }

    /** Undoes percent-encoding; text that is not well encoded stays as it is. */
    private static String decoded(String text) {
        try {
            return URLDecoder.decode(text, StandardCharsets.UTF_8);
        } catch (IllegalArgumentException malformed) {
            return text;
        }
    }

    /** What a client sent, short enough to stand in an error message. */
    private static String shown(String text) {
        return text.codePointCount(0, text.length()) <= MAX_SHOWN
                ? text
                : text.substring(0, text.offsetByCodePoints(0, MAX_SHOWN)) + "…";
    }

    /** A string as JSON writes it. */
    public static String quote(String text) {
        StringBuilder json = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            switch (c) {
                case '"', '\\' -> json.append('\\').append(c);
                case '\n' -> json.append("\\n");
                case '\r' -> json.append("\\r");
                case '\t' -> json.append("\\t");
                case '\b' -> json.append("\\b");
                case '\f' -> json.append("\\f");
                default -> {
                    if (c < ' ') {
                        json.append(String.format("\\u%04x", (int) c));
                    } else {
                        json.append(c);
                    }
                }
            }
        }
        return json.append('"').toString();
    }
}
