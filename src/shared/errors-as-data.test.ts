// Errors that cross to another thread and back.
import { describe, expect, it } from 'vitest';
import { Defect, OperationalError, PassingConflict, UserError } from './errors.js';
import { errorAsData, errorFromData } from './errors-as-data.js';

const across = (error: unknown): Error => errorFromData(structuredClone(errorAsData(error)));

describe('an error as data, and back', () => {
  it.each([
    new UserError('not-found', 'no host is named x', 'reeve host list'),
    new UserError('invalid', 'host: of which host?'),
    new PassingConflict('lease is under way', 'wait'),
    new OperationalError('timeout', 'no answer', null),
    new OperationalError('busy', 'too many'),
  ])('keeps its kind, code and remedy: $name $message', (error) => {
    const back = across(error);
    expect(back).toBeInstanceOf(error.constructor);
    expect(back.constructor).toBe(error.constructor);
    expect(back).toMatchObject({ name: error.name, code: error.code, message: error.message, remedy: error.remedy });
  });

  it('is a defect where it is none of these, and says where it happened', () => {
    const error = new TypeError('x is not a function');
    expect(across(error)).toBeInstanceOf(Defect);
    expect(across(error)).toMatchObject({ message: error.message, stack: error.stack });
    expect(across('thrown text')).toMatchObject({ name: 'Defect', message: 'thrown text' });
  });
});
