/** Names up to this length are not divided, because they fit where names of runs and keys stand. */
const SHORT = 18;
const TAIL = 10;

/** A name that is cut in its middle if there is no room, because names of one project often differ only at their ends. */
export function Name({ text, short = SHORT }: { text: string; short?: number }) {
  const characters = [...text];
  const tail = Math.min(TAIL, Math.floor(characters.length / 2));
  if (characters.length <= short) {
    return <span class="nbt-name-head">{text}</span>;
  }
  return (
    <span class="nbt-cut-name">
      <span class="nbt-name-head">{characters.slice(0, -tail).join('')}</span>
      <span class="nbt-name-tail">{characters.slice(-tail).join('')}</span>
    </span>
  );
}
