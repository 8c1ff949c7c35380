// Walks the schema: one entry per setting, with its path, its variable, its default and what is said about it.
import type { z } from 'zod';
import { FileSchema, type SettingMeta } from './config-schema.js';

export type SettingShape = 'text' | 'number' | 'boolean' | 'list';

export interface Setting {
  /** As in the file: `timing.heartbeatMs`. */
  readonly path: string;
  /** `REEVE_TIMING_HEARTBEAT_MS`. */
  readonly variable: string;
  readonly shape: SettingShape;
  readonly fallback: unknown;
  readonly meta: SettingMeta;
}

export interface Section {
  readonly name: string;
  readonly doc: string;
}

interface Node {
  readonly type: string;
  readonly innerType?: z.ZodType;
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  readonly defaultValue?: unknown;
}

const node = (schema: z.ZodType): Node => schema.def as unknown as Node;

/** Takes off default, optional and prefault. */
function bare(schema: z.ZodType): z.ZodType {
  const { innerType } = node(schema);
  return innerType ? bare(innerType) : schema;
}

const SHAPES: Readonly<Record<string, SettingShape>> = { number: 'number', boolean: 'boolean', array: 'list' };

function toVariable(path: string): string {
  return `REEVE_${path.replace('MiB', 'Mib').replace(/([a-z])([A-Z])/g, '$1_$2').replaceAll('.', '_').toUpperCase()}`;
}

/** The keys of an object schema with their schemas; empty for anything else. */
export function keysOf(schema: z.ZodType): Readonly<Record<string, z.ZodType>> {
  return node(bare(schema)).shape ?? {};
}

function settingsUnder(schema: z.ZodType, prefix: string): readonly Setting[] {
  return Object.entries(keysOf(schema)).flatMap(([key, child]) => {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    if (Object.keys(keysOf(child)).length > 0) return settingsUnder(child, path);
    const meta = child.meta() as SettingMeta | undefined;
    if (!meta) throw new Error(`the setting ${path} says nothing about itself`);
    const shape = SHAPES[node(bare(child)).type] ?? 'text';
    return [{ path, variable: toVariable(path), shape, fallback: node(child).defaultValue, meta }];
  });
}

export const SETTINGS: readonly Setting[] = settingsUnder(FileSchema, '');

export const SECTIONS: readonly Section[] = Object.entries(keysOf(FileSchema))
  .filter(([, schema]) => Object.keys(keysOf(schema)).length > 0)
  .map(([name, schema]) => ({ name, doc: String(schema.meta()?.['doc'] ?? '') }));

export function settingAt(path: string): Setting | null {
  return SETTINGS.find((one) => one.path === path) ?? null;
}
