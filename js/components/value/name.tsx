import type { Common } from '../../logic/shorten';

/** Names up to this length are not divided, because they fit where names of runs and keys stand. */
const SHORT = 18;
/** How many characters of a divided name are after the cut. */
const TAIL = 10;
/** The same length for what is left of a name without its common parts, of which both ends tell it from others. */
const SHORT_REST = 8;
const LAST_WORD = /[\p{L}\p{N}_.]+$/u;

interface Props {
  text: string;
  short?: number;
  /** What the name has in common with those beside it. If there is no room, this is cut first. */
  common?: Common | undefined;
}

/** A name that is cut in its middle if there is no room, because names of one project often differ only at their ends. */
export function Name({ text, short = SHORT, common }: Props) {
  const { prefix = '', suffix = '' } = common ?? {};
  const [start, end] = [prefix.length, text.length - suffix.length];
  if ([...text].length <= short) {
    return <span class="nbt-name-head">{text}</span>;
  }
  if (start >= end || end - start === text.length || !text.startsWith(prefix) || !text.endsWith(suffix)) {
    return <Cut text={text} tail={TAIL} />;
  }
  const rest = text.slice(start, end);
  const word = [...(rest.match(LAST_WORD)?.[0] ?? '')].length;
  return (
    <span class="nbt-cut-name">
      {prefix && <span class="nbt-name-head nbt-name-common">{prefix}</span>}
      {[...rest].length <= SHORT_REST ? (
        <span class="nbt-name-head">{rest}</span>
      ) : (
        <Cut text={rest} tail={word > 0 ? Math.min(word, TAIL) : TAIL} />
      )}
      {suffix && <span class="nbt-name-head nbt-name-common">{suffix}</span>}
    </span>
  );
}

/** A string whose end stays in sight. */
function Cut({ text, tail }: { text: string; tail: number }) {
  const characters = [...text];
  const length = Math.min(tail, Math.floor(characters.length / 2));
  return (
    <span class="nbt-cut-name">
      <span class="nbt-name-head">{characters.slice(0, -length).join('')}</span>
      <span class="nbt-name-tail">{characters.slice(-length).join('')}</span>
    </span>
  );
}
