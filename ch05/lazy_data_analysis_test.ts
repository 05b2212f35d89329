import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { parseHeader, runScript } from "../bench/lib/script.ts";
import {
  type Day,
  firstThat,
  groupByDay,
  groupByDayAsync,
  isAnomalous,
  kurtosisScore,
  Moments,
  normality,
  parseReadings,
  type Reading,
  readings,
  readReadings,
  skewnessScore,
  writeCsv,
} from "./lazy_data_analysis.ts";
import { csvLines, readings as sensorReadings } from "./sensor_data.ts";

const root = new URL("../", import.meta.url);

function momentsOf(values: Iterable<number>): Moments {
  const moments = new Moments();
  for (const value of values) moments.add(value);
  return moments;
}

/** Reads a text in pieces of the given number of bytes. */
function read(text: string, size = 7): Promise<Reading[]> {
  const bytes = new TextEncoder().encode(text);
  const pieces = Array.from(
    { length: Math.ceil(bytes.length / size) },
    (_, i) => bytes.slice(i * size, (i + 1) * size),
  );
  return Array.fromAsync(parseReadings(ReadableStream.from(pieces)));
}

const first = { time: Date.UTC(2024, 0, 1), value: 0.5 }, second = { time: Date.UTC(2024, 0, 1, 0, 1), value: -2 };
const lines = ["timestamp,value", "2024-01-01T00:00:00Z,0.5", "2024-01-01T00:01:00.000Z,-2"];

Deno.test("the scores of skewness and kurtosis are those that SciPy's manual gives for its eleven weights", () => {
  const moments = momentsOf([148, 154, 158, 160, 161, 162, 166, 170, 182, 195, 236]);
  const skewness = skewnessScore(moments.skewness, 11), kurtosis = kurtosisScore(moments.kurtosis, 11);
  assertAlmostEquals(skewness, 2.7788579769903414, 1e-10);
  assertAlmostEquals(kurtosis, 2.3048235214240873, 1e-10);
  assertAlmostEquals(skewness ** 2 + kurtosis ** 2, 13.034263121192582, 1e-10);
});

Deno.test("the score of the skewness is that of D'Agostino, Belanger and D'Agostino 1990 for n = 62", () => {
  assertAlmostEquals(skewnessScore(1.02, 62), 3.14, 0.01);
  assertAlmostEquals(kurtosisScore(4.58, 62), 2.21, 0.01);
});

Deno.test("K² and p are those of scipy.stats.normaltest 1.17.1", () => {
  const cases: [number[], kSquared: number, p: number][] = [
    [
      ("393 353 334 336 327 300 300 308 283 285 270 270 272 278 278 263 264 267 267 267 268 254 254 254 256 256 258 240 243 246 " +
        "247 248 230 230 230 230 231 232 232 232 234 234 236 236 238 220 225 225 226 210 211 212 215 216 217 218 202 192 198 184 167")
        .split(" ").map(Number),
      14.694329639991103,
      0.0006444168104667714,
    ],
    [Array.from({ length: 1440 }, (_, i) => (i * 7919 % 1000) / 10), 1101.4151700103207, 6.772276636024108e-240],
    [Array.from({ length: 20 }, (_, i) => i ** 2), 2.5965136546761878, 0.273007277310323],
  ];
  for (const [values, kSquared, p] of cases) {
    const found = normality(momentsOf(values));
    assertAlmostEquals(found.kSquared / kSquared, 1, 1e-6);
    assertAlmostEquals(found.p / p, 1, 1e-4);
  }
});

Deno.test("moments updated one by one equal those of two passes", () => {
  const values = [...readings(1).take(500)].map(({ value }) => value + 1000), n = values.length;
  const mean = values.reduce((sum, x) => sum + x) / n;
  const central = (power: number) => values.reduce((sum, x) => sum + (x - mean) ** power, 0) / n;
  const moments = momentsOf(values);
  assertAlmostEquals(moments.mean, mean, 1e-9);
  assertAlmostEquals(moments.skewness, central(3) / central(2) ** 1.5, 1e-9);
  assertAlmostEquals(moments.kurtosis, central(4) / central(2) ** 2, 1e-9);
});

Deno.test("too few readings are not judged, and a sensor that always says the same is anomalous", () => {
  assertEquals(normality(new Moments()), { kSquared: NaN, p: NaN });
  assertEquals(normality(momentsOf(Array(19).fill(0).map((_, i) => i))), { kSquared: NaN, p: NaN });
  assertEquals(normality(momentsOf(Array(20).fill(0.1))), { kSquared: Infinity, p: 0 });
  assert(isAnomalous({ p: 0 } as Day));
  assert(!isAnomalous({ p: NaN } as Day));
});

Deno.test("of days with normal readings hardly one in a thousand is called anomalous", () => {
  const days = groupByDay(readings(3, 300)).take(2000).toArray();
  const spiked = new Set(
    readings(3, 300).take(2000 * 288).filter(({ value }) => value === 100).map(({ time }) =>
      new Date(time).toISOString().slice(0, 10)
    ),
  );
  for (const day of days) if (spiked.has(day.day)) assert(isAnomalous(day), day.day);
  const falseAlarms = days.filter((day) => isAnomalous(day) && !spiked.has(day.day)).length;
  assert(spiked.size > 200 && falseAlarms <= 8, `${falseAlarms} false alarms, ${spiked.size} spikes`);
});

Deno.test("days are UTC days, and those without readings do not appear", () => {
  const times = ["2024-01-01T23:59:59Z", "2024-01-02T00:00:00Z", "2024-02-02T12:00:00Z"].map(Date.parse);
  const days = groupByDay(times.map((time) => ({ time, value: 1 }))).toArray();
  assertEquals(days.map(({ day, count }) => [day, count]), [["2024-01-01", 1], ["2024-01-02", 1], ["2024-02-02", 1]]);
  assertEquals(groupByDay([]).toArray(), []);
});

Deno.test("the readings of sensor_data.ts and those of the analysis are the same, and differ by seed", () => {
  assertEquals(readings(7, 60).take(1000).toArray(), sensorReadings(7, 60).take(1000).toArray());
  assert(readings(7).next().value.value !== readings(8).next().value.value);
});

Deno.test("the file holds what the generator gives, and both have the same anomalies", async () => {
  const path = await Deno.makeTempFile();
  try {
    await writeCsv(path, 20_000, 5);
    assertEquals(await Deno.readTextFile(path), [...csvLines(20_000, 5)].join(""));
    assertEquals(await Array.fromAsync(readReadings(path)), readings(5).take(20_000).toArray());
    const days = await Array.fromAsync(groupByDayAsync(readReadings(path)));
    assertEquals(days, groupByDay(readings(5).take(20_000)).toArray());
    // 20,000 minutes are 13 days and 1280 minutes.
    assertEquals(days.map(({ count }) => count), [...Array(13).fill(1440), 1280]);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("the first two anomalies close the source, and nothing is asked for after them", async () => {
  let given = 0, closed = false;
  async function* days() {
    try {
      for (const p of [0, 1, 0, 0, 0]) {
        given++;
        yield await Promise.resolve({ p } as Day);
      }
    } finally {
      closed = true;
    }
  }
  assertEquals(await Array.fromAsync(firstThat(days(), isAnomalous, 2)), [{ p: 0 }, { p: 0 }] as Day[]);
  assertEquals([given, closed], [3, true]);
  assertEquals(await Array.fromAsync(firstThat(days(), isAnomalous, 0)), []);
  assertEquals(given, 3);
});

Deno.test("a file is closed when the analysis stops in the middle of it", async () => {
  const path = await Deno.makeTempFile();
  try {
    await writeCsv(path, 20_000, 5);
    // The sanitizer of resources fails this test if the file stays open.
    for await (const reading of readReadings(path)) if (reading.time > 0) break;
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("CRLF, a missing newline at the end, a byte-order mark, quotes and blank lines are read", async () => {
  const cases = {
    plain: lines.join("\n") + "\n",
    "no newline at the end": lines.join("\n"),
    CRLF: lines.join("\r\n") + "\r\n",
    "a byte-order mark": "\ufeff" + lines.join("\n"),
    quotes: lines.map((line) => `"${line.replace(",", '","')}"`).join("\n"),
    "blank lines": `\n${lines.join("\n\n\r\n")}\n\n\n`,
  };
  for (const [name, text] of Object.entries(cases)) {
    for (const size of [1, 3, 1000]) assertEquals(await read(text, size), [first, second], name);
  }
  assertEquals(await read("timestamp,value\n"), []);
});

Deno.test("whatever is not a reading is refused, and the line named", async () => {
  const good = lines.slice(0, 2).join("\n");
  const cases: [text: string, message: string][] = [
    ["", "line 1: the file is empty"],
    ["\n\n", "line 1: the file is empty"],
    ["time,value\n", "line 1: the columns must be timestamp,value and not time,value"],
    ["\n2024-01-01T00:00:00Z,1\n", "line 2: the columns must be"],
    ["timestamp\n2024-01-01T00:00:00Z\n", "line 1: expected 2 fields but got 1"],
    [`${good}\n2024-01-01T00:01:00Z\n`, "line 3: expected 2 fields but got 1"],
    [`${good}\n2024-01-01T00:01:00Z,1,2\n`, "line 3: expected 2 fields but got 3"],
    [`${good}\n2024-01-01T00:01:00Z,abc\n`, 'line 3: "abc" is not a number'],
    [`${good}\n\r\n\n2024-01-01T00:01:00Z,\n`, 'line 5: "" is not a number'],
    [`${good}\n2024-01-01T00:01:00Z,NaN`, 'line 3: "NaN" is not a number'],
    [`${good}\n2024-01-01T00:01:00Z,1e999`, 'line 3: "1e999" is not a number'],
    [`${good}\n2024-01-01T00:01:00Z,0x10`, 'line 3: "0x10" is not a number'],
    [`${good}\n2024-01-01T00:01:00Z,"1\n2"`, "line 3: "],
    [`${good}\n2024-02-30T00:00:00Z,1`, 'line 3: "2024-02-30T00:00:00Z" is not a time'],
    [`${good}\n2024-01-01 00:01:00,1`, 'line 3: "2024-01-01 00:01:00" is not a time'],
    [`${good}\n2023-12-31T23:59:59Z,1`, "line 3: 2023-12-31T23:59:59Z is earlier"],
    [`${good}\n2024-01-01T00:01:00Z,"1`, 'extraneous or missing " in quoted-field'],
    [`${good}\n2024-01-01T00:01:00Z,1"2`, 'line 3, column 23: bare " in non-quoted-field'],
  ];
  for (const [text, message] of cases) {
    for (const size of [1, 1000]) await assertRejects(() => read(text, size), Error, message, text);
  }
  await assertRejects(
    () => Array.fromAsync(parseReadings(ReadableStream.from([new Uint8Array([0xff, 0x2c])]))),
    TypeError,
  );
});

Deno.test("bad flags and files end both scripts with one line and exit code 2", async () => {
  const source = (file: string) => Deno.readTextFile(new URL(file, import.meta.url));
  const analysis = parseHeader(await source("lazy_data_analysis.ts")).run;
  const sensor = parseHeader(await source("sensor_data.ts")).run;
  const cases: [run: string, more: string[], message: string][] = [
    [analysis, ["--csv", "ch05/none.csv"], "error: --csv ch05/none.csv: "],
    [analysis, ["--csv"], "error: --csv needs a file"],
    [analysis, ["--rows", "5"], "error: --rows: there is only"],
    [analysis, ["--csv", "ch05/README.md"], "error: --csv ch05/README.md: "],
    [sensor, ["--rows=-1"], "error: --rows -1: must be a whole number from 0 to 1000000000"],
    [sensor, ["--interval", "0"], "error: --interval 0: must be"],
    [sensor, ["--seed", "x"], "error: --seed x: must be"],
  ];
  await Promise.all(cases.map(async ([run, more, message]) => {
    const { code, stderr, stdout } = await runScript(run, { cwd: root, more });
    assertEquals([code, stdout], [2, ""], stderr);
    assert(stderr.startsWith(message) && stderr.trimEnd().split("\n").length === 1, stderr);
  }));
});

Deno.test("sensor_data.ts prints as many rows as asked for, which the analysis reads", async () => {
  const source = await Deno.readTextFile(new URL("sensor_data.ts", import.meta.url));
  const { code, stdout } = await runScript(parseHeader(source).run, {
    cwd: root,
    more: ["--rows", "3000", "--seed", "9"],
  });
  assertEquals(code, 0);
  assertEquals(await read(stdout, 1000), readings(9).take(3000).toArray());
});
