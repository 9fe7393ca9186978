/** The one stylesheet: what all pages share, then what single ones need. */
import { DOCS_STYLE } from "./docs-style.ts";
import { STATUS_STYLE } from "./status-style.ts";

export const PAGE_STYLE = DOCS_STYLE + STATUS_STYLE;
