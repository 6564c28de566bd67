/** A path to a value: strings are keys, numbers are indexes. */
export type Path = (string | number)[];

/** The error details of an invalid value, as pydantic gives them. */
export interface ErrorDetails { type: string; loc: Path; msg: string; input: unknown; [key: string]: unknown }

/** Verdicts as a tree beside the value. */
export interface Marks { m?: "complete" | ErrorDetails[]; c?: Record<string, Marks> }

/** How a stream ended. */
export interface End {
  status: "complete" | "invalid" | "truncated" | "refused" | "failed" | "cancelled";
  open: Path[];
  error: string | null;
  finish_reason: string | null;
}

export interface State<T = unknown> {
  /** The value so far; undefined before the first frame. Parts that did not change keep their identity. */
  readonly value: T | undefined;
  readonly marks: Marks | null;
  /** The path that the last frame ended at: usually the value being written. */
  readonly at: Path;
  /** How the stream ended; null while it runs. */
  readonly end: End | null;
  /** The number of the attempt, from 1. */
  readonly attempt: number;
  /** Items of lists that were dropped because they were invalid. */
  readonly dropped: { at: Path; errors: ErrorDetails[] }[];
  /** How often a snapshot replaced the state, because the server no longer had what was missed. */
  readonly gaps: number;
  /** Of `followMany`: the HTTP status for a run that cannot be followed. */
  readonly status?: number;
}

export interface Options {
  headers?: Record<string, string>;
  /** Leave: `controller.abort()`. It does not stop the run. */
  signal?: AbortSignal;
  /** Milliseconds before the first reconnection; the server may change it. Doubles up to 15 seconds. */
  retry?: number;
  /** Milliseconds of silence after which the connection counts as dead. */
  stall?: number;
}

export const empty: State<never>;
export class FrameError extends Error {}
export class FollowError extends Error { readonly status: number }

export function apply<T>(state: State<T>, frame: unknown[]): State<T>;
export function verdict(state: State, path: Path): "open" | "complete" | ErrorDetails[];

export function follow<T = unknown>(
  url: string,
  options?: Options & { onState?(state: State<T>, id: string): void; state?: State<T>; id?: string },
): Promise<State<T>>;

export function followMany<T = unknown>(
  url: string,
  options?: Options & { onState?(run: string, state: State<T>, id?: string): void },
): Promise<Record<string, State<T>>>;
