/** @file Shared libraries for Linux on x86-64 that hold nothing but what they are called and what they need, and can be opened. */

/** The smallest that the loader takes: one segment, a dynamic section, and a table of no symbols. */
export function sharedLibrary({ name, needs = [] }: { name?: string; needs?: readonly string[] }): Buffer {
  const names = [...(name === undefined ? [] : [name]), ...needs];
  const strings = Buffer.from(`\0${names.join("\0")}\0`);
  const positions = names.map((_, index) => 1 + names.slice(0, index).join("\0").length + (index > 0 ? 1 : 0));
  const tags: [number, number][] = names.map((_, index) => [
    name !== undefined && index === 0 ? 14 : 1,
    positions[index]!,
  ]);
  const dynamicAt = 64 + 3 * 56;
  const dynamicBytes = 16 * (tags.length + 6);
  const symbolsAt = dynamicAt + dynamicBytes;
  const hashAt = symbolsAt + 24;
  const stringsAt = hashAt + 16;
  const file = Buffer.alloc(stringsAt + strings.length);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  file.writeUInt16LE(3, 16); // a shared object
  file.writeUInt16LE(62, 18); // for x86-64
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(64n, 32);
  for (const [at, value] of [[52, 64], [54, 56], [56, 3]] as const) file.writeUInt16LE(value, at); // biome-ignore format: pairs
  const program = (index: number, type: number, offset: number, bytes: number) => {
    const at = 64 + 56 * index;
    file.writeUInt32LE(type, at);
    file.writeUInt32LE(6, at + 4); // readable and writable: the loader writes into the dynamic section
    for (const [field, value] of [
      [8, offset],
      [16, offset],
      [24, offset],
      [32, bytes],
      [40, bytes],
      [48, 8],
    ] as const)
      file.writeBigUInt64LE(BigInt(value), at + field);
  };
  program(0, 1, 0, file.length);
  program(1, 2, dynamicAt, dynamicBytes);
  program(2, 0x6474e551, 0, 0); // no executable stack
  const dynamic: [number, number][] = [
    ...tags,
    [4, hashAt],
    [5, stringsAt],
    [6, symbolsAt],
    [10, strings.length],
    [11, 24],
  ];
  for (const [index, [tag, value]] of dynamic.entries()) {
    file.writeBigUInt64LE(BigInt(tag), dynamicAt + 16 * index);
    file.writeBigUInt64LE(BigInt(value), dynamicAt + 16 * index + 8);
  }
  file.writeUInt32LE(1, hashAt);
  file.writeUInt32LE(1, hashAt + 4);
  file.set(strings, stringsAt);
  return file;
}
