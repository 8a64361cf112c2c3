import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { followTheme, pageScheme } from './theme';

const clear = () => {
  for (const page of [document.documentElement, document.body]) {
    for (const { name } of [...page.attributes]) {
      page.removeAttribute(name);
    }
  }
};
afterEach(clear);

test('each host is understood', () => {
  const hosts: [host: string, mark: () => void, scheme: string][] = [
    ['JupyterLab, light', () => document.body.setAttribute('data-jp-theme-light', 'true'), 'light'],
    ['JupyterLab, dark', () => document.body.setAttribute('data-jp-theme-light', 'false'), 'dark'],
    ['VS Code, dark', () => document.body.classList.add('vscode-dark'), 'dark'],
    ['VS Code, light', () => document.body.classList.add('vscode-light'), 'light'],
    ['Colab, dark', () => document.documentElement.setAttribute('theme', 'dark'), 'dark'],
    ['marimo, dark', () => document.body.classList.add('dark', 'dark-theme'), 'dark'],
    ['a page with a color scheme', () => document.body.style.setProperty('color-scheme', 'dark'), 'dark'],
  ];
  for (const [host, mark, scheme] of hosts) {
    mark();
    assert.equal(pageScheme(), scheme, host);
    clear();
  }
  assert.equal(pageScheme(), null);
});

test('an element follows the page until it ends', async () => {
  const element = document.createElement('div');
  const end = followTheme(element);
  assert.equal(element.style.colorScheme, '');
  document.body.classList.add('dark');
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(element.style.colorScheme, 'dark');
  end();
  document.body.classList.remove('dark');
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(element.style.colorScheme, 'dark');
});
