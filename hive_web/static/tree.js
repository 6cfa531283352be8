// A parsed text (hive_web/markdown.py) as DOM nodes: a string is text, `[tag, children, href?]` is an element.

const TAGS = new Set(["p", "blockquote", "ul", "ol", "li", "pre", "code", "strong", "em", "a"]);

export function build(nodes) {
  const fragment = document.createDocumentFragment();
  for (const node of nodes) {
    if (typeof node === "string") {
      fragment.append(node);
      continue;
    }
    const [tag, children, href] = node;
    if (!TAGS.has(tag)) throw new Error(`unexpected element ${tag}`);
    const element = document.createElement(tag);
    if (tag === "a") {
      if (!/^https?:\/\//.test(href)) throw new Error("unexpected link");
      element.href = href;
      element.rel = "noopener noreferrer";
      element.target = "_blank";
    }
    if (tag === "pre") element.tabIndex = 0; // it may scroll, and then the keyboard has to get there
    element.append(build(children));
    fragment.append(element);
  }
  return fragment;
}
