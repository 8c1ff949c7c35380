// The XML reader: what it takes, what it refuses, and that writing and reading agree.
import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { all, escapeXml, first, parseXml } from './xml.js';

describe('parseXml', () => {
  it('reads elements, attributes, text, comments, CDATA and namespaces', () => {
    const root = parseXml(`<?xml version="1.0"?>\n<!-- c --><a x='1' y="&lt;&#65;&#x42;'"><b>one</b><b/><!-- <b> --><q:c xmlns:q='u'> t <![CDATA[<&>]]></q:c></a>\n`);
    expect(root.attributes).toEqual({ x: '1', y: "<AB'" });
    expect(all(root, 'b').map(({ text }) => text)).toEqual(['one', '']);
    expect(first(root, 'q:c')?.text).toBe('t <&>');
    expect(first(root, 'none/deeper')).toBeUndefined();
  });

  it.each(['', 'text', '<a>', '<a></b>', '</a>', '<a/><b/>', '<a b></a>', '<a b=1/>', '<a b="1" b="2"/>', '<a>&nope;</a>', '<a>&lt</a>', '<a>&#0;</a>', '<!DOCTYPE a [<!ENTITY x "y">]><a/>', '<a', '<a/>x', `${'<a>'.repeat(200)}${'</a>'.repeat(200)}`])('refuses %j', (text) => {
    expect(() => parseXml(text)).toThrow('malformed XML');
  });

  it('reads back every text that was escaped', () => {
    const text = fc.string({ unit: 'grapheme' }).filter((one) => !/[\u0000-\u001f]/.test(one));
    fc.assert(fc.property(text, (value) => {
      const root = parseXml(`<a b='${escapeXml(value)}'>${escapeXml(value)}</a>`);
      expect(root.attributes['b']).toBe(value);
      expect(root.text).toBe(value.trim());
    }));
  });
});
