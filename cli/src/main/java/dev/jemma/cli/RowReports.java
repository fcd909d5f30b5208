package dev.jemma.cli;

import dev.jemma.engine.api.RowOptions;
import dev.jemma.engine.api.RowOptions.TooLong;
import dev.jemma.engine.api.RowReport;
import java.io.PrintWriter;
import java.util.Locale;

/** What became of the rows of a training file, for people. */
final class RowReports {
    private RowReports() {}

    /** One line about the rows, and one for each thing that was done to some of them. */
    static void print(RowReport report, RowOptions wanted, PrintWriter err) {
        String name = String.valueOf(report.file().getFileName());
        err.printf(
                Locale.ROOT,
                "%s: %,d rows, %,d tokens, %,d of them supervised, the longest row %,d%n",
                name,
                report.rows(),
                report.tokens(),
                report.supervised(),
                report.longest());
        if (report.tooLong() > 0) {
            err.printf(
                    Locale.ROOT,
                    "%s: %,d rows have more than %s %,d tokens and were %s%n",
                    name,
                    report.tooLong(),
                    report.maxLength() < wanted.maxLength() ? "the model's" : "max_length",
                    report.maxLength(),
                    report.policy() == TooLong.CUT
                            ? "cut"
                            : "left out (--truncate cuts them, --max-length allows more)");
        }
        if (report.unsupervised() > 0) {
            err.printf(
                    Locale.ROOT,
                    "%s: %,d rows have no supervised token and were left out%n",
                    name,
                    report.unsupervised());
        }
        if (report.folded() > 0) {
            err.printf(
                    Locale.ROOT,
                    "%s: in %,d rows turns were folded, because the template refuses them as they are ('jemma render --mask' shows how)%n",
                    name,
                    report.folded());
        }
        if (report.unstopped() > 0) {
            err.printf(
                    Locale.ROOT,
                    "warning: in %,d rows no end of a turn or text is supervised; the model does not learn from them to stop%n",
                    report.unstopped());
        }
    }
}
