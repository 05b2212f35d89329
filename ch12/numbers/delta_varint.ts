/**
 * Sorted whole numbers as the gaps between them, each in as many bytes as it needs.
 *
 * What to notice: seven bits of a byte are the number's, the eighth says that another byte follows. Most gaps of a
 * dense set take one byte, whatever the numbers themselves would take. Where four bytes in a row have no eighth bit,
 * four gaps are done at once, and only elsewhere there is a branch for each byte. There is no way to the middle but
 * through all before.
 *
 * @original 12_less_ram, the book's array.array and numpy against list
 * @run deno run ch12/numbers/delta_varint.ts
 * @takes 1 s
 */

export class DeltaVarint {
  private constructor(readonly length: number, readonly bytes: Uint8Array<ArrayBuffer>) {}

  /**
   * @param values whole numbers from 0 to 2 ** 32 - 1, none smaller than the one before it
   * @throws RangeError if they are not that
   */
  static encode(values: ArrayLike<number>): DeltaVarint {
    // At most five bytes each; what is not needed is cut off.
    const bytes = new Uint8Array(5 * values.length);
    let end = 0;
    for (let i = 0, last = 0; i < values.length; last = values[i++]) {
      if (values[i] >>> 0 !== values[i]) {
        throw new RangeError(`${values[i]} at ${i}: must be a whole number from 0 to 2^32 - 1`);
      }
      if (values[i] < last) {
        throw new RangeError(`${values[i]} at ${i} comes after ${last}: the numbers must be sorted`);
      }
      let gap = values[i] - last;
      for (; gap >= 128; gap = gap >>> 7) bytes[end++] = gap & 127 | 128;
      bytes[end++] = gap;
    }
    return new DeltaVarint(values.length, bytes.slice(0, end));
  }

  get byteLength(): number {
    return this.bytes.length;
  }

  decode(): Uint32Array {
    const { bytes, length } = this, values = new Uint32Array(length);
    for (let i = 0, at = 0, last = 0; i < length; i++) {
      let byte = bytes[at++], gap = byte & 127;
      for (let shift = 7; byte >= 128; shift += 7) {
        byte = bytes[at++];
        gap |= (byte & 127) << shift;
      }
      values[i] = last = last + gap >>> 0;
    }
    return values;
  }

  sum(): number {
    const { bytes } = this, end = bytes.length, view = new DataView(bytes.buffer);
    let total = 0, last = 0, at = 0;
    while (at < end) {
      if (at + 4 <= end) {
        const four = view.getInt32(at, true);
        if ((four & 0x80808080) === 0) {
          const a = four & 127, b = four >> 8 & 127, c = four >> 16 & 127, d = four >> 24;
          // The first gap is in all four numbers, the last in one.
          total += 4 * last + (4 * a + 3 * b + 2 * c + d);
          last += a + b + c + d;
          at += 4;
          continue;
        }
      }
      let byte = bytes[at++], gap = byte & 127;
      for (let shift = 7; byte >= 128; shift += 7) {
        byte = bytes[at++];
        gap |= (byte & 127) << shift;
      }
      last += gap >>> 0;
      total += last;
    }
    return total;
  }
}

if (import.meta.main) {
  const count = 2 ** 20, values = new Uint32Array(count), times: number[] = [];
  for (let i = 0, state = 1; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    // Gaps that get rarer as they get longer, eight on average.
    values[i] = (values[i - 1] ?? 0) + 1 + Math.floor(Math.log(1 - state / 2 ** 32) / Math.log(7 / 8));
  }
  const coded = DeltaVarint.encode(values), expected = values.reduce((sum, value) => sum + value, 0);
  for (let i = 0; i < 20; i++) {
    const start = performance.now();
    if (coded.sum() !== expected) throw new Error(`the sum is ${expected}, not ${coded.sum()}`);
    times.push((performance.now() - start) * 1e6 / count);
  }
  if (!coded.decode().every((value, i) => value === values[i])) throw new Error("decoded, they are others");
  console.log(
    `${count} sorted numbers up to ${values[count - 1]}: ${(coded.byteLength / count).toFixed(3)} bytes a number, ${
      times.sort((a, b) => a - b)[0].toFixed(2)
    } ns to add one`,
  );
}
