/** @file Reads a file from its beginning to its end, through one buffer: files of gigabytes leave nothing to be collected. */
import { open } from "node:fs/promises";

const pieceBytes = 2 ** 20;

/** The bytes of a file, some at a time. Each piece is overwritten by the next. */
export async function* filePieces(path: string): AsyncGenerator<Buffer> {
  const file = await open(path);
  try {
    const buffer = Buffer.allocUnsafeSlow(pieceBytes);
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, pieceBytes, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
