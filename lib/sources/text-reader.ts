/** The native readers of a table's text (native/text/table_reader.h), one text after the other into one table. */
import { addon } from '../addon.js';
import { fromNative } from '../errors.js';
import type { TableSchema } from '../table-schema.js';
import { type NativeSnapshot, openSnapshot, type SourceFacts, type TableSnapshot } from '../tables/snapshot.js';

interface TextReaderAddon {
  dumpReader(table: string): object;
  dumpReaderBegin(reader: object, datapath: string, file: string): void;
  dumpReaderFeed(reader: object, chunk: Uint8Array): Promise<{ bytes: number; rows: number }>;
  dumpReaderFinish(reader: object): Promise<NativeSnapshot>;
  dumpReaderClose(reader: object): void;
}

export class TextReader {
  readonly #native = addon<TextReaderAddon>();
  readonly #reader: object;

  constructor(readonly schema: TableSchema) {
    this.#reader = this.#native.dumpReader(schema.name);
  }

  /** What is fed from now on stands in `file` (of a set) and is of the datapath or bridge `datapath`; empty: not known. */
  begin(datapath: string, file: string): void {
    this.#native.dumpReaderBegin(this.#reader, datapath, file);
  }

  /** The next bytes; how many bytes and rows there were so far. */
  async feed(chunk: Uint8Array): Promise<{ readonly bytes: number; readonly rows: number }> {
    try {
      return await this.#native.dumpReaderFeed(this.#reader, chunk);
    } catch (error) {
      throw fromNative(error);
    }
  }

  /** The table. The reader is of no use afterwards. */
  async finish(facts: SourceFacts): Promise<TableSnapshot> {
    return openSnapshot(this.schema, await this.#native.dumpReaderFinish(this.#reader), facts);
  }

  close(): void {
    this.#native.dumpReaderClose(this.#reader);
  }
}
