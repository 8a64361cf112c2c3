/** Scroll a list so that an option is in sight. scrollIntoView would scroll the page, too. */
export function keepInSight(list: HTMLElement | null, option: HTMLElement | null | undefined): void {
  if (list && option) {
    const { scrollTop, clientHeight } = list;
    const bottom = option.offsetTop + option.offsetHeight;
    list.scrollTop = Math.min(Math.max(scrollTop, bottom - clientHeight), option.offsetTop);
  }
}
