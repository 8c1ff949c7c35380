// The log port: a line for people, with data beside it. The product writes JSON lines; the simulator keeps or drops them.

interface LogLine {
  (line: string): void;
  (data: Readonly<Record<string, unknown>>, line: string): void;
}

export interface Log {
  readonly debug: LogLine;
  readonly info: LogLine;
  readonly warn: LogLine;
}
