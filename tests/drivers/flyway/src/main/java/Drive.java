// SPDX-License-Identifier: PostgreSQL
// Drive.java: Flyway forth, a failure, clean, and several at the same time behind its advisory lock.
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.flywaydb.core.api.MigrationInfo;
import org.flywaydb.core.internal.license.VersionPrinter;

public class Drive {
    static String env(String name) {
        return System.getenv(name);
    }

    static String url() {
        String url = "jdbc:postgresql://" + env("PGHOST") + ":" + env("PGPORT") + "/" + env("PGDATABASE") + "?sslmode=" + env("PGSSLMODE");
        return env("PGSSLROOTCERT") == null ? url : url + "&sslrootcert=" + env("PGSSLROOTCERT");
    }

    static Flyway flyway(String target) {
        return Flyway.configure().dataSource(url(), env("PGUSER"), env("PGPASSWORD")).schemas("drv").cleanDisabled(false)
            .locations("classpath:db/migration").target(target).load();
    }

    static void state() throws Exception {
        for (MigrationInfo i : flyway("latest").info().all()) {
            System.out.println(i.getVersion() + " " + i.getDescription() + " " + i.getState());
        }
        try (Connection c = DriverManager.getConnection(url(), env("PGUSER"), env("PGPASSWORD"));
             ResultSet r = c.createStatement().executeQuery("SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class"
                 + " WHERE relnamespace = 'drv'::regnamespace AND relkind IN ('r', 'i', 'v')")) {
            r.next();
            System.out.println("relations " + r.getString(1));
        }
    }

    public static void main(String[] args) throws Exception {
        System.out.println("# version " + System.getProperty("flyway.version", VersionPrinter.getVersion()));
        System.out.println("== forth");
        System.out.println(flyway("1").migrate().migrationsExecuted);
        state();
        System.out.println(flyway("latest").migrate().migrationsExecuted);
        state();
        flyway("latest").validate();
        System.out.println(flyway("latest").migrate().migrationsExecuted);
        System.out.println("== clean");
        System.out.println(flyway("latest").clean().schemasCleaned);
        state();
        System.out.println("== several at the same time");
        ExecutorService threads = Executors.newFixedThreadPool(3);
        List<Future<Integer>> all = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            all.add(threads.submit(() -> flyway("3").migrate().migrationsExecuted));
        }
        int sum = 0;
        for (Future<Integer> f : all) {
            sum += f.get();
        }
        threads.shutdown();
        System.out.println("migrations by all of them: " + sum);
        state();
        System.out.println("== one that fails");
        try (Connection c = DriverManager.getConnection(url(), env("PGUSER"), env("PGPASSWORD"))) {
            c.createStatement().execute("CREATE TABLE in_the_way (id int)");
        }
        try {
            flyway("latest").migrate();
            throw new IllegalStateException("should have failed");
        } catch (FlywayException e) {
            System.out.println(e.getMessage().lines().filter(l -> l.matches("(SQL State|Message).*")).toList());
        }
        state();
    }
}
