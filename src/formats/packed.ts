/**
 * @file Lists of many texts and numbers as bytes: a million short texts as JavaScript strings take three times the memory, and the
 * garbage collector walks over every one.
 */

/** A list that is read by index. Arrays are such lists. */
export interface Indexed<T> {
  readonly length: number;
  at(index: number): T | undefined;
  [Symbol.iterator](): Iterator<T>;
}

type NumberArray = Uint16Array | Uint32Array | Float64Array;

const blockLength = 2 ** 16;

/** Numbers of one type, in blocks: a list that grows is never copied. */
export class PackedNumbers {
  length = 0;
  private readonly blocks: NumberArray[] = [];
  private readonly create: new (
    length: number,
  ) => NumberArray;

  constructor(type: new (length: number) => NumberArray = Uint32Array) {
    this.create = type;
  }

  push(value: number): void {
    const within = this.length % blockLength;
    if (within === 0) this.blocks.push(new this.create(blockLength));
    this.blocks[this.blocks.length - 1]![within] = value;
    this.length++;
  }

  /** The number at `index`, which must be below the length. */
  get(index: number): number {
    return this.blocks[Math.floor(index / blockLength)]![index % blockLength]!;
  }
}

/** Bytes of a block of text. */
const textBlock = 2 ** 20;

/** Texts in UTF-8. */
export class PackedTexts {
  private readonly blocks: (Buffer | undefined)[] = [];
  /** Blocks that were let go, all before the others. */
  private gone = 0;
  private used = 0;
  private readonly block = new PackedNumbers();
  private readonly start = new PackedNumbers();
  private readonly bytes = new PackedNumbers();

  get length(): number {
    return this.bytes.length;
  }

  /** @returns the index of the text */
  push(text: string): number {
    const size = Buffer.byteLength(text);
    let last = this.blocks.at(-1);
    if (!last || this.used + size > last.length) {
      last = Buffer.allocUnsafeSlow(Math.max(textBlock, size));
      this.blocks.push(last);
      this.used = 0;
    }
    last.write(text, this.used);
    this.block.push(this.blocks.length - 1);
    this.start.push(this.used);
    this.bytes.push(size);
    this.used += size;
    return this.length - 1;
  }

  /** The text at `index`, which must be below the length. @throws RangeError for one that was let go */
  get(index: number): string {
    const start = this.start.get(index);
    const block = this.blocks[this.block.get(index)];
    if (!block) throw new RangeError(`text ${index} was let go`);
    return block.toString("utf8", start, start + this.bytes.get(index));
  }

  /** Lets go of texts before `index`, whose memory others may then have. */
  letGo(index: number): void {
    for (const first = this.block.get(index); this.gone < first; this.gone++) this.blocks[this.gone] = undefined;
  }
}

/** Sequences of numbers, one behind the other. */
export class PackedSequences {
  private readonly values: PackedNumbers;
  private readonly ends = new PackedNumbers(Float64Array);

  constructor(type: new (length: number) => NumberArray = Uint32Array) {
    this.values = new PackedNumbers(type);
  }

  get length(): number {
    return this.ends.length;
  }

  push(sequence: readonly number[]): void {
    for (const value of sequence) this.values.push(value);
    this.ends.push(this.values.length);
  }

  /** The sequence at `index`, which must be below the length. */
  get(index: number): number[] {
    const begin = index === 0 ? 0 : this.ends.get(index - 1);
    return Array.from({ length: this.ends.get(index) - begin }, (_, i) => this.values.get(begin + i));
  }
}
