// SPDX-License-Identifier: PostgreSQL
// Drive.java: pgjdbc, plain and from a HikariCP pool of 20.
import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.io.ByteArrayOutputStream;
import java.io.StringReader;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.postgresql.PGConnection;

public class Drive {
    interface Step {
        void run() throws Exception;
    }

    static String env(String name) {
        return System.getenv(name);
    }

    static String url() {
        String url = "jdbc:postgresql://" + env("PGHOST") + ":" + env("PGPORT") + "/" + env("PGDATABASE") + "?sslmode=" + env("PGSSLMODE");
        return env("PGSSLROOTCERT") == null ? url : url + "&sslrootcert=" + env("PGSSLROOTCERT");
    }

    static Connection connect(String... more) throws SQLException {
        Properties p = new Properties();
        p.setProperty("user", env("PGUSER"));
        p.setProperty("password", env("PGPASSWORD"));
        for (int i = 0; i < more.length; i += 2) {
            p.setProperty(more[i], more[i + 1]);
        }
        return DriverManager.getConnection(url(), p);
    }

    static void head(String name) {
        System.out.println("== " + name);
    }

    static void show(String what, Object value) {
        System.out.println(what + ": " + (value == null ? "null" : value.getClass().getSimpleName() + " " + value));
    }

    static void fails(String what, Step step) throws Exception {
        try {
            step.run();
        } catch (SQLException e) {
            show(what, e.getSQLState() + " " + e.getMessage().split("\n")[0]);
            return;
        }
        throw new IllegalStateException(what + " should have failed");
    }

    static List<Object> row(Connection c, String sql, Object... values) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(sql)) {
            for (int i = 0; i < values.length; i++) {
                s.setObject(i + 1, values[i]);
            }
            try (ResultSet r = s.executeQuery()) {
                List<Object> out = new ArrayList<>();
                while (r.next()) {
                    for (int i = 1; i <= r.getMetaData().getColumnCount(); i++) {
                        Object v = r.getObject(i);
                        out.add(v instanceof byte[] b ? Arrays.toString(b) : v);
                    }
                }
                return out;
            }
        }
    }

    static void exec(Connection c, String sql) throws SQLException {
        try (Statement s = c.createStatement()) {
            s.execute(sql);
            show("rows", s.getUpdateCount());
        }
    }

    static void connecting() throws Exception {
        head("connecting");
        try (Connection c = connect("ApplicationName", "drive-app", "options", "-c work_mem=7MB", "currentSchema", "public,drv")) {
            show("settings", row(c, "SELECT current_setting('application_name'), current_setting('work_mem'), current_setting('search_path')"));
            show("version", c.getMetaData().getDatabaseProductVersion().split(" ")[0]);
            show("valid", c.isValid(5));
        }
        fails("wrong password", () -> connect("password", "wrong"));
    }

    static void types(String mode) throws Exception {
        head("types " + mode);
        try (Connection c = connect("preferQueryMode", mode)) {
            for (int i = 0; i < 8; i++) {
                show("values", row(c, "SELECT 1::int4, 2::int8, 1.50::numeric, 2.5::float8, 'ä€😀', '\\x00ff'::bytea, true, NULL::int,"
                    + " timestamptz '2024-02-29 12:00Z', date '2024-02-29', '{\"a\":1}'::jsonb, ARRAY[1,NULL,3], 'x'::varchar"));
                show("arguments", row(c, "SELECT ?::int + 1, ?::text, ?::uuid", i, "grüße '\"\\", new UUID(0, 7)));
            }
        }
    }

    static void prepared() throws Exception {
        head("prepared");
        try (Connection c = connect("prepareThreshold", "1", "preparedStatementCacheQueries", "20")) {
            exec(c, "CREATE TABLE pre (id int PRIMARY KEY, v text)");
            try (PreparedStatement s = c.prepareStatement("INSERT INTO pre VALUES (?, ?)")) {
                for (int i = 0; i < 500; i++) {
                    s.setInt(1, i);
                    s.setString(2, "v" + i);
                    s.addBatch();
                }
                show("batch", Arrays.stream(s.executeBatch()).sum());
                for (int i : new int[] {600, 1, 601}) {
                    s.setInt(1, i);
                    s.setString(2, "x");
                    s.addBatch();
                }
                try {
                    s.executeBatch();
                    throw new IllegalStateException("a duplicate");
                } catch (BatchUpdateException e) {
                    show("counts", e.getSQLState() + Arrays.toString(e.getUpdateCounts()));
                }
            }
            long sum = 0;
            for (int i = 0; i < 200; i++) {
                sum += (Integer) row(c, "SELECT " + i % 60 + " + ?::int", i).get(0);
            }
            show("sum", sum);
            show("count", row(c, "SELECT count(*) FROM pre"));
        }
    }

    static HikariDataSource pool(int size) {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(url());
        config.setUsername(env("PGUSER"));
        config.setPassword(env("PGPASSWORD"));
        config.setMaximumPoolSize(size);
        config.setAutoCommit(false);
        return new HikariDataSource(config);
    }

    static void poolOf20() throws Exception {
        head("HikariCP, 20 connections");
        try (Connection c = connect()) {
            exec(c, "CREATE TABLE busy (id bigserial PRIMARY KEY, who int)");
        }
        ExecutorService threads = Executors.newFixedThreadPool(20);
        try (HikariDataSource pool = pool(20)) {
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < 300; i++) {
                int who = i;
                all.add(threads.submit(() -> {
                    try (Connection c = pool.getConnection(); PreparedStatement s = c.prepareStatement("INSERT INTO busy (who) VALUES (?)")) {
                        s.setInt(1, who);
                        s.executeUpdate();
                        c.commit();
                    }
                    return null;
                }));
            }
            for (Future<?> f : all) {
                f.get();
            }
            try (Connection c = pool.getConnection()) {
                c.setReadOnly(true);
                show("counts", row(c, "SELECT count(*), count(DISTINCT who) FROM busy"));
                c.commit();
            }
        }
        threads.shutdown();
    }

    static void transactions() throws Exception {
        head("transactions");
        try (Connection c = connect()) {
            exec(c, "CREATE TABLE tx (id int PRIMARY KEY)");
            c.setAutoCommit(false);
            c.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
            exec(c, "INSERT INTO tx VALUES (1)");
            Savepoint s = c.setSavepoint();
            fails("unique", () -> exec(c, "INSERT INTO tx VALUES (1)"));
            fails("aborted", () -> exec(c, "SELECT 1"));
            c.rollback(s);
            c.commit();
            fails("division", () -> row(c, "SELECT 1 / ?::int", 0));
            c.rollback();
            fails("syntax", () -> exec(c, "SELEC 1"));
            c.rollback();
            show("rows", row(c, "SELECT count(*) FROM tx"));
            c.commit();
            c.setAutoCommit(true);
            exec(c, "SET search_path TO public, drv");
            show("path", row(c, "SHOW search_path"));
        }
    }

    static void copying() throws Exception {
        head("copy");
        try (Connection c = connect()) {
            exec(c, "CREATE TABLE co (a int, b text)");
            var copy = c.unwrap(PGConnection.class).getCopyAPI();
            show("in", copy.copyIn("COPY co FROM STDIN", new StringReader("1\tzeile ü\n".repeat(5000))));
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            show("out", copy.copyOut("COPY co TO STDOUT", out) + " " + out.size());
            fails("bad", () -> copy.copyIn("COPY co FROM STDIN", new StringReader("x\ty\n")));
            show("rows", row(c, "SELECT count(*) FROM co"));
        }
    }

    static void listening() throws Exception {
        head("notifications");
        try (Connection c = connect(); Connection other = connect()) {
            exec(c, "LISTEN chan");
            exec(other, "NOTIFY chan, 'hello'");
            show("heard", c.unwrap(PGConnection.class).getNotifications(10000)[0].getParameter());
        }
    }

    static void cancelling() throws Exception {
        head("cancel and timeouts");
        try (Connection c = connect(); Statement s = c.createStatement()) {
            s.setQueryTimeout(1);
            fails("cancelled", () -> s.execute("SELECT pg_sleep(20)"));
            exec(c, "SET statement_timeout = 100");
            fails("late", () -> row(c, "SELECT pg_sleep(20)"));
            show("again", row(c, "SELECT 7"));
        }
    }

    static void fetchSize() throws Exception {
        head("fetch size and large values");
        try (Connection c = connect()) {
            c.setAutoCommit(false);
            try (Statement s = c.createStatement()) {
                s.setFetchSize(50);
                long sum = 0;
                try (ResultSet r = s.executeQuery("SELECT generate_series(1, 2000)")) {
                    while (r.next()) {
                        sum += r.getInt(1);
                    }
                }
                show("sum", sum);
            }
            String big = "0123456789äöü€".repeat(300000);
            show("same", row(c, "SELECT ?::text", big).get(0).equals(big));
            c.commit();
        }
    }

    static void locks() throws Exception {
        head("advisory locks and temporary tables");
        try (Connection c = connect(); Connection other = connect()) {
            row(c, "SELECT pg_advisory_lock(5)");
            show("other", row(other, "SELECT pg_try_advisory_lock(5)"));
            exec(c, "CREATE TEMP TABLE tmp AS SELECT 4 x");
            show("temporary", row(c, "SELECT * FROM tmp"));
            fails("of another", () -> row(other, "SELECT * FROM tmp"));
        }
    }

    static void steady() throws Exception {
        long end = System.nanoTime() + Long.parseLong(env("STEADY_SECONDS")) * 1_000_000_000L;
        long done = 0;
        long failed = 0;
        try (HikariDataSource pool = pool(4)) {
            try (Connection c = pool.getConnection(); Statement s = c.createStatement()) {
                s.execute("INSERT INTO steady VALUES ('pgjdbc', 0)");
                c.commit();
            }
            while (System.nanoTime() < end && failed == 0) {
                try (Connection c = pool.getConnection(); PreparedStatement s = c.prepareStatement("UPDATE steady SET n = n + 1 WHERE id = ?")) {
                    s.setString(1, "pgjdbc");
                    s.executeUpdate();
                    c.commit();
                    done++;
                } catch (SQLException e) {
                    failed++;
                    System.out.println(e);
                }
            }
        }
        System.out.println(done + " transactions, " + failed + " errors");
    }

    public static void main(String[] args) throws Exception {
        if (args.length > 0) {
            steady();
            return;
        }
        System.out.println("# version " + org.postgresql.util.DriverInfo.DRIVER_VERSION);
        connecting();
        for (String mode : new String[] {"simple", "extended", "extendedForPrepared", "extendedCacheEverything"}) {
            types(mode);
        }
        prepared();
        poolOf20();
        transactions();
        copying();
        listening();
        cancelling();
        fetchSize();
        locks();
    }
}
