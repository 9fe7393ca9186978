// placeholder by the lead until helper "retrieval" writes this file: overwrite freely
export const LEXICAL_MODEL = "@prism/lexical-384-v1";
export function embedLexical(texts: string[]): Float32Array[] { return texts.map((t) => { const v = new Float32Array(384); for (const w of t.toLowerCase().split(/\W+/)) { let h = 7; for (const ch of w) h = (h * 31 + ch.charCodeAt(0)) >>> 0; v[h % 384] = (v[h % 384] ?? 0) + 1; } const n = Math.hypot(...v) || 1; return v.map((x) => x / n); }); }
