/** Names up to this length are not divided, because they fit. */
const SHORT = 18;
const TAIL = 10;

/** A name that is cut in its middle if there is no room, because names of one project often differ only at their ends. */
export function Name({ text }: { text: string }) {
  const characters = [...text];
  if (characters.length <= SHORT) {
    return <span class="nbt-name-head">{text}</span>;
  }
  return (
    <span class="nbt-cut-name">
      <span class="nbt-name-head">{characters.slice(0, -TAIL).join('')}</span>
      <span class="nbt-name-tail">{characters.slice(-TAIL).join('')}</span>
    </span>
  );
}
