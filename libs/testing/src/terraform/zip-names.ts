/** The names of a zip whose last bytes are `tail`; null for what is no zip, or one whose directory is not in there. */
export function zipNames(tail: Buffer, size: number): readonly string[] | null {
  const end = tail.lastIndexOf(Buffer.from('504b0506', 'hex'));
  if (end < 0 || end + 22 > tail.length) {
    return null;
  }
  const [count, bytes, offset] = [tail.readUInt16LE(end + 10), tail.readUInt32LE(end + 12), tail.readUInt32LE(end + 16)];
  // Where its sizes stand in 64 bits the directory ends before a record of 56 bytes and a locator of 20.
  const zip64 = offset === 0xffffffff;
  let at = zip64 ? end - 76 - Number(tail.readBigUInt64LE(end - 76 + 40)) : offset - (size - tail.length);
  if (at < 0 || (!zip64 && at + bytes > end)) {
    return null;
  }
  const names: string[] = [];
  while (at + 46 <= end && tail.readUInt32LE(at) === 0x02014b50) {
    const length = tail.readUInt16LE(at + 28);
    names.push(tail.subarray(at + 46, at + 46 + length).toString());
    at += 46 + length + tail.readUInt16LE(at + 30) + tail.readUInt16LE(at + 32);
  }
  return zip64 || names.length === count ? names : null;
}
