// What the theme's own script leaves without a role, and boxes that a keyboard could not scroll.
const repair = () => {
  for (const group of document.querySelectorAll("nav.md-code__nav")) group.setAttribute("role", "none")
  for (const box of document.querySelectorAll('.md-typeset__scrollwrap, .md-typeset p:has(> img[src*=".svg"])'))
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0
    else box.removeAttribute("tabindex")
}

new MutationObserver(repair).observe(document.body, { childList: true, subtree: true })
for (const moment of ["load", "resize"]) addEventListener(moment, repair)
repair()
