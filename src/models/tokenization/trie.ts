/** @file A set of texts that finds which of them a text has at a position. */

/** Edges from node and UTF-16 unit to node, in one open hash table of typed arrays. */
export class Trie {
  private readonly mask: number;
  private readonly parents: Int32Array;
  private readonly units: Uint16Array;
  /** The node an edge leads to; 0, the root, where there is no edge. */
  private readonly children: Int32Array;
  /** For each node 1 + the value of the text that ends there, or 0. */
  private readonly values: Int32Array;
  private nodes = 1;

  /** `entries` are texts and their values, whole numbers from 0 to 2^31 − 2. */
  constructor(entries: Iterable<readonly [text: string, value: number]>) {
    const all = [...entries];
    const edges = all.reduce((sum, [text]) => sum + text.length, 0);
    const capacity = 2 ** Math.ceil(Math.log2(2 * edges + 2));
    this.mask = capacity - 1;
    this.parents = new Int32Array(capacity);
    this.units = new Uint16Array(capacity);
    this.children = new Int32Array(capacity);
    this.values = new Int32Array(edges + 1);
    for (const [text, value] of all) if (text !== "") this.values[this.insert(text)] = value + 1;
  }

  /** Calls `found` with the end and the value of each text that `text` has at `begin`, the shortest first. */
  matches(text: string, begin: number, found: (end: number, value: number) => void): void {
    let node = 0;
    for (let index = begin; index < text.length; index++) {
      node = this.children[this.slot(node, text.charCodeAt(index))]!;
      if (node === 0) return;
      const value = this.values[node]!;
      if (value > 0) found(index + 1, value - 1);
    }
  }

  private insert(text: string): number {
    let node = 0;
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      const slot = this.slot(node, unit);
      if (this.children[slot] === 0) {
        this.parents[slot] = node;
        this.units[slot] = unit;
        this.children[slot] = this.nodes++;
      }
      node = this.children[slot]!;
    }
    return node;
  }

  /** Where the edge is, or would be. */
  private slot(node: number, unit: number): number {
    const { mask, children, parents, units } = this;
    let hash = Math.imul(node, 0x9e3779b1) ^ Math.imul(unit, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
    let slot = (hash ^ (hash >>> 13)) & mask;
    while (children[slot] !== 0 && (parents[slot] !== node || units[slot] !== unit)) slot = (slot + 1) & mask;
    return slot;
  }
}
