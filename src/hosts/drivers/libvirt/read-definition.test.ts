// A definition is whole, or it is refused.
import { describe, expect, it } from 'vitest';
import { OperationalError } from '../../../shared/errors.js';
import { readDefinition } from './read-definition.js';

describe('readDefinition', () => {
  it('takes a whole one', () => expect(readDefinition("<domain type='kvm'>\n</domain>\n\n", 'definition')).toBe("<domain type='kvm'>\n</domain>"));
  it('refuses one that is cut short or lost', () => {
    for (const output of ['', '\n', "<domain type='kvm'>\n  <name>vm"]) expect(() => readDefinition(output, 'definition of u')).toThrow(OperationalError);
  });
});
