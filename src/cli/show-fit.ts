// `reeve cluster fit`: how many more fit, and what keeps one more from it.
import type { FitDocument } from '../cluster/fit.js';
import { count, mebibytes, type Style } from './format.js';

const KEPT: { readonly [M in FitDocument['mode']]: string } = { off: '', 'n+1': ' with room for the loss of any one host', 'n+2': ' with room for the loss of any two hosts', zone: ' with room for the loss of any one zone' };

export function showFit({ like, memoryMiB, vcpus, mode, most, count: fits, places, stops }: FitDocument, style: Style): string {
  const size = `${mebibytes(memoryMiB)} and ${count(vcpus, 'vCPU')}`;
  const what = like === null ? `of ${size}` : `like ${like} (${size})`;
  const number = fits >= most ? `${most} or more` : String(fits);
  return [
    `${style.bold(number)} ${what} fit${KEPT[mode]}`,
    ...(mode !== 'off' && places > fits ? [`  ${places >= most ? `${most} or more` : places} have a place when no loss is thought of`] : []),
    ...(stops === null ? [] : [`  ${stops}`]),
  ].join('\n');
}
