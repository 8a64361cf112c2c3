/** Return IDs with that of the baseline. If there is room for the first ones only, it is one of them. */
export function withBaseline(
  ids: readonly string[],
  baseline: string | null,
  most = Number.POSITIVE_INFINITY,
): readonly string[] {
  return baseline === null || ids.slice(0, most).includes(baseline)
    ? ids
    : [...ids.filter((id) => id !== baseline).slice(0, most - 1), baseline];
}
