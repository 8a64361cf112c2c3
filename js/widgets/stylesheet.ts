/** Apply a stylesheet where `el` is: in the document, and in the shadow root that contains it, if it is in one. */
export function adopt(sheet: CSSStyleSheet, el: HTMLElement, ended: AbortSignal): void {
  add(sheet, el.ownerDocument);
  // JupyterLab renders before it attaches the element. An element is first observed when it is laid out, before it is
  // painted.
  const attached = new ResizeObserver(() => {
    const root = el.getRootNode();
    if (root instanceof ShadowRoot || root instanceof Document) {
      add(sheet, root);
    }
  });
  attached.observe(el);
  ended.addEventListener('abort', () => attached.disconnect());
}

function add(sheet: CSSStyleSheet, root: Document | ShadowRoot): void {
  if (root.adoptedStyleSheets.includes(sheet)) {
    return;
  }
  try {
    root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
  } catch {
    // A sheet belongs to one document. JupyterLab can show an output in another window.
    const style = document.createElement('style');
    style.textContent = [...sheet.cssRules].map((rule) => rule.cssText).join('\n');
    (root instanceof Document ? root.head : root).append(style);
  }
}
