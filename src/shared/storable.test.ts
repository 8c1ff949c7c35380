// Text from far sides, made fit for the database.
import { describe, expect, it } from 'vitest';
import { storableJson, storableText } from './storable.js';

describe('what the store can keep', () => {
  it('keeps whole characters, whatever their plane', () => {
    expect(storableText('größer 🖥 \\u0000 as letters')).toBe('größer 🖥 \\u0000 as letters');
  });

  it('replaces NUL and half characters, also deep inside', () => {
    const cut = '🖥'.slice(0, 1);
    expect(JSON.parse(storableJson({ a: ['x\0y', { b: cut }], gone: undefined }))).toEqual({ a: ['x\uFFFDy', { b: '\uFFFD' }] });
  });
});
