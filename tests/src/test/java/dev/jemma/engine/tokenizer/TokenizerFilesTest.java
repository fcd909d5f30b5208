package dev.jemma.engine.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.jemma.engine.api.FormatException;
import dev.jemma.tests.Fuzz;
import dev.jemma.tests.FuzzTest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** tokenizer.json files that are damaged, hold what Jemma does not compute, or lie in the cache. */
final class TokenizerFilesTest {
    private static final Path FILE = Path.of("tokenizer.json");

    @TempDir
    private Path folder;

    private static byte[] small(String name) throws IOException {
        return Files.readAllBytes(TokenizerCasesTest.FOLDER.resolve(name + ".json"));
    }

    private static TokenizerData read(byte[] bytes) {
        return TokenizerJson.read(FILE, bytes);
    }

    @FuzzTest
    void truncationAnywhereIsAFormatException() throws IOException {
        byte[] bytes = small("strings");
        assertThat(read(bytes).vocabulary().size()).isGreaterThan(256);
        for (int length = 0; length < bytes.length; length++) {
            byte[] cut = Arrays.copyOf(bytes, length);
            assertThatThrownBy(() -> read(cut))
                    .as("%d bytes", length)
                    .isInstanceOf(FormatException.class)
                    .hasMessageStartingWith("tokenizer.json");
        }
    }

    @FuzzTest
    void mutationsAreReadOrAreAFormatException() throws IOException {
        var random = new SplittableRandom(17);
        byte[][] seeds = {small("strings"), small("flags"), small("prepend")};
        for (int round = 0; round < Fuzz.mutations(1000); round++) {
            byte[] bytes = Fuzz.mutate(seeds[round % seeds.length], random);
            try {
                var tokenizer = new Tokenizer(read(bytes));
                int[] ids = tokenizer.encode("the cat <L> <start_of_turn>\n👋", Specials.WITH);
                tokenizer.decode(ids, Specials.WITHOUT);
            } catch (FormatException refused) {
                assertThat(refused).hasMessageStartingWith("tokenizer.json");
            }
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\"type\":\"BPE\"|\"type\":\"Unigram\"|model.type is Unigram, wanted BPE",
                "\"ignore_merges\":false|\"ignore_merges\":true|model.ignore_merges is true, which is not supported; wanted false",
                "\"dropout\":null|\"dropout\":0.1|model.dropout is 0.1, wanted null",
                "\"continuing_subword_prefix\":null|\"continuing_subword_prefix\":\"##\"|model.continuing_subword_prefix is '##', wanted null",
                "\"unk_token\":\"<unk>\"|\"unk_token\":\"<none>\"|model.unk_token is '<none>', which model.vocab lacks",
                "\"t h\"|\"t zz\"|model.merges[0] speaks of token 'zz', which model.vocab lacks",
                "\"t h\"|\"t h e\"|merge 't h e' is not two tokens with one space between",
                "\"t h\"|[\"t\"]|model.merges[0] is not a pair of strings",
                "\"t h\"|7|model.merges[0] is VALUE_NUMBER_INT, wanted \"left right\" or [left, right]",
                "\"<bos>\":2,|\"<bos>\":1,|tokens '<eos>' and '<bos>' share id 1, wanted one each",
                "\"<bos>\":2,|\"<eos>\":2,|token '<eos>' has ids 1 and 2, wanted one",
                "\"<bos>\":2,|\"<bos>\":99999999,|token '<bos>' has id 99999999, wanted 0 to 1048574",
                "{\"id\":2,\"content\":\"<bos>\"|{\"id\":7,\"content\":\"<bos>\"|added token '<bos>' has id 7, wanted 2 (its id in the vocabulary)",
                "{\"id\":411,\"content\":\"<end_of_turn>\"|{\"id\":500,\"content\":\"<end_of_turn>\"|added token '<end_of_turn>' has id 500, wanted 411 (tokens that the vocabulary lacks are numbered on from its size)",
                "\"content\":\"<end_of_turn>\"|\"content\":\"<start_of_turn>\"|added token '<start_of_turn>' is listed twice, wanted once",
                "\"normalizer\":{\"type\":\"Replace\"|\"normalizer\":{\"type\":\"NFC\"|normalizer is {\"type\":\"NFC\",\"pattern\":{\"String\":\" \"},\"content\":\"▁\"}, wanted Replace, Prepend or a Sequence of them",
                "\"pattern\":{\"String\":\" \"},\"content\":\"▁\"|\"pattern\":{\"Regex\":\" \"},\"content\":\"▁\"|wanted Replace with a pattern that is a String, not empty",
                "\"behavior\":\"MergedWithPrevious\"|\"behavior\":\"Isolated\"|wanted null, or Split at a string, MergedWithPrevious, not inverted",
                "\"type\":\"TemplateProcessing\"|\"type\":\"ByteLevel\"|wanted TemplateProcessing",
                "{\"type\":\"ByteFallback\"}|{\"type\":\"Metaspace\"}|decoder is {\"type\":\"Metaspace\"}, wanted Replace of strings, then ByteFallback, then Fuse, then Strip at the start",
            })
    void refusesByNameWhatItDoesNotCompute(String from, String to, String message) throws IOException {
        String json = new String(small("strings"), StandardCharsets.UTF_8);
        assertThat(json).contains(from);
        byte[] changed = json.replace(from, to).getBytes(StandardCharsets.UTF_8);
        assertThatThrownBy(() -> read(changed))
                .isInstanceOf(FormatException.class)
                .hasMessageContaining(message);
    }

    @Test
    void namesTheFileThatIsMissing() {
        Path missing = folder.resolve("tokenizer.json");
        assertThatThrownBy(() -> Tokenizer.load(missing))
                .isInstanceOf(FormatException.class)
                .hasMessage(missing + ": no such file, wanted a tokenizer.json");
    }

    @Test
    void readsMergesThatStandBeforeTheVocabulary() throws IOException {
        String json = new String(small("strings"), StandardCharsets.UTF_8);
        int merges = json.indexOf(",\"merges\":[");
        int end = json.indexOf(']', merges) + 1;
        int model = json.indexOf("\"vocab\"");
        String swapped = json.substring(0, model) + json.substring(merges + 1, end) + ","
                + json.substring(model, merges) + json.substring(end);
        TokenizerData expected = read(small("strings"));
        TokenizerData got = read(swapped.getBytes(StandardCharsets.UTF_8));
        assertThat(got.merges().table()).isEqualTo(expected.merges().table());
        assertThat(got.merges().glue()).isEqualTo(expected.merges().glue());
    }

    @Test
    void aCachedTokenizerIsTheSameTokenizer() throws IOException {
        for (String name : new String[] {"strings", "flags", "prepend", "split", "unknown"}) {
            Path file = Files.write(folder.resolve(name + ".json"), small(name));
            var cache = new TokenizerCache(folder.resolve("cache"), 0);
            TokenizerData parsed = cache.load(file);
            assertSame(cache.load(file), parsed);
        }
        assertThat(folder.resolve("cache"))
                .isDirectoryContaining("glob:**.bin")
                .isDirectoryNotContaining("glob:**.tmp");
    }

    @Test
    void aDamagedCacheFileIsMadeAnew() throws IOException {
        Path file = Files.write(folder.resolve("tokenizer.json"), small("flags"));
        var cache = new TokenizerCache(folder.resolve("cache"), 0);
        TokenizerData parsed = cache.load(file);
        Path cached = onlyFile();
        byte[] good = Files.readAllBytes(cached);
        var random = new Random(3);
        for (int round = 0; round < 200; round++) {
            byte[] bad = round % 2 == 0 ? Arrays.copyOf(good, random.nextInt(good.length)) : good.clone();
            if (round % 2 == 1) {
                bad[random.nextInt(bad.length)] ^= (byte) (1 + random.nextInt(255));
            }
            Files.write(cached, bad);
            assertSame(cache.load(file), parsed);
            assertThat(Files.readAllBytes(cached)).isEqualTo(good);
        }
    }

    @Test
    void aChangedTokenizerIsReadAgainThoughSizeAndTimeAreEqual() throws IOException {
        Path file = Files.write(folder.resolve("tokenizer.json"), small("flags"));
        FileTime time = Files.getLastModifiedTime(file);
        var cache = new TokenizerCache(folder.resolve("cache"), 0);
        assertThat(cache.load(file).vocabulary().id("<call>")).isPositive();
        String changed = new String(small("flags"), StandardCharsets.UTF_8).replace("<call>", "<wall>");
        Files.writeString(file, changed);
        Files.setLastModifiedTime(file, time);
        assertThat(cache.load(file).vocabulary().id("<call>")).isNegative();
        assertThat(cache.load(file).vocabulary().id("<wall>")).isPositive();
    }

    @Test
    void aCacheThatCannotBeWrittenIsDoneWithout() throws IOException {
        Path file = Files.write(folder.resolve("tokenizer.json"), small("flags"));
        Path notAFolder = Files.writeString(folder.resolve("occupied"), "");
        assertSame(new TokenizerCache(notAFolder, 0).load(file), read(small("flags")));
    }

    @Test
    void processesThatStartTogetherDoNotDisturbEachOther()
            throws IOException, InterruptedException, ExecutionException {
        Path file = Files.write(folder.resolve("tokenizer.json"), small("flags"));
        TokenizerData parsed = read(small("flags"));
        try (var threads = Executors.newFixedThreadPool(8)) {
            List<Future<TokenizerData>> loads = new ArrayList<>();
            for (int i = 0; i < 64; i++) {
                // A cache of its own each time, as each process has: what they share is the folder.
                loads.add(threads.submit(() -> new TokenizerCache(folder.resolve("cache"), 0).load(file)));
            }
            for (Future<TokenizerData> load : loads) {
                assertSame(load.get(), parsed);
            }
        }
        assertThat(onlyFile()).isNotEmptyFile();
        assertThat(folder.resolve("cache")).isDirectoryNotContaining("glob:**.tmp");
    }

    private Path onlyFile() throws IOException {
        try (var files = Files.list(folder.resolve("cache"))) {
            return files.findFirst().orElseThrow();
        }
    }

    private static void assertSame(TokenizerData got, TokenizerData expected) {
        assertThat(got.vocabulary().pool()).isEqualTo(expected.vocabulary().pool());
        assertThat(got.vocabulary().offsets()).isEqualTo(expected.vocabulary().offsets());
        assertThat(got.vocabulary().table()).isEqualTo(expected.vocabulary().table());
        assertThat(got.merges().table()).isEqualTo(expected.merges().table());
        assertThat(got.merges().products()).isEqualTo(expected.merges().products());
        assertThat(got.merges().glue()).isEqualTo(expected.merges().glue());
        assertThat(got.merges().cutsAtWords()).isEqualTo(expected.merges().cutsAtWords());
        assertThat(got.options()).isEqualTo(expected.options());
        assertThat(got.added()).isEqualTo(expected.added());
        assertThat(got.rules()).usingRecursiveComparison().isEqualTo(expected.rules());
    }
}
